//! Errors about vectors: rows that cannot be read, or that a format cannot express.

use std::path::PathBuf;

use splade_output::shown;

use crate::Location;

/// Why a vector cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VectorError {
    /// A format requires tokens and the row has none, or the reverse.
    #[error("row {row}: {format} {needs}")]
    #[non_exhaustive]
    Tokens {
        /// The row, from 1.
        row: u64,
        /// The format.
        format: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// An id that a format cannot express.
    #[error(
        "row {row}: the id {id:?} ends in NUL, which .npz cannot keep: write JSON lines or Parquet"
    )]
    #[non_exhaustive]
    IdEndsInNul {
        /// The row, from 1.
        row: u64,
        /// Its id.
        id: String,
    },
    /// A weight that a format cannot express.
    #[error("row {row}: the weight {weight} of `{token}` cannot be written: {format} has {limit}")]
    #[non_exhaustive]
    Weight {
        /// The row, from 1.
        row: u64,
        /// The token.
        token: String,
        /// Its weight.
        weight: f32,
        /// The format.
        format: &'static str,
        /// What it can express.
        limit: &'static str,
    },
    /// A token that a format cannot express.
    #[error("row {row}: the token {token:?} cannot be written: {format} splits tokens at spaces")]
    #[non_exhaustive]
    Token {
        /// The row, from 1.
        row: u64,
        /// The token.
        token: String,
        /// The format.
        format: &'static str,
    },
    /// The dimension of a vector differs from that of its file.
    #[error("{}: dimension {found}, expected {expected}", shown(.path))]
    #[non_exhaustive]
    Dimension {
        /// The file.
        path: PathBuf,
        /// The dimension of the vector or file.
        found: usize,
        /// The expected dimension.
        expected: usize,
    },
    /// Neither the caller nor the file states the dimension.
    #[error("{} does not say its dimension (the size of the vocabulary): give it", shown(.path))]
    #[non_exhaustive]
    NoDimension {
        /// The file.
        path: PathBuf,
    },
    /// A folder of parts holds something other than vectors.
    #[error("{} holds `{format}`, which cannot be read back as vectors", shown(.path))]
    #[non_exhaustive]
    NotVectors {
        /// The folder.
        path: PathBuf,
        /// The format of its parts.
        format: &'static str,
    },
    /// A vector's arrays differ in length.
    #[error("{location}: {indices} indices, but {values} values")]
    #[non_exhaustive]
    VectorLengths {
        /// Where.
        location: Location,
        /// Number of indices.
        indices: usize,
        /// Number of values.
        values: usize,
    },
    /// An index of a vector is negative or not below the dimension.
    #[error("{location}: index {index} is not below dimension {dimension}")]
    #[non_exhaustive]
    VectorIndex {
        /// Where.
        location: Location,
        /// The index.
        index: i64,
        /// The dimension.
        dimension: usize,
    },
    /// The indices of a vector are not increasing.
    #[error("{location}: index {index} follows {previous}, but must exceed it")]
    #[non_exhaustive]
    VectorOrder {
        /// Where.
        location: Location,
        /// The index before.
        previous: u32,
        /// The index.
        index: u32,
    },
    /// A value of a vector is zero, NaN or infinite.
    #[error("{location}: the value {value} of index {index} must be finite and not zero")]
    #[non_exhaustive]
    VectorValue {
        /// Where.
        location: Location,
        /// The index.
        index: u32,
        /// Its value.
        value: f32,
    },
    /// A matrix cannot be read or written.
    #[error("{}: not a matrix that can be used", shown(.path))]
    #[non_exhaustive]
    Matrix {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: splade_sparse::SparseError,
    },
}
