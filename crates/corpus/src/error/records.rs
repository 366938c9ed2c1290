//! A record that is not what it should be, with its location.

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
        /// What is there.
        found: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// A text of JSON has an escape that stands for no character.
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
    /// A list of numbers has one that is not finite.
    #[error("{location}: `{column}` has NaN or an infinity, which no vector has")]
    #[non_exhaustive]
    NotFinite {
        /// Where.
        location: Location,
        /// The field.
        column: String,
    },
    /// A record has two fields that one column can mean.
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
    /// A record has both fields that can be its name.
    #[error("{location}: `id` and `_id` are both there: say which column names the records")]
    #[non_exhaustive]
    AmbiguousId {
        /// Where.
        location: Location,
    },
    /// A record has no name where each must have one.
    #[error("{location}: neither `id` nor `_id` is there, which other files name this record by")]
    #[non_exhaustive]
    NoId {
        /// Where.
        location: Location,
    },
    /// Two records have one id.
    #[error("{second}: the id `{id}` is there already, in {first}: ids must differ here")]
    // `splade` builds it too, so its fields are final.
    DuplicateId {
        /// The id.
        id: String,
        /// Where it stands first.
        first: Location,
        /// Where it stands again.
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
    /// A record has no end within reason.
    #[error("{location}: longer than {limit} bytes")]
    #[non_exhaustive]
    TooLong {
        /// Where.
        location: Location,
        /// The most bytes of one record.
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
