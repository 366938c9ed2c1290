//! Everything that can go wrong between a folder and its vectors.

use std::path::PathBuf;

use splade_model::ModelError;
use splade_sparse::SparseError;
use splade_tokenizer::TokenizerError;

/// Why an encoder could not be loaded or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpladeError {
    /// There is no such folder.
    #[error("no model folder at {}", .path.display())]
    NoFolder {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The folder has a layout that is not read yet.
    #[error("{}: the modules of a sentence-transformers folder are not supported yet", .path.display())]
    Modules {
        /// `modules.json`.
        path: PathBuf,
    },
    /// The tokenizer cannot be loaded or used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The model cannot be loaded or run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A vector is not what it must be.
    #[error(transparent)]
    Sparse(#[from] SparseError),
    /// The tokenizer knows tokens that the model does not.
    #[error(
        "the tokenizer has {tokenizer} tokens, but the model has embeddings for {model}: \
         they do not belong together"
    )]
    VocabularyTooLarge {
        /// Tokens of the tokenizer.
        tokenizer: usize,
        /// Rows of the model's embeddings.
        model: usize,
    },
    /// A limit that the model's positions do not allow.
    #[error("max_seq_length {max_seq_length} is more than the {positions} positions of the model")]
    MaxSeqLength {
        /// What was asked for.
        max_seq_length: usize,
        /// Positions of the model.
        positions: usize,
    },
    /// The name of a device that is none.
    #[error("unknown device `{found}`; known: {known}")]
    UnknownDevice {
        /// What was asked for.
        found: String,
        /// The names there are.
        known: &'static str,
    },
    /// A device whose backend is not part of this build.
    #[error("device `{device}` needs the cargo feature {feature}, which this build does not have")]
    DeviceNotCompiled {
        /// What was asked for.
        device: String,
        /// The features, any one of which brings it.
        feature: &'static str,
    },
    /// A device that this machine does not have.
    #[error("device `{device}` is not there: {why}")]
    DeviceNotFound {
        /// What was asked for.
        device: String,
        /// What was found in its place.
        why: String,
    },
    /// The threads that were asked for could not be started.
    #[error("cannot start {threads} threads")]
    Threads {
        /// How many.
        threads: usize,
        /// Why.
        #[source]
        source: rayon::ThreadPoolBuildError,
    },
    /// The model's arithmetic broke down on a text.
    #[error(
        "text {text}: the weight of vocabulary entry {index} is {value}; is the checkpoint broken?"
    )]
    NotFinite {
        /// Its place among the texts, from 0.
        text: usize,
        /// The vocabulary entry.
        index: u32,
        /// Its weight.
        value: f32,
    },
}
