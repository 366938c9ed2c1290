//! The JSON files of a saved model, as sentence-transformers 6.2 writes them.

use std::fs;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};
use splade_model::PoolingMode;

use crate::SpladeError;
use crate::layout::read_json;
use crate::settings::Settings;
use crate::transformer::FolderKind;
use crate::transformer_config::FILES;

/// The versions whose format is written; older readers warn about them.
const WRITTEN_LIKE: [(&str, &str); 2] =
    [("sentence_transformers", "6.2.0"), ("transformers", "5.24.0")];

/// Writes a JSON file for people to read.
///
/// # Errors
/// A file that cannot be written.
pub(super) fn write(path: &Path, value: &impl Serialize) -> Result<(), SpladeError> {
    let error = |source| SpladeError::Write { path: path.to_owned(), source };
    let json = serde_json::to_string_pretty(value).map_err(|source| error(source.into()))?;
    fs::write(path, json + "\n").map_err(error)
}

/// `config_sentence_transformers.json`: the handle's settings, and the original file's
/// requirements.
pub(super) fn settings(folder: &Path, settings: &Settings) -> Result<Value, SpladeError> {
    let mut versions: Map<String, Value> =
        WRITTEN_LIKE.iter().map(|&(name, version)| (name.to_owned(), version.into())).collect();
    versions.insert("splade".to_owned(), env!("CARGO_PKG_VERSION").into());
    let mut config = json!({
        "__version__": versions,
        "default_prompt_name": settings.default_prompt_name,
        "model_type": "SparseEncoder",
        "prompts": settings.prompts,
        "similarity_fn_name": settings.similarity.as_str(),
    });
    if let Some(limit) = settings.max_active_dims {
        config["max_active_dims"] = limit.get().into();
    }
    // For a plain checkpoint the file is not read.
    if folder.join("modules.json").exists() {
        let path = folder.join("config_sentence_transformers.json");
        let file: Map<String, Value> = read_json(&path)?.unwrap_or_default();
        if let Some(requirements) = file.get("requirements") {
            config["requirements"] = requirements.clone();
        }
    }
    Ok(config)
}

/// `sentence_bert_config.json`. It does not hold the length limit, which sentence-transformers 6.2
/// stores with the tokenizer.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn transformer(folder: &Path, kind: FolderKind) -> Result<Value, SpladeError> {
    let task = kind.task();
    let mut config = match kind {
        FolderKind::Plain => Map::new(),
        FolderKind::Module | FolderKind::Encoder => find_transformer_config(folder)?,
    };
    for (old, new) in [
        ("model_args", "model_kwargs"),
        ("tokenizer_args", "processor_kwargs"),
        ("config_args", "config_kwargs"),
    ] {
        if let Some(arguments) = config.remove(old) {
            config.insert(new.to_owned(), arguments);
        }
    }
    if let Some(Value::Object(arguments)) = config.get_mut("processor_kwargs") {
        arguments.remove("model_max_length");
    }
    for unused in ["cache_dir", "max_seq_length"] {
        config.remove(unused);
    }
    let says_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    config.retain(|key, value| !(says_nothing(value) || key == "do_lower_case" && value == false));
    config.insert("transformer_task".to_owned(), task.name().into());
    config.entry("modality_config").or_insert_with(
        || json!({ "text": { "method": "forward", "method_output_name": task.output() } }),
    );
    config.insert("module_output_name".to_owned(), "token_embeddings".into());
    Ok(config.into())
}

/// The first of the files that exists and is not empty.
fn find_transformer_config(folder: &Path) -> Result<Map<String, Value>, SpladeError> {
    for name in FILES {
        let config: Option<Map<String, Value>> = read_json(&folder.join(name))?;
        if let Some(config) = config.filter(|config| !config.is_empty()) {
            return Ok(config);
        }
    }
    Ok(Map::new())
}

/// The configuration of a `SpladePooling`.
pub(super) fn splade_pooling(old: &Map<String, Value>) -> Value {
    let get = |key: &str| old.get(key).filter(|value| !value.is_null());
    json!({
        "pooling_strategy": get("pooling_strategy").unwrap_or(&"max".into()),
        "activation_function": get("activation_function").unwrap_or(&"relu".into()),
        "embedding_dimension": get("embedding_dimension").or(get("word_embedding_dimension")),
    })
}

/// The configuration of a `Pooling`.
pub(super) fn pooling(old: &Map<String, Value>, modes: &[PoolingMode]) -> Value {
    let width = old.get("embedding_dimension").or(old.get("word_embedding_dimension"));
    let modes: Vec<&str> = modes.iter().map(|mode| mode.name()).collect();
    json!({
        "embedding_dimension": width,
        "pooling_mode": if let [mode] = modes.as_slice() { json!(mode) } else { json!(modes) },
        "include_prompt": old.get("include_prompt").unwrap_or(&true.into()),
    })
}

/// The configuration of a module from vector to vector, with the names of its input and output.
pub(super) fn with_features(mut config: Map<String, Value>) -> Value {
    for key in ["module_input_name", "module_output_name"] {
        config.entry(key).or_insert("sentence_embedding".into());
    }
    config.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_keys_become_today_s() {
        let folder = tempfile::tempdir().unwrap();
        let old = json!({
            "max_seq_length": 256, "do_lower_case": true, "cache_dir": "/x", "model_args": {},
            "tokenizer_args": {"model_max_length": 7, "truncation_side": "left"},
            "query_length": 5, "document_length": null,
        });
        fs::write(folder.path().join("sentence_bert_config.json"), old.to_string()).unwrap();
        let new = transformer(folder.path(), FolderKind::Module).unwrap();
        let text = json!({ "method": "forward", "method_output_name": "logits" });
        let expected = json!({
            "do_lower_case": true,
            "modality_config": { "text": text },
            "module_output_name": "token_embeddings",
            "processor_kwargs": { "truncation_side": "left" },
            "query_length": 5,
            "transformer_task": "fill-mask",
        });
        assert_eq!(new, expected);
        // For a plain checkpoint the file is not read.
        let plain = transformer(folder.path(), FolderKind::Plain).unwrap();
        assert!(plain.get("query_length").is_none());
    }
}
