//! Errors of an export.

use std::io;

use crate::Engine;

/// What is wrong with a row, a query, a name, or the file or server written to.
///
/// `row` is the number that the caller gave to the row: a line number of its file, from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// No engine has this name.
    #[error("unknown engine `{name}`, known are: {}", Engine::names())]
    #[non_exhaustive]
    UnknownEngine {
        /// The name.
        name: String,
    },
    /// The name of a collection, index, table, schema or field is not allowed.
    #[error("{engine} cannot have a {what} called `{name}`: {rule}")]
    #[non_exhaustive]
    Name {
        /// The engine.
        engine: Engine,
        /// What was to be named.
        what: &'static str,
        /// The name.
        name: String,
        /// The rule for such names.
        rule: &'static str,
    },
    /// The engine is keyed by tokens, but the row has none.
    #[error("row {row}: {engine} is keyed by tokens, and the row has none: decode it first")]
    #[non_exhaustive]
    MissingTokens {
        /// The engine.
        engine: Engine,
        /// The row.
        row: u64,
    },
    /// The engine is keyed by indices, but the row has none.
    #[error("row {row}: {engine} is keyed by indices, and the row has only tokens")]
    #[non_exhaustive]
    MissingVector {
        /// The engine.
        engine: Engine,
        /// The row.
        row: u64,
    },
    /// The id of a row is empty.
    #[error("row {row}: the id is empty")]
    #[non_exhaustive]
    EmptyId {
        /// The row.
        row: u64,
    },
    /// An id exceeds the engine's limit.
    #[error("row {row}: the id has {found} {unit}, but {engine} takes at most {limit}")]
    #[non_exhaustive]
    IdTooLong {
        /// The engine.
        engine: Engine,
        /// The row.
        row: u64,
        /// Its length.
        found: usize,
        /// The limit.
        limit: usize,
        /// The unit of the length.
        unit: &'static str,
    },
    /// An id contains a character that the engine refuses.
    #[error("row {row}: id {id:?} holds {character:?}, which {engine} refuses")]
    #[non_exhaustive]
    IdCharacter {
        /// The engine.
        engine: Engine,
        /// The row.
        row: u64,
        /// The id.
        id: String,
        /// The character.
        character: char,
    },
    /// An id occurred in an earlier row; the engine would keep only one of the two.
    #[error(
        "row {row}: id {id:?} occurred in an earlier row; {engine} would keep only one of the two"
    )]
    #[non_exhaustive]
    DuplicateId {
        /// The engine.
        engine: Engine,
        /// The second row with the id.
        row: u64,
        /// The id.
        id: String,
    },
    /// A token is empty, which the engine refuses.
    #[error("row {row}: a token is empty, but {engine} needs a name for each weight")]
    #[non_exhaustive]
    EmptyToken {
        /// The engine.
        engine: Engine,
        /// The row.
        row: u64,
    },
    /// A token occurs twice; the engine would keep only one of the weights.
    #[error(
        "row {row}: the token {token:?} occurs twice; {engine} would keep only one of its weights"
    )]
    #[non_exhaustive]
    DuplicateToken {
        /// The engine.
        engine: Engine,
        /// The row.
        row: u64,
        /// The token.
        token: String,
    },
    /// A token cannot be written in the engine's text format.
    #[error("row {row}: {engine} cannot hold the token {token:?}: {reason}")]
    #[non_exhaustive]
    Token {
        /// The engine.
        engine: Engine,
        /// The row.
        row: u64,
        /// The token.
        token: String,
        /// Why not.
        reason: &'static str,
    },
    /// A weight is NaN or infinite.
    #[error("row {row}, {key}: weight {weight} is not finite")]
    #[non_exhaustive]
    WeightNotFinite {
        /// The row.
        row: u64,
        /// The token or index of the weight.
        key: String,
        /// The weight.
        weight: f32,
    },
    /// A weight is not positive, but the engine requires it.
    #[error("row {row}, {key}: weight {weight}, but {engine} only takes weights from {least} up")]
    #[non_exhaustive]
    WeightTooSmall {
        /// The engine.
        engine: Engine,
        /// The row.
        row: u64,
        /// The token or index of the weight.
        key: String,
        /// The weight.
        weight: f32,
        /// The smallest weight that the engine accepts.
        least: f32,
    },
    /// A row has more weights than the engine allows.
    #[error("row {row}: {found} weights, but {what} takes at most {limit}: lower max_active_dims")]
    #[non_exhaustive]
    TooManyWeights {
        /// The row.
        row: u64,
        /// Number of its weights.
        found: usize,
        /// What has the limit.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A row has no weights, and [`EmptyRows::Refuse`](crate::EmptyRows::Refuse) was chosen.
    #[error("row {row}: no weights, and such rows are refused")]
    #[non_exhaustive]
    EmptyRow {
        /// The row.
        row: u64,
    },
    /// A query has no weights, so it ranks nothing; some engines would return every document.
    #[error("row {row}: the query has no weights")]
    #[non_exhaustive]
    EmptyQuery {
        /// The row.
        row: u64,
    },
    /// The dimension exceeds the engine's limit.
    #[error("dimension {dimension}, but {engine} takes at most {limit}")]
    #[non_exhaustive]
    DimensionTooLarge {
        /// The engine.
        engine: Engine,
        /// The dimension.
        dimension: usize,
        /// The limit.
        limit: usize,
    },
    /// The dimension of a row differs from that of the rows before it.
    #[error("row {row} has dimension {found}, the rows before it {expected}")]
    #[non_exhaustive]
    DimensionMismatch {
        /// The row.
        row: u64,
        /// Its dimension.
        found: usize,
        /// That of the first row.
        expected: usize,
    },
    /// The output cannot be written.
    #[error("cannot write the export after {rows} rows")]
    #[non_exhaustive]
    Write {
        /// Number of rows passed to the output before.
        rows: u64,
        /// The output's error.
        #[source]
        source: io::Error,
    },
    /// Qdrant refused a batch.
    #[cfg(feature = "qdrant")]
    #[error("Qdrant did not take rows {first} to {last}; the rows before them are stored")]
    #[non_exhaustive]
    Upsert {
        /// First row of the batch.
        first: u64,
        /// Last row of the batch.
        last: u64,
        /// The client's error.
        #[source]
        source: Box<qdrant_client::QdrantError>,
    },
    /// Qdrant could not create the collection.
    #[cfg(feature = "qdrant")]
    #[error("cannot create the Qdrant collection `{name}`")]
    #[non_exhaustive]
    CreateCollection {
        /// Its name.
        name: String,
        /// The client's error.
        #[source]
        source: Box<qdrant_client::QdrantError>,
    },
}
