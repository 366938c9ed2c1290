//! `tokenizer.json`: read by the `tokenizers` crate, and once more for what that crate does not show.

use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::TokenizerError;
use crate::fields::Fields;
use crate::rebuild::JsonSettings;

/// A `tokenizer.json`, read.
#[derive(Debug)]
pub(crate) struct JsonFile {
    pub(crate) tokenizer: tokenizers::Tokenizer,
    pub(crate) added_tokens: Vec<Fields>,
    pub(crate) settings: JsonSettings,
}

impl JsonFile {
    /// Reads the file.
    ///
    /// # Errors
    /// A file that cannot be read, or is no tokenizer.
    pub(crate) fn read(path: &Path) -> Result<Self, TokenizerError> {
        let bytes = std::fs::read(path)
            .map_err(|source| TokenizerError::Read { path: path.to_owned(), source })?;
        Self::parse(&bytes)
            .map_err(|source| TokenizerError::Parse { path: path.to_owned(), source })
    }

    /// The tokenizer of a vocabulary that stands in files of its own.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn from_vocabulary(json: &Value, path: &Path) -> Result<Self, TokenizerError> {
        Self::parse(json.to_string().as_bytes())
            .map_err(|source| TokenizerError::Parse { path: path.to_owned(), source })
    }

    fn parse(bytes: &[u8]) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let shown: Shown = serde_json::from_slice(bytes)?;
        Ok(Self {
            tokenizer: tokenizers::Tokenizer::from_bytes(bytes)?,
            added_tokens: shown.added_tokens.unwrap_or_default(),
            settings: JsonSettings {
                unk_id: shown.model.unk_id.as_ref().and_then(Value::as_u64).map(|id| id as usize),
                pad_token: shown.padding.map(|padding| padding.pad_token),
            },
        })
    }
}

/// The parts of the file. `tokenizers` 0.23.2 parses `decoder` with an `expect`, so a syntax error
/// there, as in a file that was cut short, would panic. Parsing it here, before, makes that an error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    #[serde(rename = "version")]
    _version: Option<IgnoredAny>,
    #[serde(rename = "truncation")]
    _truncation: Option<IgnoredAny>,
    padding: Option<Padding>,
    added_tokens: Option<Vec<Fields>>,
    #[serde(rename = "normalizer")]
    _normalizer: Option<IgnoredAny>,
    #[serde(rename = "pre_tokenizer")]
    _pre_tokenizer: Option<IgnoredAny>,
    #[serde(rename = "post_processor")]
    _post_processor: Option<IgnoredAny>,
    #[serde(rename = "decoder")]
    _decoder: Option<Value>,
    model: Model,
}

#[derive(Deserialize)]
struct Padding {
    pad_token: String,
}

#[derive(Deserialize)]
struct Model {
    unk_id: Option<Value>,
}
