//! The `config.json` of a checkpoint that is saved again.

use std::path::Path;

use serde_json::{Map, Value};

use super::WeightDtype;
use crate::architectures;
use crate::config::Json;
use crate::{ModelError, parse_json};

/// The file unchanged, except for the type of the weights and for a `model_type` that transformers
/// 5 calls by another name.
///
/// # Errors
/// A file that cannot be read; a configuration that transformers 5 cannot represent.
pub(super) fn saved(path: &Path, dtype: Option<WeightDtype>) -> Result<Value, ModelError> {
    let bytes =
        std::fs::read(path).map_err(|source| ModelError::Read { path: path.to_owned(), source })?;
    let mut config: Map<String, Value> = parse_json(&bytes)
        .map_err(|source| ModelError::ParseConfig { path: path.to_owned(), source })?;
    if let Some(dtype) = dtype {
        // The older name.
        config.remove("torch_dtype");
        config.insert("dtype".to_owned(), dtype.name_in_config().into());
    }
    if config.get("model_type").is_some_and(|name| name == "new") {
        architectures::make_native_gte(&Json::new(path, &bytes), &mut config)?;
    }
    Ok(Value::Object(config))
}
