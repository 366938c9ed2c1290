//! Everything that can go wrong between rows, an index file and its answers.

use std::io;
use std::path::PathBuf;

/// What is wrong with a row, an index file or a query.
///
/// Documents are named by their number, counted from 1 as lines of a file are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// A file cannot be opened or mapped.
    #[error("cannot read the index {}", .path.display())]
    #[non_exhaustive]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The index, or a temporary file beside it, cannot be written.
    #[error("cannot write the index {} (or a temporary file beside it)", .path.display())]
    #[non_exhaustive]
    Write {
        /// The index being built.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A dimension of more than `u32::MAX`: terms are `u32`.
    #[error("dimension {dimension} does not fit in u32")]
    #[non_exhaustive]
    DimensionTooLarge {
        /// The dimension asked for.
        dimension: usize,
    },
    /// A row of another dimension than the index.
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
    /// Documents are numbered by `u32`.
    #[error("an index holds at most {limit} documents: split the corpus over several")]
    #[non_exhaustive]
    TooManyDocuments {
        /// The most that there may be.
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
    /// A weight that the chosen format cannot hold.
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
    /// The file does not start as an index does.
    #[error("{} is not an index of splade: its first bytes are others", .path.display())]
    #[non_exhaustive]
    NotAnIndex {
        /// The file.
        path: PathBuf,
    },
    /// The file is of another version of the format.
    #[error(
        "{} has format version {found}, but this program reads version {expected}: build it anew",
        .path.display()
    )]
    #[non_exhaustive]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version that is read.
        expected: u32,
    },
    /// The bytes of a machine's numbers are in the other order than those of the file.
    #[error("{} is little-endian, but this machine is not: it cannot map it", .path.display())]
    #[non_exhaustive]
    Endianness {
        /// The file.
        path: PathBuf,
    },
    /// The file is shorter or longer than its header says.
    #[error(
        "{} has {found} bytes, but should have {expected}: it was cut or added to; copy it again \
         or build it anew",
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
    #[error("{} is damaged: {problem}; copy it again or build it anew", .path.display())]
    #[non_exhaustive]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The part that is wrong.
        problem: &'static str,
    },
    /// A query of another dimension than the index.
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
