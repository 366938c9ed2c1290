//! Everything that can be wrong with an export.

use std::io;

use crate::Engine;

/// What is wrong with a row, a query, a name, or the file or server written to.
///
/// `row` is the number the caller gave to the row: a line number of its file, from 1.
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
    /// A collection, index, table, schema or field may not be called that.
    #[error("{engine} cannot have a {what} called `{name}`: {rule}")]
    #[non_exhaustive]
    Name {
        /// The engine.
        engine: Engine,
        /// What was to be named.
        what: &'static str,
        /// The name.
        name: String,
        /// What a name has to be.
        rule: &'static str,
    },
    /// The engine is keyed by tokens, and the row came without.
    #[error("row {row}: {engine} is keyed by tokens, and the row has none: decode it first")]
    #[non_exhaustive]
    MissingTokens {
        /// The engine.
        engine: Engine,
        /// The row.
        row: u64,
    },
    /// The engine is keyed by indices, and the row came without.
    #[error("row {row}: {engine} is keyed by indices, and the row has only tokens")]
    #[non_exhaustive]
    MissingVector {
        /// The engine.
        engine: Engine,
        /// The row.
        row: u64,
    },
    /// Every row needs an id.
    #[error("row {row}: the id is empty")]
    #[non_exhaustive]
    EmptyId {
        /// The row.
        row: u64,
    },
    /// The engine limits the length of ids.
    #[error("row {row}: the id has {found} {unit}, {engine} takes at most {limit}")]
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
        /// What is counted.
        unit: &'static str,
    },
    /// The engine refuses a character of the id.
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
    /// An id stood in an earlier row already; the engine would keep only one of the two.
    #[error(
        "row {row}: id {id:?} stood in an earlier row, {engine} would keep only one of the two"
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
    /// A token that is no key: the engine refuses empty ones.
    #[error("row {row}: a token is empty, {engine} needs a name for each weight")]
    #[non_exhaustive]
    EmptyToken {
        /// The engine.
        engine: Engine,
        /// The row.
        row: u64,
    },
    /// A token that is there twice: the engine would keep one of the two weights.
    #[error(
        "row {row}: the token {token:?} is there twice, {engine} would keep one of its weights"
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
    /// A token that the engine's text form cannot hold.
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
        /// The token or index whose weight it is.
        key: String,
        /// The weight.
        weight: f32,
    },
    /// The engine takes positive weights only.
    #[error("row {row}, {key}: weight {weight}, but {engine} takes weights from {least} up only")]
    #[non_exhaustive]
    WeightTooSmall {
        /// The engine.
        engine: Engine,
        /// The row.
        row: u64,
        /// The token or index whose weight it is.
        key: String,
        /// The weight.
        weight: f32,
        /// The least weight that is taken.
        least: f32,
    },
    /// The engine limits the number of weights.
    #[error("row {row}: {found} weights, {what} takes at most {limit}: lower max_active_dims")]
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
    /// A row without weights, where [`EmptyRows::Refuse`](crate::EmptyRows::Refuse) was chosen.
    #[error("row {row}: no weights, and such rows are to be refused")]
    #[non_exhaustive]
    EmptyRow {
        /// The row.
        row: u64,
    },
    /// A query without weights ranks nothing; some engines would answer it with every document.
    #[error("row {row}: the query has no weights")]
    #[non_exhaustive]
    EmptyQuery {
        /// The row.
        row: u64,
    },
    /// The engine limits the dimension.
    #[error("dimension {dimension}, {engine} takes at most {limit}")]
    #[non_exhaustive]
    DimensionTooLarge {
        /// The engine.
        engine: Engine,
        /// The dimension.
        dimension: usize,
        /// The limit.
        limit: usize,
    },
    /// A row of another dimension than the rows before it.
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
        /// Rows that were handed to the output before.
        rows: u64,
        /// What the output says.
        #[source]
        source: io::Error,
    },
    /// Qdrant does not take a batch.
    #[cfg(feature = "qdrant")]
    #[error("Qdrant did not take rows {first} to {last}; the rows before them are stored")]
    #[non_exhaustive]
    Upsert {
        /// First row of the batch.
        first: u64,
        /// Last row of the batch.
        last: u64,
        /// What the client says.
        #[source]
        source: Box<qdrant_client::QdrantError>,
    },
    /// Qdrant does not make the collection.
    #[cfg(feature = "qdrant")]
    #[error("cannot create the Qdrant collection `{name}`")]
    #[non_exhaustive]
    CreateCollection {
        /// Its name.
        name: String,
        /// What the client says.
        #[source]
        source: Box<qdrant_client::QdrantError>,
    },
}
