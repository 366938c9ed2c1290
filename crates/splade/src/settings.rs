//! `config_sentence_transformers.json`: prompts, similarity function, limit; and how a prompt is
//! chosen for a call.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use splade_sparse::SimilarityFunction;

use crate::layout::read_json;
use crate::{SpladeError, other_files, requirements};

/// The settings of a checkpoint, with the changes made on one handle of an encoder.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `query` and `document` are always present, empty if the checkpoint has none.
    pub(crate) prompts: BTreeMap<String, String>,
    pub(crate) default_prompt_name: Option<String>,
    pub(crate) similarity: SimilarityFunction,
    pub(crate) max_active_dims: Option<NonZeroUsize>,
    /// Set on a handle only; this file has no such key.
    pub(crate) max_seq_length: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SettingsFile {
    /// The versions that wrote it.
    #[serde(rename = "__version__")]
    _version: Option<IgnoredAny>,
    requirements: Option<Value>,
    model_type: Option<String>,
    prompts: Option<BTreeMap<String, Option<String>>>,
    default_prompt_name: Option<String>,
    similarity_fn_name: Option<String>,
    max_active_dims: Option<NonZeroUsize>,
}

impl Settings {
    /// Reads the file of a folder; without the file every setting has its default. For a checkpoint
    /// without `modules.json` the reference does not read it; a warning says so.
    ///
    /// # Errors
    /// A file that is broken, or has an unsupported value.
    pub(crate) fn read(folder: &Path) -> Result<Self, SpladeError> {
        let path = folder.join("config_sentence_transformers.json");
        let file: SettingsFile = match folder.join("modules.json").exists() {
            true => read_json(&path)?.unwrap_or_default(),
            false => {
                other_files::tell_unread(&path);
                SettingsFile::default()
            }
        };
        let value_error = |field, found: &str, expected: String| SpladeError::ConfigValue {
            path: path.clone(),
            field,
            found: found.to_owned(),
            expected,
        };
        // The reference also loads the modules of a SentenceTransformer.
        let ours = ["SparseEncoder", "SentenceTransformer"];
        if let Some(other) = file.model_type.as_deref().filter(|name| !ours.contains(name)) {
            return Err(value_error("model_type", other, "`SparseEncoder`".to_owned()));
        }
        requirements::check(&path, file.requirements.as_ref())?;
        let mut prompts: BTreeMap<String, String> =
            ["query", "document"].map(|name| (name.to_owned(), String::new())).into();
        let named = file.prompts.unwrap_or_default();
        prompts.extend(named.into_iter().map(|(name, text)| (name, text.unwrap_or_default())));
        let similarity = match file.similarity_fn_name.as_deref() {
            None => SimilarityFunction::default(),
            Some(name) => name.parse().map_err(|error: splade_sparse::SparseError| {
                value_error("similarity_fn_name", name, error.to_string())
            })?,
        };
        let settings = Self {
            prompts,
            default_prompt_name: file.default_prompt_name,
            similarity,
            max_active_dims: file.max_active_dims,
            max_seq_length: None,
        };
        if let Some(name) = &settings.default_prompt_name {
            settings.named_prompt(name)?;
        }
        Ok(settings)
    }

    /// The prompt of a call: `prompt`, else the one named `prompt_name`, else the checkpoint's
    /// default. An empty prompt counts as a prompt.
    ///
    /// # Errors
    /// A name that the checkpoint has no prompt for.
    pub(crate) fn prompt<'a>(
        &'a self,
        prompt: Option<&'a str>,
        prompt_name: Option<&str>,
    ) -> Result<&'a str, SpladeError> {
        match (prompt, prompt_name.or(self.default_prompt_name.as_deref())) {
            (Some(prompt), _) => Ok(prompt),
            (None, Some(name)) => self.named_prompt(name),
            (None, None) => Ok(""),
        }
    }

    fn named_prompt(&self, name: &str) -> Result<&str, SpladeError> {
        self.prompts.get(name).map(String::as_str).ok_or_else(|| SpladeError::UnknownPrompt {
            name: name.to_owned(),
            known: self.prompts.keys().cloned().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            prompts: [("query", "find: "), ("document", ""), ("other", "x ")]
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .into(),
            default_prompt_name: Some("other".to_owned()),
            similarity: SimilarityFunction::Dot,
            max_active_dims: None,
            max_seq_length: None,
        }
    }

    #[test]
    fn prompt_beats_name_beats_default() {
        let settings = settings();
        assert_eq!(settings.prompt(Some("p"), Some("query")).unwrap(), "p");
        assert_eq!(settings.prompt(None, Some("query")).unwrap(), "find: ");
        assert_eq!(settings.prompt(None, None).unwrap(), "x ");
    }

    #[test]
    fn an_empty_prompt_keeps_the_default_away() {
        assert_eq!(settings().prompt(Some(""), None).unwrap(), "");
        assert_eq!(settings().prompt(None, Some("document")).unwrap(), "");
    }

    #[test]
    fn an_unknown_prompt_name_is_refused_with_the_known_ones() {
        let error = settings().prompt(None, Some("passage")).unwrap_err().to_string();
        assert!(error.contains("passage") && error.contains("other"), "{error}");
    }
}
