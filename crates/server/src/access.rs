//! [`Keys`]: who may ask.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::ServerError;
use crate::options::KeySource;

/// SHA-256 of a key: all have one length, and a comparison tells nothing of the key.
type Hash = [u8; 32];

/// The keys that are known, which can be read again while the server runs.
pub(crate) struct Keys {
    file: Option<PathBuf>,
    hashes: ArcSwap<Vec<Hash>>,
}

/// The headers that a key may stand in. `Authorization` says `Bearer KEY`.
const HEADERS: [&str; 2] = ["x-api-key", "x-chroma-token"];

impl Keys {
    pub(crate) fn read(source: &KeySource) -> Result<Self, ServerError> {
        let (file, keys) = match source {
            KeySource::File(path) => (Some(path.clone()), read_file(path)?),
            KeySource::Keys(keys) => (None, keys.clone()),
        };
        if let Some(index) = keys.iter().position(|key| !is_key(key)) {
            return Err(ServerError::Key { index: index + 1 });
        }
        let hashes = keys.iter().map(|key| hash(key.as_bytes())).collect();
        Ok(Self { file, hashes: ArcSwap::from_pointee(hashes) })
    }

    /// Reads the file again. Where that fails the keys stay as they are.
    pub(crate) fn reload(&self) -> Result<(), ServerError> {
        if let Some(file) = &self.file {
            let read = Self::read(&KeySource::File(file.clone()))?;
            self.hashes.store(Arc::clone(&read.hashes.load()));
        }
        Ok(())
    }

    /// Who asks, as a number that stands for the key; `None` where no key, or one that is not
    /// known, is given.
    pub(crate) fn client(&self, headers: &HeaderMap) -> Option<u64> {
        self.known(given_key(headers)?)
    }

    /// The number of a key; `None` if it is not known.
    pub(crate) fn known(&self, key: &[u8]) -> Option<u64> {
        let given = hash(key);
        // All are compared, so that the time does not depend on which one it is.
        let known = self.hashes.load();
        let is_known = known.iter().fold(0, |found, known| found | known.ct_eq(&given).unwrap_u8());
        (is_known == 1).then(|| u64::from_le_bytes(given[..8].try_into().unwrap_or_default()))
    }
}

fn given_key(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).and_then(|value| {
        let (scheme, key) = value.split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
    });
    bearer.or_else(|| HEADERS.iter().find_map(|name| headers.get(*name)).map(HeaderValue::as_bytes))
}

fn hash(key: &[u8]) -> Hash {
    Sha256::digest(key).into()
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic())
}

fn read_file(path: &std::path::Path) -> Result<Vec<String>, ServerError> {
    let refused = |why: String| ServerError::Keys { path: path.to_owned(), why };
    let text = fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines: Vec<(usize, &str)> =
        lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect();
    if lines.is_empty() {
        return Err(refused("it has no key: write one a line".to_owned()));
    }
    if let Some((line, _)) = lines.iter().find(|(_, key)| !is_key(key)) {
        return Err(refused(format!("line {line} has characters that no header can hold")));
    }
    Ok(lines.into_iter().map(|(_, key)| key.to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            axum::http::HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )])
    }

    fn keys(keys: &[&str]) -> Keys {
        Keys::read(&KeySource::Keys(keys.iter().map(|key| (*key).to_owned()).collect())).unwrap()
    }

    #[test]
    fn a_key_is_taken_from_each_header_that_clients_use() {
        let keys = keys(&["first", "second"]);
        for (name, value) in [
            ("authorization", "Bearer first"),
            ("authorization", "bearer second"),
            ("x-api-key", "first"),
            ("x-chroma-token", "second"),
        ] {
            assert!(keys.client(&headers(name, value)).is_some(), "{name}: {value}");
        }
    }

    #[test]
    fn no_key_and_a_wrong_one_are_refused() {
        let keys = keys(&["first"]);
        assert!(keys.client(&HeaderMap::new()).is_none());
        for (name, value) in [
            ("authorization", "Bearer firs"),
            ("authorization", "Bearer firstt"),
            ("authorization", "Basic first"),
            ("authorization", "first"),
            ("authorization", "Bearer "),
            ("x-api-key", ""),
        ] {
            assert!(keys.client(&headers(name, value)).is_none(), "{name}: {value}");
        }
    }

    #[test]
    fn a_file_of_keys_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        fs::write(&path, "# ours\n\nold\n").unwrap();
        let keys = Keys::read(&KeySource::File(path.clone())).unwrap();
        fs::write(&path, "new\r\n").unwrap();
        keys.reload().unwrap();
        assert!(keys.client(&headers("x-api-key", "old")).is_none());
        assert!(keys.client(&headers("x-api-key", "new")).is_some());
        fs::write(&path, "").unwrap();
        assert!(keys.reload().is_err());
        assert!(keys.client(&headers("x-api-key", "new")).is_some(), "the keys stay");
    }

    #[test]
    fn keys_that_no_header_can_hold_are_refused_by_their_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        fs::write(&path, "fine\nnot fine\n").unwrap();
        let Err(error) = Keys::read(&KeySource::File(path)) else { panic!("it is taken") };
        assert!(error.to_string().contains("line 2"), "{error}");
        assert!(!error.to_string().contains("not fine"), "no key in an error");
    }
}
