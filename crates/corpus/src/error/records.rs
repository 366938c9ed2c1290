//! Errors about records, with their locations.

use std::path::PathBuf;

use splade_output::shown;

use super::listed;
use crate::Location;

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// A line is not JSON, or not a record.
    #[error("{location}: not a record {expected}")]
    #[non_exhaustive]
    NotARecord {
        /// Where.
        location: Location,
        /// What a record looks like.
        expected: &'static str,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A record lacks a field.
    #[error("{location}: the record has no `{column}`; it has {}", listed(.columns))]
    #[non_exhaustive]
    NoField {
        /// Where.
        location: Location,
        /// The field.
        column: String,
        /// The fields that it has.
        columns: Vec<String>,
    },
    /// A field or cell of a record has the wrong type, or is null.
    #[error("{location}: not a record of texts: `{column}` is {found}, expected {expected}")]
    #[non_exhaustive]
    NotText {
        /// Where.
        location: Location,
        /// The field or column.
        column: String,
        /// What was found.
        found: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// A JSON text has an escape that is not a character.
    #[error(
        "{location}: the text of `{column}` has a lone surrogate: half of a pair of escapes such as \\ud83d\\ude00, \
         which is no character"
    )]
    #[non_exhaustive]
    LoneSurrogate {
        /// Where.
        location: Location,
        /// The field.
        column: String,
    },
    /// A list of numbers has a non-finite one.
    #[error("{location}: `{column}` has NaN or an infinity, which no vector has")]
    #[non_exhaustive]
    NotFinite {
        /// Where.
        location: Location,
        /// The field.
        column: String,
    },
    /// A record has two fields that match the same requested column.
    #[error(
        "{location}: the record has `{first}` and `{second}`: put the one that you mean in double quotes, \
         as in CSV"
    )]
    #[non_exhaustive]
    AmbiguousField {
        /// Where.
        location: Location,
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// A record has both `id` and `_id`.
    #[error("{location}: the record has both `id` and `_id`: say which column holds the ids")]
    #[non_exhaustive]
    AmbiguousId {
        /// Where.
        location: Location,
    },
    /// A record has no id, but ids are required.
    #[error(
        "{location}: the record has neither `id` nor `_id`, by which other files would refer to it"
    )]
    #[non_exhaustive]
    NoId {
        /// Where.
        location: Location,
    },
    /// Two records have one id.
    #[error("{second}: the id `{id}` already occurs in {first}: ids must differ here")]
    DuplicateId {
        /// The id.
        id: String,
        /// The first location of the id.
        first: Location,
        /// The second location of the id.
        second: Location,
    },
    /// An empty line that is not at the end of the file.
    #[error("{location}: an empty line among JSON lines")]
    #[non_exhaustive]
    BlankLine {
        /// Where.
        location: Location,
    },
    /// A text is not UTF-8.
    #[error(
        "{location}: not UTF-8 at byte {byte} of the {within}: convert the file first (`iconv -t UTF-8`)"
    )]
    #[non_exhaustive]
    NotUtf8 {
        /// Where.
        location: Location,
        /// The byte, from 1.
        byte: usize,
        /// What its number counts from: `line` or `cell`.
        within: &'static str,
    },
    /// A record is too long.
    #[error("{location}: longer than {limit} bytes")]
    #[non_exhaustive]
    TooLong {
        /// Where.
        location: Location,
        /// The maximum number of bytes in a record.
        limit: usize,
    },
    /// A row of a table has more or fewer cells than its header.
    #[error("{location}: {found} cells, but the header has {expected}{hint}")]
    #[non_exhaustive]
    RaggedRow {
        /// Where.
        location: Location,
        /// Cells of the row.
        found: usize,
        /// Cells of the header.
        expected: usize,
        /// What may help.
        hint: &'static str,
    },
    /// The quotes of a table are not closed, or something follows a closing quote.
    #[error(
        "{location}: cell {cell} {problem}; if quotes are ordinary characters in this file, say \
         `--no-quotes`"
    )]
    #[non_exhaustive]
    Quotes {
        /// Where.
        location: Location,
        /// The cell, from 1.
        cell: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A table cannot be decoded.
    #[error("cannot read {} from row {row} on", shown(.path))]
    #[non_exhaustive]
    Table {
        /// The file.
        path: PathBuf,
        /// The first row that was not read, from 1.
        row: u64,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
