//! The configuration of a `SpladePooling`: how the logits of a text's tokens become its weights.

use std::path::Path;

use serde::Deserialize;
use splade_model::{PoolActivation, PoolStrategy, Pooling};

use crate::SpladeError;
use crate::layout::read_json;

/// `config.json` of a `SpladePooling`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PoolingConfig {
    pooling_strategy: String,
    activation_function: String,
    embedding_dimension: Option<usize>,
    /// The older name of `embedding_dimension`.
    word_embedding_dimension: Option<usize>,
    /// How many tokens the reference pools at once.
    #[serde(rename = "chunk_size")]
    _chunk_size: Option<i64>,
}

impl Default for PoolingConfig {
    fn default() -> Self {
        Self {
            pooling_strategy: "max".to_owned(),
            activation_function: "relu".to_owned(),
            embedding_dimension: None,
            word_embedding_dimension: None,
            _chunk_size: None,
        }
    }
}

/// Reads the file of a module's folder; without the file every key has its default.
///
/// # Errors
/// A file that is broken, has an unsupported value, or is for another vocabulary.
pub(crate) fn read_pooling(folder: &Path, vocab_size: usize) -> Result<Pooling, SpladeError> {
    let path = folder.join("config.json");
    let config: PoolingConfig = read_json(&path)?.unwrap_or_default();
    let value_error = |field, found: &str, expected: &str| SpladeError::ConfigValue {
        path: path.clone(),
        field,
        found: found.to_owned(),
        expected: expected.to_owned(),
    };
    let strategy = match config.pooling_strategy.as_str() {
        "max" => PoolStrategy::Max,
        "sum" => PoolStrategy::Sum,
        other => return Err(value_error("pooling_strategy", other, "`max` or `sum`")),
    };
    let activation = match config.activation_function.as_str() {
        "relu" => PoolActivation::Relu,
        "log1p_relu" => PoolActivation::Log1pRelu,
        other => {
            return Err(value_error("activation_function", other, "`relu` or `log1p_relu`"));
        }
    };
    let width = config.embedding_dimension.or(config.word_embedding_dimension);
    if let Some(found) = width.filter(|width| *width != vocab_size) {
        let expected = format!("the model's vocabulary of {vocab_size}");
        return Err(value_error("embedding_dimension", &found.to_string(), &expected));
    }
    Ok(Pooling { strategy, activation })
}
