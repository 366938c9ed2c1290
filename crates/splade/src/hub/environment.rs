//! Options from the environment variables of `huggingface_hub`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::{HubError, HubOptions};

impl HubOptions {
    /// Reads the environment by the rules of `huggingface_hub`:
    ///
    /// * `token`: `HF_TOKEN`, else `HUGGING_FACE_HUB_TOKEN`, else the file that `hf auth login`
    ///   wrote (`HF_TOKEN_PATH`, else `token` in `HF_HOME`); `None` if
    ///   `HF_HUB_DISABLE_IMPLICIT_TOKEN` is set
    /// * `cache_dir`: `HF_HUB_CACHE`, else `HUGGINGFACE_HUB_CACHE`, else `hub` in `HF_HOME`
    /// * `endpoint`: `HF_ENDPOINT`
    /// * `offline`: `HF_HUB_OFFLINE`, else `TRANSFORMERS_OFFLINE`: `1`, `on`, `yes` or `true`
    ///
    /// `HF_HOME` is `huggingface` in `XDG_CACHE_HOME`, else in `~/.cache`. An empty variable counts
    /// as unset. If the environment says offline, no token is looked for.
    ///
    /// # Errors
    /// A token file that exists and cannot be read; a variable that is not text.
    pub fn from_env() -> Result<Self, HubError> {
        from(std::env::var_os::<&str>, std::env::home_dir(), Token::Wanted)
    }

    /// Like [`from_env`](Self::from_env), but looks for no token: files that are already in the
    /// cache need none.
    ///
    /// # Errors
    /// A variable that is not text.
    pub fn from_env_without_token() -> Result<Self, HubError> {
        from(std::env::var_os::<&str>, std::env::home_dir(), Token::Unwanted)
    }
}

/// Whether the token is looked for.
#[derive(Clone, Copy, PartialEq)]
enum Token {
    Wanted,
    Unwanted,
}

fn from(
    variable: impl Fn(&'static str) -> Option<OsString>,
    home: Option<PathBuf>,
    token: Token,
) -> Result<HubOptions, HubError> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let text = |name| {
        let value = set(name).map(OsString::into_string).transpose();
        value.map_err(|_| HubError::Variable { name })
    };
    let folder = |name| set(name).map(PathBuf::from);
    let is_on = |name| {
        let value = text(name)?.unwrap_or_default().to_ascii_lowercase();
        Ok::<_, HubError>(["1", "on", "yes", "true"].contains(&value.as_str()))
    };

    let below = |parent: PathBuf| parent.join("huggingface");
    let hf_home = folder("HF_HOME")
        .or_else(|| folder("XDG_CACHE_HOME").map(below))
        .or_else(|| home.map(|home| below(home.join(".cache"))));
    let in_home = |name: &str| hf_home.as_ref().map(|home| home.join(name));

    let offline = is_on("HF_HUB_OFFLINE")? || is_on("TRANSFORMERS_OFFLINE")?;
    let token = match text("HF_TOKEN")?.or(text("HUGGING_FACE_HUB_TOKEN")?) {
        _ if offline || token == Token::Unwanted => None,
        _ if is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN")? => None,
        Some(token) => Some(token.trim().to_owned()),
        None => match folder("HF_TOKEN_PATH").or_else(|| in_home("token")) {
            Some(path) => read_token(&path)?,
            None => None,
        },
    };
    Ok(HubOptions {
        token,
        cache_dir: folder("HF_HUB_CACHE")
            .or_else(|| folder("HUGGINGFACE_HUB_CACHE"))
            .or_else(|| in_home("hub")),
        offline,
        endpoint: text("HF_ENDPOINT")?,
        ..HubOptions::default()
    })
}

/// The token in a file; `None` if the file does not exist or is empty.
fn read_token(path: &Path) -> Result<Option<String>, HubError> {
    match fs::read_to_string(path) {
        Ok(token) => Ok(Some(token.trim().to_owned()).filter(|token| !token.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(HubError::TokenFile { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(variables: &[(&'static str, &str)]) -> HubOptions {
        let variable = |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        from(variable, Some(PathBuf::from("/users/me")), Token::Wanted).unwrap()
    }

    #[test]
    fn an_empty_environment_is_the_user_s_cache_and_no_token() {
        let options = options(&[("HF_TOKEN", ""), ("HF_ENDPOINT", "")]);
        assert_eq!(options.cache_dir.unwrap(), Path::new("/users/me/.cache/huggingface/hub"));
        assert_eq!((options.token, options.endpoint, options.offline), (None, None, false));
    }

    #[test]
    fn the_more_particular_variable_wins() {
        let cache = |variables: &[_]| options(variables).cache_dir.unwrap();
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/x")]), Path::new("/x/huggingface/hub"));
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/x"), ("HF_HOME", "/h")]), Path::new("/h/hub"));
        assert_eq!(cache(&[("HF_HUB_CACHE", "/c"), ("HF_HOME", "/h")]), Path::new("/c"));
    }

    #[test]
    fn tokens_come_from_the_variable_or_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let home = folder.path().to_str().unwrap();
        let token = |variables: &[_]| options(variables).token;
        assert_eq!(token(&[("HF_HOME", home)]), None);
        fs::write(&file, "hf_file\n").unwrap();
        assert_eq!(token(&[("HF_HOME", home)]).unwrap(), "hf_file");
        assert_eq!(token(&[("HF_TOKEN_PATH", file.to_str().unwrap())]).unwrap(), "hf_file");
        assert_eq!(
            token(&[("HF_HOME", home), ("HF_TOKEN", " hf_variable ")]).unwrap(),
            "hf_variable"
        );
        assert_eq!(token(&[("HF_HOME", home), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]), None);
    }

    #[test]
    fn a_token_file_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("token")).unwrap();
        let home = |name| (name == "HF_HOME").then(|| folder.path().as_os_str().to_owned());
        let error = from(home, None, Token::Wanted).unwrap_err();
        assert!(matches!(&error, HubError::TokenFile { path, .. } if path.ends_with("token")));
        assert!(from(home, None, Token::Unwanted).is_ok());
        let offline = |name| match name {
            "HF_HUB_OFFLINE" => Some("1".into()),
            other => home(other),
        };
        assert!(from(offline, None, Token::Wanted).is_ok());
    }

    #[test]
    fn offline_is_a_word_of_agreement() {
        for (value, expected) in
            [("1", true), ("TRUE", true), ("on", true), ("0", false), ("no", false)]
        {
            assert_eq!(options(&[("HF_HUB_OFFLINE", value)]).offline, expected, "{value}");
        }
    }
}
