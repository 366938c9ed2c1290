//! The fields of `tokenizer_config.json` that change what a text becomes.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tokenizers::TruncationDirection;

use crate::TokenizerError;

/// `tokenizer_config.json`; everything may be absent, the file as well.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct TokenizerConfig {
    pub(crate) tokenizer_class: Option<String>,
    /// Written as 1e30 (in digits) where there is no limit, so not an integer type.
    model_max_length: Option<f64>,
    truncation_side: Option<String>,
    pub(crate) do_lower_case: Option<bool>,
    pub(crate) strip_accents: Option<bool>,
    pub(crate) tokenize_chinese_chars: Option<bool>,
    pub(crate) add_prefix_space: Option<bool>,
    pub(crate) trim_offsets: Option<bool>,
    pub(crate) keep_accents: Option<bool>,
    pub(crate) split_by_punct: Option<bool>,
    pub(crate) split_special_tokens: Option<bool>,
    pub(crate) unk_token: Option<TokenSpec>,
    pub(crate) sep_token: Option<TokenSpec>,
    pub(crate) pad_token: Option<TokenSpec>,
    pub(crate) cls_token: Option<TokenSpec>,
    pub(crate) mask_token: Option<TokenSpec>,
    pub(crate) bos_token: Option<TokenSpec>,
    pub(crate) eos_token: Option<TokenSpec>,
    pub(crate) additional_special_tokens: Option<Vec<TokenSpec>>,
    pub(crate) added_tokens_decoder: Option<BTreeMap<u32, serde_json::Value>>,
}

/// A token as a string, or as an object with its matching rules.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum TokenSpec {
    Content(String),
    Object { content: String },
}

impl TokenSpec {
    pub(crate) fn content(&self) -> &str {
        match self {
            Self::Content(content) | Self::Object { content } => content,
        }
    }
}

impl TokenizerConfig {
    /// Reads `folder/tokenizer_config.json`; what the file does not say, or no file, is `None`.
    pub(crate) fn load(folder: &Path) -> Result<Self, TokenizerError> {
        let path = folder.join("tokenizer_config.json");
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|source| TokenizerError::ParseConfig { path, source }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(TokenizerError::Read { path, source }),
        }
    }

    /// The longest text in tokens, where the file gives a limit (transformers takes what is above
    /// 1e20 for none).
    pub(crate) fn max_length(&self) -> Result<Option<usize>, TokenizerError> {
        match self.model_max_length {
            None => Ok(None),
            Some(n) if n > 1e20 => Ok(None),
            Some(n) if n >= 1.0 && n.fract() == 0.0 => Ok(Some(n as usize)),
            Some(n) => Err(TokenizerError::ConfigValue {
                field: "model_max_length",
                found: n.to_string(),
                expected: "a positive integer",
            }),
        }
    }

    /// The end of a long text that is cut off; `baked_in` is what `tokenizer.json` says.
    pub(crate) fn truncation_direction(
        &self,
        baked_in: Option<TruncationDirection>,
    ) -> Result<TruncationDirection, TokenizerError> {
        match self.truncation_side.as_deref() {
            None => Ok(baked_in.unwrap_or(TruncationDirection::Right)),
            Some("right") => Ok(TruncationDirection::Right),
            Some("left") => Ok(TruncationDirection::Left),
            Some(other) => Err(TokenizerError::ConfigValue {
                field: "truncation_side",
                found: other.to_owned(),
                expected: "`left` or `right`",
            }),
        }
    }
}
