//! Text to packed token ids, and ids back to tokens, based on Hugging Face's `tokenizers`.
//!
//! A [`Tokenizer`] is loaded from a model's folder and turns texts into a [`TokenBatch`]: the
//! concatenated ids of all texts, with the offset of each, and no padding. Truncation and padding
//! settings in `tokenizer.json` are overridden.
//!
//! ```no_run
//! use splade_tokenizer::Tokenizer;
//!
//! # fn main() -> Result<(), splade_tokenizer::TokenizerError> {
//! let tokenizer = Tokenizer::load("tests/fixtures/splade-tiny".as_ref())?;
//! let batch = tokenizer.encode_batch(&["The weather is lovely today.", ""])?;
//! assert_eq!(batch.offsets, [0, 8, 10]); // [CLS] the weather is lovely today . [SEP], [CLS] [SEP]
//! assert_eq!(tokenizer.token(batch.input_ids[1]), Some("the".to_owned()));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod batch;
mod classes;
mod config;
mod encode;
mod error;
mod fields;
mod json_file;
mod keys;
mod parts;
mod rebuild;
mod special;
mod tokenizer;
mod unread_json;
mod vocabulary_files;

pub use batch::TokenBatch;
pub use encode::{Input, PairTruncation, Piece, SpecialTokens, TokenizeRules, TruncationSide};
pub use error::TokenizerError;
pub use keys::UnreadKey;
pub use tokenizer::{DecodeSpecial, Tokenizer};

/// The files that a tokenizer may consist of.
pub const FILES: [&str; 7] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
];
