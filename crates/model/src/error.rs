//! Errors about checkpoints, and about the tokens passed to a model.

use std::path::{Path, PathBuf};

use crate::{GpuProducts, Precision};

use crate::pytorch::PytorchError;
use crate::weights::LOOKED_FOR;

/// Why a model could not be loaded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The backend does not support products in the requested precision.
    #[error(
        "this device does not support {precision}; choose f32, or another device: int8 is for `cpu`, f16 for GPUs"
    )]
    #[non_exhaustive]
    Precision {
        /// The requested precision.
        precision: Precision,
    },
    /// The device does not support the requested kernels for products.
    #[error("{products} products are not available on this device: {why}; choose cubecl, or auto")]
    #[non_exhaustive]
    GpuProducts {
        /// The requested kernels.
        products: GpuProducts,
        /// Why.
        why: String,
    },
    /// The device failed during computation.
    #[error("the device failed: {reason}")]
    // `splade` also constructs it, so its fields are final.
    Device {
        /// The device's message.
        reason: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}", .path.display())]
    #[non_exhaustive]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// `config.json` is not a model configuration.
    #[error("{} is not a model configuration", .path.display())]
    #[non_exhaustive]
    ParseConfig {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The architecture is not supported.
    #[error("config.json: model_type `{found}` is not supported; supported: {supported}")]
    #[non_exhaustive]
    UnknownModelType {
        /// The `model_type` of the file.
        found: String,
        /// The supported ones.
        supported: String,
    },
    /// The model has no masked-LM head.
    #[error(
        "the weights have no masked-LM head, which a SPLADE model needs; \
         config.json says architecture `{found}`"
    )]
    #[non_exhaustive]
    NotMaskedLm {
        /// The class that config.json names.
        found: String,
    },
    /// A field of the configuration has a value that is not supported.
    #[error("config.json: `{field}` is `{found}`, expected {expected}")]
    #[non_exhaustive]
    ConfigValue {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// The supported values.
        expected: String,
    },
    /// The `config.json` of a module after the encoder is not valid.
    #[error("{} is not the configuration of a {module} module", .path.display())]
    #[non_exhaustive]
    ParseModuleConfig {
        /// The file.
        path: PathBuf,
        /// The class of the module.
        module: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A field of a module's configuration has a value that is not supported.
    #[error("{}: `{field}` is `{found}`, expected {expected}", .path.display())]
    #[non_exhaustive]
    ModuleConfigValue {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// The supported values.
        expected: String,
    },
    /// The folder has no file of weights.
    #[error("no weights in {}: looked for {LOOKED_FOR}", .folder.display())]
    #[non_exhaustive]
    NoWeights {
        /// The model's folder.
        folder: PathBuf,
    },
    /// A file of weights is broken.
    #[error("{} is not a whole safetensors file", .path.display())]
    #[non_exhaustive]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// A weight is not in the checkpoint.
    #[error("weight `{name}` is missing")]
    #[non_exhaustive]
    WeightMissing {
        /// Its name in the checkpoint.
        name: String,
    },
    /// A weight does not have the shape that the configuration implies.
    #[error("weight `{name}` has shape {found:?}, expected {expected:?}")]
    #[non_exhaustive]
    WeightShape {
        /// Its name in the checkpoint.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that the configuration implies.
        expected: Vec<usize>,
    },
    /// A weight is stored in a type that is not a float.
    #[error("weight `{name}` is stored as {found}, expected F32, F16, BF16 or F64")]
    #[non_exhaustive]
    WeightType {
        /// Its name in the checkpoint.
        name: String,
        /// Its type.
        found: String,
    },
    /// A weight holds NaN, or infinity outside of a bias.
    #[error("weight `{name}` holds {found} at entry {index}")]
    #[non_exhaustive]
    WeightNotFinite {
        /// Its name in the checkpoint.
        name: String,
        /// The value.
        found: f32,
        /// Its row-major index.
        index: usize,
    },
    /// Two names of the checkpoint mean the same weight.
    #[error("weights `{first}` and `{second}` are the same parameter")]
    #[non_exhaustive]
    WeightTwice {
        /// One name.
        first: String,
        /// The other.
        second: String,
    },
    /// The checkpoint has weights that the model does not use.
    #[error("the model does not use weights {}", list(.names))]
    #[non_exhaustive]
    WeightsUnused {
        /// Their names.
        names: Vec<String>,
    },
    /// A token id has no embedding.
    #[error("token id {id} has no embedding: the model knows {vocab_size}")]
    #[non_exhaustive]
    TokenId {
        /// The id.
        id: u32,
        /// Rows of the embedding table.
        vocab_size: usize,
    },
    /// A token type has no embedding.
    #[error("token type {id} has no embedding: the model knows {type_vocab_size}")]
    #[non_exhaustive]
    TokenType {
        /// The type.
        id: u32,
        /// Rows of the table.
        type_vocab_size: usize,
    },
    /// More active dimensions were requested than a sparse auto-encoder has.
    #[error("max_active_dims is {k}, but the rows have {hidden_dim} dimensions")]
    #[non_exhaustive]
    MaxActiveDims {
        /// Requested number of active dimensions.
        k: usize,
        /// Dimensions of the rows.
        hidden_dim: usize,
    },
    /// A text has more tokens than the model has positions.
    #[error("a text has {length} tokens, but the model has {positions} positions")]
    #[non_exhaustive]
    TooLong {
        /// Tokens of the text.
        length: usize,
        /// Positions of the model.
        positions: usize,
    },
    /// A file of `torch.save` is broken, or could run code.
    #[error("cannot read the weights of {}", .path.display())]
    #[non_exhaustive]
    Pytorch {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: PytorchError,
    },
    /// The index of a sharded checkpoint is not valid.
    #[error("{} is not an index of weight files", .path.display())]
    #[non_exhaustive]
    ParseIndex {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// An index names a shard outside its own folder.
    #[error("{}: `{shard}` is not a plain file name", .index.display())]
    #[non_exhaustive]
    ShardName {
        /// The index.
        index: PathBuf,
        /// The name in the index.
        shard: String,
    },
    /// An index names a shard that does not exist.
    #[error("{}: the file `{shard}` is missing", .index.display())]
    #[non_exhaustive]
    ShardMissing {
        /// The index.
        index: PathBuf,
        /// The missing file.
        shard: String,
    },
    /// An index lists a weight that its shard does not contain.
    #[error("{}: `{shard}` has no weight `{name}`", .index.display())]
    #[non_exhaustive]
    ShardLacks {
        /// The index.
        index: PathBuf,
        /// The shard.
        shard: String,
        /// The weight's name.
        name: String,
    },
    /// A shard contains a weight that the index does not list for it.
    #[error("{}: weight `{name}` of `{shard}` is not listed", .index.display())]
    #[non_exhaustive]
    ShardUnlisted {
        /// The index.
        index: PathBuf,
        /// The shard.
        shard: String,
        /// The weight's name.
        name: String,
    },
    /// A number is out of range of the type that weights are written in.
    #[error("weight `{name}` holds {found}, which is out of range of {dtype}")]
    #[non_exhaustive]
    WeightOverflow {
        /// Its name in the new file.
        name: String,
        /// The value.
        found: f32,
        /// The type.
        dtype: &'static str,
    },
    /// A file of weights cannot be written.
    #[error("cannot write {}", .path.display())]
    #[non_exhaustive]
    WriteWeights {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// A file cannot be written.
    #[error("cannot write {}", .path.display())]
    #[non_exhaustive]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl ModelError {
    /// Reports a write error under the final folder `to` instead of the temporary folder `from`.
    #[must_use]
    pub fn moved(self, from: &Path, to: &Path) -> Self {
        let moved = |path: PathBuf| match path.strip_prefix(from) {
            Ok(below) => to.join(below),
            Err(_) => path,
        };
        match self {
            Self::Write { path, source } => Self::Write { path: moved(path), source },
            Self::WriteWeights { path, source } => Self::WriteWeights { path: moved(path), source },
            other => other,
        }
    }
}

/// The first few names, and the count of the others.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
