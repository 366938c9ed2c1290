//! Errors of a tokenizer's files, and of its use.

use std::path::PathBuf;

/// Why a tokenizer could not be loaded or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
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
    /// A folder has no supported tokenizer.
    #[error(
        "{} has no tokenizer: neither tokenizer.json, nor vocab.txt, nor vocab.json with merges.txt \
         (a SentencePiece model alone has to be converted to tokenizer.json)",
        .folder.display()
    )]
    #[non_exhaustive]
    NoTokenizer {
        /// The folder.
        folder: PathBuf,
    },
    /// `tokenizer.json` is not a tokenizer.
    #[error("{} is not a tokenizer that can be read", .path.display())]
    #[non_exhaustive]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A settings file is not a JSON object.
    #[error("{} is not a tokenizer configuration", .path.display())]
    #[non_exhaustive]
    ParseConfig {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A field of a settings file has an unknown value.
    #[error("{file}: `{field}` is `{found}`, expected {expected}")]
    #[non_exhaustive]
    ConfigValue {
        /// The file.
        file: &'static str,
        /// The field.
        field: String,
        /// Its value.
        found: String,
        /// The supported values.
        expected: &'static str,
    },
    /// A field of a settings file changes vectors in an unsupported way.
    #[error("{file}: `{key}` is not supported: {why}")]
    #[non_exhaustive]
    UnsupportedKey {
        /// The file.
        file: &'static str,
        /// The field.
        key: String,
        /// What is not supported.
        why: &'static str,
    },
    /// The tokenizer's class needs another kind of model than `tokenizer.json` has.
    #[error("tokenizer class `{class}` needs a {expected} vocabulary, but the file holds {found}")]
    #[non_exhaustive]
    ModelOfClass {
        /// The class that `tokenizer_config.json` names.
        class: String,
        /// The kind that it needs.
        expected: &'static str,
        /// The kind that was found.
        found: &'static str,
    },
    /// The tokenizer's class is not supported.
    #[error("tokenizer class `{class}` is not supported: {why}")]
    #[non_exhaustive]
    UnsupportedClass {
        /// The class that `tokenizer_config.json` names.
        class: String,
        /// What is not supported.
        why: &'static str,
    },
    /// A special token is not in the vocabulary.
    #[error("special token `{token}` ({role}) is not in the vocabulary of tokenizer.json")]
    #[non_exhaustive]
    SpecialToken {
        /// The token.
        token: String,
        /// The role of the token.
        role: &'static str,
    },
    /// The limit leaves no room for the special tokens.
    #[error(
        "max_seq_length {max_seq_length} is less than the {n_special} special tokens that each text gets"
    )]
    #[non_exhaustive]
    MaxSeqLength {
        /// The requested limit.
        max_seq_length: usize,
        /// Number of special tokens per text.
        n_special: usize,
    },
    /// A text cannot be tokenised.
    #[error("text {text} cannot be tokenised")]
    #[non_exhaustive]
    Encode {
        /// Its index among the texts, from 0.
        text: usize,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The second text of a pair, which must not be cut, leaves no room for the first.
    #[error(
        "the second text of a pair has {n_second} tokens and is not to be cut, but max_seq_length is \
         {max_seq_length} with special tokens"
    )]
    #[non_exhaustive]
    PairTooLong {
        /// Number of tokens of the second text.
        n_second: usize,
        /// The limit.
        max_seq_length: usize,
    },
    /// A token id is not in the vocabulary.
    #[error("text {text}: the vocabulary has no token with the id {id}")]
    #[non_exhaustive]
    UnknownId {
        /// The text's index, from 0.
        text: usize,
        /// The id.
        id: u32,
    },
    /// Token ids cannot be turned into text.
    #[error("the token ids cannot be turned into text")]
    #[non_exhaustive]
    Decode {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There are more tokens than offsets can count.
    #[error(
        "the texts of one call have {n_tokens} tokens; at most 2^32 - 1 can be encoded at once"
    )]
    #[non_exhaustive]
    TooManyTokens {
        /// Number of tokens of all texts.
        n_tokens: usize,
    },
}
