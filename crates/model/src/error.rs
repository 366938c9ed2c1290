//! What can be wrong with a checkpoint, or with the tokens that a model is given.

use std::path::{Path, PathBuf};

use crate::Precision;

use crate::pytorch::PytorchError;
use crate::weights::LOOKED_FOR;

/// Why a model could not be loaded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The backend's products do not run in the precision that was asked for.
    #[error(
        "this device does not compute in {precision}; choose f32, or another device: int8 is for `cpu`, f16 for GPUs"
    )]
    #[non_exhaustive]
    Precision {
        /// What was asked for.
        precision: Precision,
    },
    /// The device gave up in the middle.
    #[error("the device failed: {reason}")]
    // `splade` builds it too, so its fields are final.
    Device {
        /// What it says.
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
    /// `config.json` is not what it should be.
    #[error("{} is not a model configuration", .path.display())]
    #[non_exhaustive]
    ParseConfig {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The architecture is not one of ours.
    #[error("config.json: model_type `{found}` is not supported; supported: {supported}")]
    #[non_exhaustive]
    UnknownModelType {
        /// What the file says.
        found: String,
        /// What is supported.
        supported: String,
    },
    /// The model has no masked-LM head.
    #[error(
        "the weights have no masked-LM head, which a SPLADE model needs; \
         config.json says architecture `{found}`"
    )]
    #[non_exhaustive]
    NotMaskedLm {
        /// What the file says.
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
        /// What it may be.
        expected: String,
    },
    /// The `config.json` of a module after the encoder is not what it should be.
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
        /// What it may be.
        expected: String,
    },
    /// There is no file of weights.
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
        /// The name that it has in checkpoints.
        name: String,
    },
    /// A weight has another shape than the configuration asks for.
    #[error("weight `{name}` has shape {found:?}, expected {expected:?}")]
    #[non_exhaustive]
    WeightShape {
        /// Its name in the checkpoint.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// What the configuration asks for.
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
    /// A weight holds NaN, or infinity where that cannot be meant.
    #[error("weight `{name}` holds {found} at entry {index}")]
    #[non_exhaustive]
    WeightNotFinite {
        /// Its name in the checkpoint.
        name: String,
        /// The number.
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
    #[error("the model has no use for weights {}", list(.names))]
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
    /// More dimensions are asked for than a sparse auto-encoder has.
    #[error("max_active_dims is {k}, but the rows have {hidden_dim} dimensions")]
    #[non_exhaustive]
    MaxActiveDims {
        /// Dimensions to keep.
        k: usize,
        /// Dimensions that there are.
        hidden_dim: usize,
    },
    /// A text is longer than the model has positions.
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
    /// The index of a checkpoint in several files is not what it should be.
    #[error("{} is not an index of weight files", .path.display())]
    #[non_exhaustive]
    ParseIndex {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// An index names a file that need not be in its own folder.
    #[error("{}: `{shard}` is not a plain file name", .index.display())]
    #[non_exhaustive]
    ShardName {
        /// The index.
        index: PathBuf,
        /// What it says.
        shard: String,
    },
    /// An index names a file that is not there.
    #[error("{}: the file `{shard}` is missing", .index.display())]
    #[non_exhaustive]
    ShardMissing {
        /// The index.
        index: PathBuf,
        /// The missing file.
        shard: String,
    },
    /// An index says that a file has a weight, but it has not.
    #[error("{}: `{shard}` has no weight `{name}`", .index.display())]
    #[non_exhaustive]
    ShardLacks {
        /// The index.
        index: PathBuf,
        /// The file.
        shard: String,
        /// The weight's name.
        name: String,
    },
    /// A file has a weight that the index does not find there.
    #[error("{}: weight `{name}` of `{shard}` is not listed there", .index.display())]
    #[non_exhaustive]
    ShardUnlisted {
        /// The index.
        index: PathBuf,
        /// The file.
        shard: String,
        /// The weight's name.
        name: String,
    },
    /// A number is too large for the type that weights are to be written as.
    #[error("weight `{name}` holds {found}, which {dtype} has no number for")]
    #[non_exhaustive]
    WeightOverflow {
        /// Its name in the new file.
        name: String,
        /// The number.
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
    /// An error about a file that is being written, told as one about the same file below another folder.
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

/// The first few names, and how many more there are.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
