//! The modules of CSR models after the encoder: those of sentence-transformers that turn token
//! states into a sparse row per text. They compute on host slices.
//!
//! A module is a folder of the checkpoint, with a `config.json` and, for some modules, weights.

mod dense;
mod normalize;
mod pooling;
mod sae;
mod static_weights;
mod token_weights;

pub use dense::Dense;
pub(crate) use dense::NAMES as DENSE_NAMES;
pub use normalize::Normalize;
pub use pooling::{PoolingMode, SentencePooling};
pub use sae::SparseAutoEncoder;
pub(crate) use sae::{NAMES as SAE_NAMES, finish_saved as finish_sparse_auto_encoder};
pub(crate) use static_weights::NAMES as STATIC_NAMES;
pub use static_weights::load_static_weights;
pub use token_weights::TokenWeights;

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::ModelError;
use crate::config_keys::parse_json;
use crate::names::{NameTable, Part};
use crate::weights::{Weights, weight_files};

/// The only sentence-transformers feature that these modules read and write.
const SENTENCE_EMBEDDING: &str = "sentence_embedding";

/// Reads the configuration of a module of class `module`. Unknown fields are errors.
fn read_config<T: DeserializeOwned>(path: &Path, module: &'static str) -> Result<T, ModelError> {
    let bytes =
        std::fs::read(path).map_err(|source| ModelError::Read { path: path.to_owned(), source })?;
    parse_json(&bytes).map_err(|source| ModelError::ParseModuleConfig {
        path: path.to_owned(),
        module,
        source,
    })
}

/// Opens the weights of a module's folder.
fn open_weights(folder: &Path, names: &'static NameTable) -> Result<Weights, ModelError> {
    Weights::open(&weight_files(folder)?, names, Part::MaskedLm)
}

/// Refuses sizes below `least`.
fn check_size(
    path: &Path,
    field: &'static str,
    found: usize,
    least: usize,
) -> Result<(), ModelError> {
    if found < least {
        let (path, found) = (path.to_owned(), found.to_string());
        let expected = format!("at least {least}");
        return Err(ModelError::ModuleConfigValue { path, field, found, expected });
    }
    Ok(())
}

/// Refuses a module that reads or writes a feature other than the sentence embedding.
fn check_feature_names(
    path: &Path,
    module_input_name: Option<String>,
    module_output_name: Option<String>,
) -> Result<(), ModelError> {
    for (field, name) in
        [("module_input_name", module_input_name), ("module_output_name", module_output_name)]
    {
        if let Some(found) = name.filter(|name| name != SENTENCE_EMBEDDING) {
            let (path, expected) = (path.to_owned(), format!("`{SENTENCE_EMBEDDING}`"));
            return Err(ModelError::ModuleConfigValue { path, field, found, expected });
        }
    }
    Ok(())
}
