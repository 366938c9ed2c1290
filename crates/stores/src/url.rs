//! The names of objects: `s3://bucket/key`.

use std::fmt;

use object_store::path::Path;

use crate::{StoreError, StoreProblem};

/// The schemes, and the store of each.
const SCHEMES: [(&str, Kind); 8] = [
    ("s3", Kind::S3),
    ("s3a", Kind::S3),
    ("gs", Kind::Google),
    ("az", Kind::Azure),
    ("adl", Kind::Azure),
    ("azure", Kind::Azure),
    ("abfs", Kind::Azure),
    ("abfss", Kind::Azure),
];

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    S3,
    Google,
    Azure,
}

/// Whether a text names an object: it begins with a scheme of an object store.
#[must_use]
pub fn is_object_url(text: &str) -> bool {
    split(text).is_some()
}

/// The kind, and what follows the scheme.
fn split(text: &str) -> Option<(Kind, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let (_, kind) = SCHEMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(scheme))?;
    Some((*kind, rest))
}

/// An object, or a folder of objects: `s3://bucket/key`, `gs://bucket/key`, `az://container/key`,
/// `abfss://container@account.dfs.core.windows.net/key`.
///
/// The key is taken as it stands, as the stores' own tools do: `%20` is no space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectUrl {
    text: String,
    pub(crate) kind: Kind,
    /// Scheme and bucket, up to the slash before the key.
    root_len: usize,
    pub(crate) key: Path,
}

impl ObjectUrl {
    /// Parses a URL; a slash at its end means nothing.
    ///
    /// # Errors
    /// [`StoreProblem::Url`] for another scheme, no bucket, or a key with empty or dotted segments.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        let wrong = |why: String| StoreError::new(text, StoreProblem::Url { why });
        let text = text.trim_end_matches('/');
        let Some((kind, rest)) = split(text) else {
            return Err(wrong("it begins with none of s3://, gs://, az://, abfs://".to_owned()));
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(wrong("it has no bucket".to_owned()));
        }
        if key.starts_with('/') {
            return Err(wrong("two slashes follow the bucket".to_owned()));
        }
        let root_len = text.len() - rest.len() + bucket.len();
        let key = Path::parse(key).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { text: text.to_owned(), kind, root_len, key })
    }

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme and bucket.
    pub(crate) fn root(&self) -> &str {
        &self.text[..self.root_len]
    }

    /// What follows the last slash of the key; empty for a bucket.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.key.filename().unwrap_or_default()
    }

    /// The object of this name in the folder.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn join(&self, name: &str) -> Result<Self, StoreError> {
        Self::parse(&format!("{}/{name}", self.text))
    }
}

impl fmt::Display for ObjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
