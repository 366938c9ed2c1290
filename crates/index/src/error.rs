//! Errors of building, reading and searching an index.

use std::io;
use std::path::PathBuf;

/// What is wrong with a row, an index file or a query.
///
/// Documents are identified by their number, counted from 1 like the lines of a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// A file cannot be opened or mapped.
    #[error("cannot read the index {}", .path.display())]
    #[non_exhaustive]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The index, or a temporary file beside it, cannot be written.
    #[error("cannot write the index {} (or a temporary file beside it)", .path.display())]
    #[non_exhaustive]
    Write {
        /// The index being built.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The dimension exceeds `u32::MAX`; terms are `u32`.
    #[error("dimension {dimension} does not fit in u32")]
    #[non_exhaustive]
    DimensionTooLarge {
        /// The requested dimension.
        dimension: usize,
    },
    /// The dimension of a row differs from that of the index.
    #[error(
        "document {document} (`{id}`) has dimension {found}, but the index has {expected}: \
         encode all documents with one model"
    )]
    #[non_exhaustive]
    RowDimension {
        /// Number of the document, from 1.
        document: usize,
        /// Its id.
        id: String,
        /// Its dimension.
        found: usize,
        /// The dimension of the index.
        expected: usize,
    },
    /// There are too many documents to number them with `u32`.
    #[error("an index holds at most {limit} documents: split the corpus over several")]
    #[non_exhaustive]
    TooManyDocuments {
        /// The maximum number of documents.
        limit: usize,
    },
    /// Two documents have the same id.
    #[error("documents {first} and {second} have the same id `{id}`: ids must be unique")]
    #[non_exhaustive]
    DuplicateId {
        /// The id.
        id: String,
        /// Number of the first of them, from 1.
        first: usize,
        /// Number of the second, from 1.
        second: usize,
    },
    /// A weight cannot be stored in the chosen format.
    #[error(
        "document {document} (`{id}`), term {term}: weight {weight} cannot be stored as {format}: \
         store weights as f32"
    )]
    #[non_exhaustive]
    WeightFormat {
        /// Number of the document, from 1.
        document: usize,
        /// Its id.
        id: String,
        /// The term.
        term: u32,
        /// Its weight.
        weight: f32,
        /// The format.
        format: &'static str,
    },
    /// The file does not start like an index.
    #[error("{} is not a splade index: its first bytes differ", .path.display())]
    #[non_exhaustive]
    NotAnIndex {
        /// The file.
        path: PathBuf,
    },
    /// The file has another version of the format.
    #[error(
        "{} has format version {found}, but this program reads version {expected}: rebuild it",
        .path.display()
    )]
    #[non_exhaustive]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The supported version.
        expected: u32,
    },
    /// The machine's byte order differs from the file's.
    #[error("{} is little-endian, but this machine is not: it cannot map it", .path.display())]
    #[non_exhaustive]
    Endianness {
        /// The file.
        path: PathBuf,
    },
    /// The file's size differs from what its header says.
    #[error(
        "{} has {found} bytes, but should have {expected}: it was truncated or extended; copy it again \
         or rebuild it",
        .path.display()
    )]
    #[non_exhaustive]
    FileSize {
        /// The file.
        path: PathBuf,
        /// Its size.
        found: u64,
        /// The size that its header states.
        expected: u64,
    },
    /// A checksum or a part of the structure is wrong.
    #[error("{} is damaged: {problem}; copy it again or rebuild it", .path.display())]
    #[non_exhaustive]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is damaged.
        problem: &'static str,
    },
    /// The dimension of a query differs from that of the index.
    #[error(
        "a query has dimension {found}, but the index {} has {expected}: encode queries with the \
         model of the documents",
        .path.display()
    )]
    #[non_exhaustive]
    QueryDimension {
        /// The index.
        path: PathBuf,
        /// The dimension of the query.
        found: usize,
        /// The dimension of the index.
        expected: usize,
    },
}
