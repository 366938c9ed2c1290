//! A model's folder: its configuration and the files of its weights.

use std::path::{Path, PathBuf};

use crate::Precision;

use crate::weights::weight_files;
use crate::{ModelConfig, ModelError};

/// What a model is loaded from. Opening it reads the configuration and, where the weights are
/// in several files, what each of them has; no weights.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    config: ModelConfig,
    weight_files: Vec<PathBuf>,
    precision: Precision,
}

impl Checkpoint {
    /// Reads `config.json` of a folder and finds its weights: `model.safetensors`, else the shards
    /// of `model.safetensors.index.json`, else the same of `pytorch_model.bin`.
    ///
    /// # Errors
    /// A configuration that cannot be read or is not supported; no weights; shards that are
    /// missing or are not what their index says.
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        let config = ModelConfig::load(&folder.join("config.json"))?;
        let precision = Precision::default();
        Ok(Self { config, weight_files: weight_files(folder)?, precision })
    }

    /// The architecture and its sizes.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The same, to be loaded in `precision`: its linear layers, word embeddings and decoder are held and
    /// multiplied in it. What else is rounded is the backend's choice: the CPU backends keep positions,
    /// norms and sums in `f32`, GPUs hold the states between layers in it too.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// What it is to be loaded in.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The files that hold the weights.
    pub fn weight_files(&self) -> &[PathBuf] {
        &self.weight_files
    }
}
