//! A model's folder: its configuration and the files of its weights.

use std::path::{Path, PathBuf};

use crate::weights::weight_files;
use crate::{Arithmetic, GpuProducts, Isa, ModelConfig, ModelError, Precision};

/// A model to load. Opening it reads the configuration and, if the weights are sharded, the table
/// of contents of each shard; it reads no weights.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    config: ModelConfig,
    weight_files: Vec<PathBuf>,
    arithmetic: Arithmetic,
}

impl Checkpoint {
    /// Reads `config.json` of a folder and finds its weights: `model.safetensors`, else the shards
    /// of `model.safetensors.index.json`, else `pytorch_model.bin` or its shards.
    ///
    /// # Errors
    /// A configuration that cannot be read or is not supported; no weights; shards that are missing
    /// or contradict their index.
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        let config = ModelConfig::load(&folder.join("config.json"))?;
        let arithmetic = Arithmetic::default();
        Ok(Self { config, weight_files: weight_files(folder)?, arithmetic })
    }

    /// The architecture and its sizes.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Sets the precision to load the model in: its linear layers, word embeddings and decoder are
    /// held and multiplied in it. Backends may round more: the CPU backends keep positions, norms
    /// and sums in `f32`, while GPUs also hold the states between layers in this precision.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { arithmetic: Arithmetic { precision, ..self.arithmetic }, ..self }
    }

    /// Sets the best instruction set that CPU backends may use.
    #[must_use]
    pub fn with_isa(self, isa: Isa) -> Self {
        Self { arithmetic: Arithmetic { isa, ..self.arithmetic }, ..self }
    }

    /// The precision to load the model in.
    pub fn precision(&self) -> Precision {
        self.arithmetic.precision
    }

    pub(crate) fn arithmetic(&self) -> Arithmetic {
        self.arithmetic
    }

    /// Sets which kernels multiply on a GPU.
    #[must_use]
    pub fn with_gpu_products(self, gpu_products: GpuProducts) -> Self {
        Self { arithmetic: Arithmetic { gpu_products, ..self.arithmetic }, ..self }
    }

    /// Which kernels multiply on a GPU.
    pub fn gpu_products(&self) -> GpuProducts {
        self.arithmetic.gpu_products
    }

    /// The files that hold the weights.
    pub fn weight_files(&self) -> &[PathBuf] {
        &self.weight_files
    }
}
