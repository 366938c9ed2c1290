//! [`CallOptions`]: what a request may choose, in its body or as query parameters.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use splade::tokens::TruncationSide;
use splade::{EncodeOptions, Pruning, TextOptions, Truncation};

use super::body::in_words;
use super::error::{ApiError, ApiResult};

/// Which end of a long text is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum Direction {
    #[serde(rename = "right", alias = "Right")]
    Right,
    #[serde(rename = "left", alias = "Left")]
    Left,
}

/// The form of sparse vectors in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// `[[{"index": 1045, "value": 0.81}]]`
    Pairs,
    /// `[{"indices": [1045], "values": [0.81]}]`
    Arrays,
    /// `[{"weather": 1.03}]`
    Tokens,
    /// Tokens by their ids: `[{"1045": 0.81}]`
    Ids,
    /// `{"data": [{"index", "indices", "values", "tokens", "n_tokens", "truncated"}], "usage"}`
    Rows,
}

/// What becomes of full stops in tokens, where they are keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dots {
    /// They stay: OpenSearch, and Elasticsearch's `sparse_vector` since 8.16.
    Keep,
    /// `_`, for Elasticsearch's `rank_features`.
    Underscore,
    /// `__`, as ELSER writes them.
    Double,
}

/// What a request may choose. A request's body beats its query parameters.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct CallOptions {
    /// Whether texts that are too long are cut; else they are an error. Default: as the server was
    /// started.
    #[serde(deserialize_with = "flag")]
    pub(crate) truncate: Option<bool>,
    pub(crate) truncation_direction: Option<Direction>,
    /// The name of a prompt of the model to put before each text.
    pub(crate) prompt_name: Option<String>,
    /// Put before each text.
    pub(crate) prompt: Option<String>,
    /// `query` or `document`, for models that encode them differently.
    #[serde(deserialize_with = "name")]
    pub(crate) task: Option<String>,
    /// Tokens that a text is cut to.
    pub(crate) max_seq_length: Option<NonZeroUsize>,
    /// Keep only the largest weights of each text.
    pub(crate) max_active_dims: Option<NonZeroUsize>,
    /// Drop weights below this.
    pub(crate) min_weight: Option<f32>,
    /// Drop weights below this ratio (0 to 1) to the text's largest.
    pub(crate) max_ratio: Option<f32>,
    /// Keep the largest weights until they have this share (0 to 1) of the text's sum.
    pub(crate) mass_share: Option<f32>,
    pub(crate) format: Option<Format>,
    pub(crate) dots: Option<Dots>,
    /// Divide each vector by its length.
    #[serde(deserialize_with = "flag")]
    pub(crate) normalize: Option<bool>,
    /// Answer 504 if it takes longer.
    pub(crate) timeout_ms: Option<u64>,
}

/// The query parameters, each with how its value is read.
pub(crate) const PARAMETERS: [&str; 14] = [
    "truncate",
    "truncation_direction",
    "prompt_name",
    "prompt",
    "task",
    "max_seq_length",
    "max_active_dims",
    "min_weight",
    "max_ratio",
    "mass_share",
    "format",
    "dots",
    "normalize",
    "timeout_ms",
];

impl CallOptions {
    /// Reads query parameters; one that is not known is an error.
    ///
    /// # Errors
    /// A parameter that is not known, is given twice or has a value that cannot be used.
    pub(crate) fn from_query(query: Option<&str>) -> ApiResult<Self> {
        let mut fields = serde_json::Map::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if !PARAMETERS.contains(&name.as_ref()) {
                return Err(ApiError::validation(format!(
                    "unknown query parameter `{name}`; known: {}",
                    PARAMETERS.join(", ")
                )));
            }
            let is_text = ["prompt_name", "prompt", "task"].contains(&name.as_ref());
            let value = match serde_json::from_str(&value) {
                Ok(value @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_)))
                    if !is_text =>
                {
                    value
                }
                _ => serde_json::Value::String(value.into_owned()),
            };
            if fields.insert(name.clone().into_owned(), value).is_some() {
                return Err(ApiError::validation(format!(
                    "query parameter `{name}` is given twice"
                )));
            }
        }
        // One by one, so that the error names the parameter.
        let mut options = Self::default();
        for (name, value) in fields {
            let one = serde_json::Map::from_iter([(name.clone(), value)]);
            let read = Self::deserialize(serde_json::Value::Object(one));
            let read = read.map_err(|error| {
                ApiError::validation(format!("query parameter `{name}`: {}", in_words(&error)))
            })?;
            options = options.or(read);
        }
        Ok(options)
    }

    /// These, and what they leave open from `other`.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            truncate: self.truncate.or(other.truncate),
            truncation_direction: self.truncation_direction.or(other.truncation_direction),
            prompt_name: self.prompt_name.or(other.prompt_name),
            prompt: self.prompt.or(other.prompt),
            task: self.task.or(other.task),
            max_seq_length: self.max_seq_length.or(other.max_seq_length),
            max_active_dims: self.max_active_dims.or(other.max_active_dims),
            min_weight: self.min_weight.or(other.min_weight),
            max_ratio: self.max_ratio.or(other.max_ratio),
            mass_share: self.mass_share.or(other.mass_share),
            format: self.format.or(other.format),
            dots: self.dots.or(other.dots),
            normalize: self.normalize.or(other.normalize),
            timeout_ms: self.timeout_ms.or(other.timeout_ms),
        }
    }

    /// Those for texts that are queries, or documents: the task and the prompt of that name, unless
    /// these say otherwise.
    pub(crate) fn for_task(&self, task: &str) -> Self {
        let has_prompt = self.prompt.is_some() || self.prompt_name.is_some();
        let named = Self {
            task: Some(task.to_owned()),
            prompt_name: (!has_prompt).then(|| task.to_owned()),
            ..Self::default()
        };
        self.clone().or(named)
    }

    /// What the tokenizer needs to know.
    pub(crate) fn encode_options(&self, auto_truncate: bool) -> EncodeOptions {
        let mut options = EncodeOptions::default();
        options.task.clone_from(&self.task);
        options.prompt.clone_from(&self.prompt);
        options.prompt_name.clone_from(&self.prompt_name);
        options.max_seq_length = self.max_seq_length.map(NonZeroUsize::get);
        options.truncation = match self.truncate.unwrap_or(auto_truncate) {
            true => Truncation::Cut,
            false => Truncation::Refuse,
        };
        options.truncation_side = self.truncation_direction.map(|direction| match direction {
            Direction::Right => TruncationSide::Right,
            Direction::Left => TruncationSide::Left,
        });
        options
    }

    /// What is kept of each vector.
    ///
    /// # Errors
    /// A threshold that is none.
    pub(crate) fn text_options(&self) -> ApiResult<TextOptions> {
        let wrong = |error: splade::sparse::SparseError| ApiError::validation(error.to_string());
        let mut pruning = Pruning::default();
        if let Some(weight) = self.min_weight {
            pruning = pruning.with_minimum_weight(weight).map_err(wrong)?;
        }
        if let Some(ratio) = self.max_ratio {
            pruning = pruning.with_max_ratio(ratio).map_err(wrong)?;
        }
        if let Some(share) = self.mass_share {
            pruning = pruning.with_mass_share(share).map_err(wrong)?;
        }
        if let Some(k) = self.max_active_dims {
            pruning = pruning.with_max_active_dims(k);
        }
        let options = TextOptions::default();
        Ok(if pruning == Pruning::default() { options } else { options.with_pruning(pruning) })
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout_ms.map(Duration::from_millis)
    }
}

/// A boolean, which some clients send as a string.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected true or false")]
    enum Flag {
        Bool(bool),
        Text(String),
    }
    match Option::<Flag>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Flag::Bool(flag)) => Ok(Some(flag)),
        Some(Flag::Text(text)) => match text.as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(serde::de::Error::custom(format!("expected true or false, found `{text}`"))),
        },
    }
}

/// A name; an empty one is none, as Chroma's client sends it.
fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|name| !name.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_parameters_are_read_by_their_types() {
        let options = CallOptions::from_query(Some(
            "truncate=false&prompt=12&max_active_dims=32&min_weight=0.5&format=tokens&task=query",
        ))
        .unwrap();
        assert_eq!(options.truncate, Some(false));
        assert_eq!(options.prompt.as_deref(), Some("12"));
        assert_eq!(options.max_active_dims, NonZeroUsize::new(32));
        assert_eq!(options.min_weight, Some(0.5));
        assert_eq!(options.format, Some(Format::Tokens));
        assert_eq!(options.task.as_deref(), Some("query"));
    }

    #[test]
    fn what_is_wrong_with_a_parameter_is_told_with_its_name() {
        for (query, named) in [
            ("colour=red", "colour"),
            ("max_active_dims=0", "max_active_dims"),
            ("max_active_dims=many", "max_active_dims"),
            ("format=xml", "format"),
            ("truncate=perhaps", "truncate"),
            ("task=a&task=b", "task"),
        ] {
            let error = CallOptions::from_query(Some(query)).unwrap_err();
            assert!(error.message.contains(named), "{query}: {}", error.message);
            assert!(!error.message.contains("usize"), "{query}: {}", error.message);
            assert_eq!(error.status, 422);
        }
    }

    #[test]
    fn the_body_beats_the_query() {
        let body: CallOptions = serde_json::from_str(r#"{"task": "document"}"#).unwrap();
        let query = CallOptions::from_query(Some("task=query&dots=double")).unwrap();
        let options = body.or(query);
        assert_eq!(options.task.as_deref(), Some("document"));
        assert_eq!(options.dots, Some(Dots::Double));
    }
}
