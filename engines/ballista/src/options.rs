//! What the functions are told beside texts and models: JSON, since Ballista carries literals.

use std::num::NonZeroUsize;

use datafusion::error::DataFusionError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How a process loads a model. Two calls with equal ones share it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct LoadOptions {
    pub(crate) device: Option<String>,
    pub(crate) precision: Option<String>,
    pub(crate) threads: Option<NonZeroUsize>,
}

/// What to do with a text longer than the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LongTexts {
    /// Cut it.
    #[default]
    Cut,
    /// Fail with its row.
    Refuse,
}

/// The options of `splade_encode`, its third argument: a JSON object, without those left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ColumnOptions {
    /// `cpu`, `cuda`, `cuda:1`, ... Default: `cpu`.
    pub device: Option<String>,
    /// `f32`, `bf16`, ... Default: `f32`.
    pub precision: Option<String>,
    /// CPU threads of the model. Default: as many as there are cores, shared by all models.
    pub threads: Option<NonZeroUsize>,
    /// Token budget of a forward pass.
    pub batch_tokens: Option<NonZeroUsize>,
    /// `query` or `document` for the prompt and the route of that name, or a route's own name.
    pub task: Option<String>,
    /// Text to put before each text.
    pub prompt: Option<String>,
    /// The name of the checkpoint's prompt to put before each text.
    pub prompt_name: Option<String>,
    /// Keeps only the largest weights of each text.
    pub max_active_dims: Option<NonZeroUsize>,
    /// Drops weights below it.
    pub min_weight: Option<f32>,
    /// Drops weights below this ratio of the text's largest.
    pub max_ratio: Option<f32>,
    /// Keeps the largest weights that together reach this share of the text's sum.
    pub mass_share: Option<f32>,
    /// Cuts texts to this many tokens.
    pub max_seq_length: Option<usize>,
    /// What to do with a longer text. Default: cut it.
    pub long_texts: LongTexts,
}

impl ColumnOptions {
    pub(crate) fn load(&self) -> LoadOptions {
        LoadOptions {
            device: self.device.clone(),
            precision: self.precision.clone(),
            threads: self.threads,
        }
    }
}

/// How executors encode the units of a plan: the fourth argument of `splade_encode_part`. What
/// changes vectors is in the plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PartOptions {
    /// See [`ColumnOptions::device`].
    pub device: Option<String>,
    /// See [`ColumnOptions::precision`].
    pub precision: Option<String>,
    /// See [`ColumnOptions::threads`]. Name it: parts of machines with other numbers of threads are
    /// a mixture.
    pub threads: Option<NonZeroUsize>,
    /// Token budget of a forward pass.
    pub batch_tokens: Option<NonZeroUsize>,
    /// How often a unit may be begun, before it is given up by name. Default 4, as often as
    /// Ballista tries a task.
    pub max_attempts: u32,
}

impl Default for PartOptions {
    fn default() -> Self {
        Self { device: None, precision: None, threads: None, batch_tokens: None, max_attempts: 4 }
    }
}

impl PartOptions {
    pub(crate) fn load(&self) -> LoadOptions {
        LoadOptions {
            device: self.device.clone(),
            precision: self.precision.clone(),
            threads: self.threads,
        }
    }

    /// As the function takes them.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers are JSON")
    }
}

/// Options from JSON; `function` is whose they are.
pub(crate) fn parse<T: DeserializeOwned>(function: &str, json: &str) -> Result<T, DataFusionError> {
    serde_json::from_str(json).map_err(|error| {
        DataFusionError::Execution(format!("{function}: the options {json} are wrong: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_options_are_refused_by_name() {
        let error = parse::<ColumnOptions>("splade_encode", r#"{"tsak": "query"}"#).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("splade_encode") && error.contains("`tsak`"), "{error}");
    }

    #[test]
    fn part_options_survive_json() {
        let options = PartOptions {
            precision: Some("bf16".into()),
            threads: NonZeroUsize::new(3),
            max_attempts: 2,
            ..PartOptions::default()
        };
        assert_eq!(parse::<PartOptions>("f", &options.to_json()).unwrap(), options);
        assert_eq!(parse::<PartOptions>("f", "{}").unwrap(), PartOptions::default());
    }
}
