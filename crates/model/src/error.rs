//! What can be wrong with a checkpoint, or with the tokens that a model is given.

use std::path::PathBuf;

/// Why a model could not be loaded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// `config.json` is not what it should be.
    #[error("{} is not a model configuration", .path.display())]
    ParseConfig {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The architecture is not one of ours.
    #[error("config.json: model_type `{found}` is not supported; supported: {supported}")]
    UnknownModelType {
        /// What the file says.
        found: String,
        /// What is supported.
        supported: &'static str,
    },
    /// The model has no masked-LM head.
    #[error(
        "config.json: architecture `{found}` has no masked-LM head; \
         a SPLADE model is a `...ForMaskedLM` checkpoint"
    )]
    NotMaskedLm {
        /// What the file says.
        found: String,
    },
    /// A field of the configuration has a value that is not supported.
    #[error("config.json: `{field}` is `{found}`, expected {expected}")]
    ConfigValue {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// There is no file of weights.
    #[error("no model.safetensors in {}", .folder.display())]
    NoWeights {
        /// The model's folder.
        folder: PathBuf,
    },
    /// A file of weights is broken.
    #[error("{} is not a whole safetensors file", .path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// A weight is not in the checkpoint.
    #[error("weight `{name}` is missing")]
    WeightMissing {
        /// The name that it has in checkpoints.
        name: String,
    },
    /// A weight has another shape than the configuration asks for.
    #[error("weight `{name}` has shape {found:?}, expected {expected:?}")]
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
    WeightType {
        /// Its name in the checkpoint.
        name: String,
        /// Its type.
        found: String,
    },
    /// A weight holds NaN, or infinity where that cannot be meant.
    #[error("weight `{name}` holds {found} at entry {index}")]
    WeightNotFinite {
        /// Its name in the checkpoint.
        name: String,
        /// The number.
        found: f32,
        /// Its place.
        index: usize,
    },
    /// Two names of the checkpoint mean the same weight.
    #[error("weights `{first}` and `{second}` are the same parameter")]
    WeightTwice {
        /// One name.
        first: String,
        /// The other.
        second: String,
    },
    /// The checkpoint has weights that the model does not use.
    #[error("the model has no use for weights {}", list(.names))]
    WeightsUnused {
        /// Their names.
        names: Vec<String>,
    },
    /// A token id has no embedding.
    #[error("token id {id} has no embedding: the model knows {vocab_size}")]
    TokenId {
        /// The id.
        id: u32,
        /// Rows of the embedding table.
        vocab_size: usize,
    },
    /// A token type has no embedding.
    #[error("token type {id} has no embedding: the model knows {type_vocab_size}")]
    TokenType {
        /// The type.
        id: u32,
        /// Rows of the table.
        type_vocab_size: usize,
    },
    /// A text is longer than the model has positions.
    #[error("a text has {length} tokens, but the model has {positions} positions")]
    TooLong {
        /// Tokens of the text.
        length: usize,
        /// Positions of the model.
        positions: usize,
    },
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
