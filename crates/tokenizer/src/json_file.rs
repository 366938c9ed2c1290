//! `tokenizer.json`: read by the `tokenizers` crate, and again for what that crate does not expose.

use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, to_value};

use crate::TokenizerError;
use crate::fields::Fields;
use crate::rebuild::JsonSettings;
use crate::unread_json::{self, ModelKeys};

/// A parsed `tokenizer.json`.
#[derive(Debug)]
pub(crate) struct JsonFile {
    pub(crate) tokenizer: tokenizers::Tokenizer,
    pub(crate) added_tokens: Vec<Fields>,
    pub(crate) settings: JsonSettings,
    /// Keys that nothing reads, qualified by the names of their parts.
    pub(crate) unread: Vec<String>,
}

impl JsonFile {
    /// Reads the file.
    ///
    /// # Errors
    /// The file cannot be read, or is not a tokenizer.
    pub(crate) fn read(path: &Path) -> Result<Self, TokenizerError> {
        let bytes = std::fs::read(path)
            .map_err(|source| TokenizerError::Read { path: path.to_owned(), source })?;
        Self::parse(&bytes)
            .map_err(|source| TokenizerError::Parse { path: path.to_owned(), source })
    }

    /// Builds the tokenizer of a vocabulary from other files.
    ///
    /// # Errors
    /// It is not a tokenizer.
    pub(crate) fn from_vocabulary(json: &Value, path: &Path) -> Result<Self, TokenizerError> {
        Self::parse(json.to_string().as_bytes())
            .map_err(|source| TokenizerError::Parse { path: path.to_owned(), source })
    }

    fn parse(bytes: &[u8]) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let shown: Shown = serde_json::from_slice(bytes)?;
        let tokenizer = tokenizers::Tokenizer::from_bytes(bytes)?;
        let unread = shown.unread(&tokenizer)?;
        let pad_token = match shown.padding {
            Some(padding) => Some(Padding::deserialize(padding)?.pad_token),
            None => None,
        };
        Ok(Self {
            tokenizer,
            added_tokens: shown.added_tokens.unwrap_or_default(),
            settings: JsonSettings { unk_id: shown.model.unk_id, pad_token },
            unread,
        })
    }
}

/// The parts of the file. `tokenizers` 0.23.2 parses `decoder` with an `expect`, so a syntax error
/// there, as in a truncated file, would panic. Parsing it here first makes that an error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    #[serde(rename = "version")]
    _version: Option<IgnoredAny>,
    truncation: Option<Value>,
    padding: Option<Value>,
    added_tokens: Option<Vec<Fields>>,
    normalizer: Option<Value>,
    pre_tokenizer: Option<Value>,
    post_processor: Option<Value>,
    decoder: Option<Value>,
    model: ModelKeys,
}

#[derive(Deserialize)]
struct Padding {
    pad_token: String,
}

impl Shown {
    /// The keys that are missing from `tokenizer`, which was built from them.
    fn unread(&self, tokenizer: &tokenizers::Tokenizer) -> serde_json::Result<Vec<String>> {
        let mut unread = Vec::new();
        for (name, found, written) in [
            ("truncation", &self.truncation, to_value(tokenizer.get_truncation())?),
            ("padding", &self.padding, to_value(tokenizer.get_padding())?),
            ("normalizer", &self.normalizer, to_value(tokenizer.get_normalizer())?),
            ("pre_tokenizer", &self.pre_tokenizer, to_value(tokenizer.get_pre_tokenizer())?),
            ("post_processor", &self.post_processor, to_value(tokenizer.get_post_processor())?),
            ("decoder", &self.decoder, to_value(tokenizer.get_decoder())?),
        ] {
            let found = found.as_ref().map(|found| unread_json::of_part(name, found, &written));
            unread.extend(found.unwrap_or_default());
        }
        unread.extend(self.model.unread());
        unread.extend(unread_json::of_added_tokens(self.added_tokens.as_deref().unwrap_or(&[])));
        // Merge those of all added tokens, and of all parts of a list.
        unread.sort_unstable();
        unread.dedup();
        Ok(unread)
    }
}
