//! Learned sparse text vectors (SPLADE): what sentence-transformers' `SparseEncoder` does, in Rust.
//!
//! A SPLADE model turns a text into weights for words of its vocabulary: for the words that the
//! text contains, and for related ones that it does not. Most weights are zero, so the vectors go
//! into an inverted index, and a dot product of two of them says how well two texts match.
//!
//! ```
//! use splade::SparseEncoder;
//!
//! # fn main() -> Result<(), splade::SpladeError> {
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");
//! let encoder = SparseEncoder::load(folder)?;
//! let embeddings = encoder.encode(&[
//!     "The weather is lovely today.",
//!     "It's so sunny outside!",
//!     "He drove to the stadium.",
//! ])?;
//! assert_eq!((embeddings.n_rows(), embeddings.dimension()), (3, 30522));
//!
//! // How well do they match? The dot product of each with each.
//! let scores = encoder.similarity(&embeddings, &embeddings);
//! assert!((scores[(0, 1)] - 7.1662).abs() < 1e-3);
//!
//! // What do they mean? The heaviest tokens.
//! let tokens = encoder.decode(embeddings.row(0), Some(3));
//! assert_eq!(tokens[0].0, "today");
//!
//! // How sparse are they?
//! assert_eq!(embeddings.sparsity().active_dims, 29.0);
//! # Ok(())
//! # }
//! ```
//!
//! # Cargo features
//! One per backend, additive; none changes a result beyond rounding: `ndarray` (on by default) and
//! `flex` run on the CPU; `wgpu`, `vulkan`, `metal` and `cuda` on GPUs. [`Device`] chooses among
//! them at run time, [`Devices::find`] lists what is available. `hub` (on by default) loads models
//! from the Hugging Face hub by id.
//!
//! Everything that uses vectors is off by default, one feature per module: `corpus` for files and
//! streams of texts, `index` for an index on disk, `evaluate` for measures (with `corpus`),
//! `export` for search engines and the page that explains. `parquet` reads and writes Parquet files
//! (with `corpus`), `object-store` reads texts from S3, Google Cloud Storage and Azure and plans
//! corpora there (with `corpus`), `qdrant` sends vectors to a Qdrant server (with `export`).
//!
//! # A panic hook, with models on GPUs
//! CubeCL launches kernels on its own threads, one or two per device. If one of them panics, CubeCL
//! continues as if the kernel had run. To keep calls from returning such results, loading the first
//! model onto a GPU installs a panic hook for the whole process ([`std::panic::set_hook`]). The
//! hook counts the panics of each device's threads, changes nothing else, and calls the previous
//! hook. A call fails if a thread of its own device panicked while it ran; calls on other devices
//! are unaffected. A program that installs a hook later must call the one that it replaces
//! ([`std::panic::take_hook`]), or such panics go unnoticed. Models on the CPU install nothing.
#![forbid(unsafe_code)]

mod call;
mod cancel;
mod device;
mod devices;
mod encoder;
mod error;
mod guard;
mod handles;
#[cfg(feature = "hub")]
pub mod hub;
pub mod info;
mod inputs;
mod locate;
mod options;
mod panics;
mod plan;
mod pool;
mod progress;
mod queue;
pub mod save;
pub mod sparse;
mod text_options;
mod tokenize;
mod tokenized;

#[cfg(feature = "corpus")]
pub mod corpus;
#[cfg(feature = "evaluate")]
pub mod evaluate;
#[cfg(feature = "export")]
pub mod export;
#[cfg(feature = "index")]
pub mod index;

mod keyword_arguments;
mod layout;
mod other_files;
mod processing;
mod python_tuple;
mod requirements;
mod route_tokenizer;
mod routes;
mod settings;

mod csr;
mod passes;
mod pipeline;
mod reader;
mod sparsify;
mod splade_pooling;
mod static_embedding;
mod token_weights;
mod transformer;
mod transformer_config;

mod backends;

pub use cancel::CancelHandle;
pub use device::Device;
pub use devices::Devices;
pub use encoder::{Encoded, SparseEncoder};
pub use error::SpladeError;
pub use options::{EncodeOptions, SparseEncoderBuilder, Truncation};
pub use pool::EncoderPool;
pub use progress::EncodeProgress;
pub use splade_model::Precision;
pub use splade_sparse::{Pruning, SimilarityFunction, SparseMatrix, SparseRow};
pub use text_options::TextOptions;
pub use tokenized::TokenizedTexts;

/// Texts as tokens, and how they become tokens.
pub mod tokens {
    pub use splade_tokenizer::{DecodeSpecial, SpecialTokens, TruncationSide};

    pub use crate::tokenize::TextPiece;
    pub use crate::tokenized::{TextLength, TokenizedText};
}

/// Files and folders that appear whole or not at all, and streams that cannot steer a terminal.
pub use splade_output as output;

/// Errors of the crates below, which are the sources of [`SpladeError`], and what panics say.
pub mod errors {
    pub use splade_model::{ModelError, UnknownGpuProducts, UnknownIsa, UnknownPrecision};
    pub use splade_sparse::SparseError;
    pub use splade_tokenizer::TokenizerError;

    pub use crate::error::ErrorKind;
    pub use crate::panics::panic_message;
}
