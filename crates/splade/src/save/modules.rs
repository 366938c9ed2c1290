//! The files of a module: its configuration, its weights, its tokenizer.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use splade_model::{ModelConfig, ModuleWeights, Part, SentencePooling, WeightDtype};
use splade_tokenizer::Tokenizer;

use super::plan::{Module, SavedKind};
use super::{Handle, configs, copy};
use crate::SpladeError;
use crate::layout::read_json;
use crate::static_embedding::StaticEmbedding;
use crate::transformer::FolderKind;
use crate::transformer_config::TransformerConfig;

/// Creates the folder `to` and writes a module into it.
///
/// # Errors
/// A file that cannot be read or written; a number too large for `dtype`.
pub(super) fn write(
    handle: &Handle<'_>,
    module: &Module,
    to: &Path,
    dtype: Option<WeightDtype>,
) -> Result<(), SpladeError> {
    fs::create_dir_all(to).map_err(|source| SpladeError::Write { path: to.to_owned(), source })?;
    // Only a module of defaults has none.
    let from = module.from.as_deref().unwrap_or(handle.folder);
    let config = || -> Result<Map<String, Value>, SpladeError> {
        match module.from {
            Some(_) => Ok(read_json(&from.join("config.json"))?.unwrap_or_default()),
            None => Ok(Map::new()),
        }
    };
    let write_config = |config: Value| configs::write(&to.join("config.json"), &config);
    match module.kind {
        SavedKind::Transformer(kind) => transformer(handle, from, kind, to, dtype),
        SavedKind::SpladePooling => write_config(configs::splade_pooling(&config()?)),
        SavedKind::SparseStaticEmbedding => {
            copy_tokenizer(from, to)?;
            let config = config()?;
            match config.contains_key("path") {
                true => {
                    let table = StaticEmbedding::load(from, handle.folder)?;
                    splade_model::save_static_weights(table.weights(), dtype, to)?;
                }
                false => {
                    splade_model::save_module_weights(from, ModuleWeights::Static, dtype, to)?;
                }
            }
            let frozen = config.get("frozen").cloned().unwrap_or(false.into());
            write_config(json!({ "frozen": frozen }))
        }
        SavedKind::SparseAutoEncoder => {
            let module = ModuleWeights::SparseAutoEncoder;
            splade_model::save_module_weights(from, module, dtype, to)?;
            write_config(config()?.into())
        }
        SavedKind::Pooling => {
            let modes = SentencePooling::load(from)?;
            write_config(configs::pooling(&config()?, modes.modes()))
        }
        SavedKind::Dense => {
            splade_model::save_module_weights(from, ModuleWeights::Dense, dtype, to)?;
            write_config(configs::with_features(config()?))
        }
        SavedKind::Normalize => write_config(configs::with_features(config()?)),
    }
}

fn transformer(
    handle: &Handle<'_>,
    from: &Path,
    kind: FolderKind,
    to: &Path,
    dtype: Option<WeightDtype>,
) -> Result<(), SpladeError> {
    let (part, config) = match kind {
        FolderKind::Plain => (Part::MaskedLm, TransformerConfig::default()),
        FolderKind::Module => (Part::MaskedLm, TransformerConfig::read(from, kind, kind.task())?),
        FolderKind::Encoder => (Part::Encoder, TransformerConfig::read(from, kind, kind.task())?),
    };
    splade_model::save_checkpoint(from, part, dtype, to)?;
    copy_tokenizer(from, to)?;
    configs::write(&to.join("sentence_bert_config.json"), &configs::transformer(from, kind)?)?;
    // The reference stores the limit with the tokenizer. If its files give the same limit, they
    // stay as they are.
    let positions = ModelConfig::load(&to.join("config.json"))?.max_positions();
    let own = Tokenizer::load(to)?.max_seq_length().unwrap_or(positions).min(positions);
    let limit = handle.max_seq_length.or(config.max_seq_length).unwrap_or(own).min(positions);
    if limit == own {
        return Ok(());
    }
    let path = to.join("tokenizer_config.json");
    let mut config: Map<String, Value> = read_json(&path)?.unwrap_or_default();
    config.remove("max_len");
    config.insert("model_max_length".to_owned(), limit.into());
    configs::write(&path, &config)
}

/// Copies the files of a tokenizer as they are.
fn copy_tokenizer(from: &Path, to: &Path) -> Result<(), SpladeError> {
    for name in splade_tokenizer::FILES {
        if from.join(name).exists() {
            copy(&from.join(name), &to.join(name))?;
        }
    }
    Ok(())
}
