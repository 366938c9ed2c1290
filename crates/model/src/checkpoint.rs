//! A model's folder: its configuration and the files of its weights.

use std::path::{Path, PathBuf};

use crate::{ModelConfig, ModelError};

/// What a model is loaded from. Opening it reads the configuration alone.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    config: ModelConfig,
    weight_files: Vec<PathBuf>,
}

impl Checkpoint {
    /// Reads `config.json` of a folder and finds its weights.
    ///
    /// # Errors
    /// A configuration that cannot be read or is not supported; no `model.safetensors`.
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        let config = ModelConfig::load(&folder.join("config.json"))?;
        let file = folder.join("model.safetensors");
        if !file.exists() {
            return Err(ModelError::NoWeights { folder: folder.to_owned() });
        }
        Ok(Self { config, weight_files: vec![file] })
    }

    /// The architecture and its sizes.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The files that hold the weights.
    pub fn weight_files(&self) -> &[PathBuf] {
        &self.weight_files
    }
}
