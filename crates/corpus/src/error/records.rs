//! A record that is not what it should be, with its place.

use std::path::PathBuf;

use splade_output::shown;

use super::listed;
use crate::Place;

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// A line is not JSON, or not a record.
    #[error("{place}: not a record {expected}")]
    NotARecord {
        /// Where.
        place: Place,
        /// What a record looks like.
        expected: &'static str,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A record lacks a field.
    #[error("{place}: the record has no `{column}`; it has {}", listed(.columns))]
    NoField {
        /// Where.
        place: Place,
        /// The field.
        column: String,
        /// The fields that it has.
        columns: Vec<String>,
    },
    /// A field or cell of a record has the wrong type, or is null.
    #[error("{place}: not a record of texts: `{column}` is {found}, expected {expected}")]
    NotText {
        /// Where.
        place: Place,
        /// The field or column.
        column: String,
        /// What is there.
        found: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// A text of JSON has an escape that stands for no character.
    #[error(
        "{place}: the text of `{column}` has a lone surrogate: half of a pair of escapes such as \\ud83d\\ude00, \
         which is no character"
    )]
    LoneSurrogate {
        /// Where.
        place: Place,
        /// The field.
        column: String,
    },
    /// A list of numbers has one that is not finite.
    #[error("{place}: `{column}` has NaN or an infinity, which no vector has")]
    NotFinite {
        /// Where.
        place: Place,
        /// The field.
        column: String,
    },
    /// A record has two fields that one column can mean.
    #[error(
        "{place}: the record has `{first}` and `{second}`: put the one that you mean in double quotes, \
         as in CSV"
    )]
    AmbiguousField {
        /// Where.
        place: Place,
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// A record has both fields that can be its name.
    #[error("{place}: `id` and `_id` are both there: say which column names the records")]
    AmbiguousId {
        /// Where.
        place: Place,
    },
    /// A record has no name where each must have one.
    #[error("{place}: neither `id` nor `_id` is there, which other files name this record by")]
    NoId {
        /// Where.
        place: Place,
    },
    /// Two records have one id.
    #[error("{second}: the id `{id}` is there already, in {first}: ids must differ here")]
    DuplicateId {
        /// The id.
        id: String,
        /// Where it stands first.
        first: Place,
        /// Where it stands again.
        second: Place,
    },
    /// An empty line that is not at the end of the file.
    #[error("{place}: an empty line among JSON lines")]
    BlankLine {
        /// Where.
        place: Place,
    },
    /// A text is not UTF-8.
    #[error(
        "{place}: not UTF-8 at byte {byte} of the {within}: convert the file first (`iconv -t UTF-8`)"
    )]
    NotUtf8 {
        /// Where.
        place: Place,
        /// The byte, from 1.
        byte: usize,
        /// What its number counts from: `line` or `cell`.
        within: &'static str,
    },
    /// A record has no end within reason.
    #[error("{place}: longer than {limit} bytes")]
    TooLong {
        /// Where.
        place: Place,
        /// The most bytes of one record.
        limit: usize,
    },
    /// A row of a table has more or fewer cells than its header.
    #[error("{place}: {found} cells, but the header has {expected}{hint}")]
    RaggedRow {
        /// Where.
        place: Place,
        /// Cells of the row.
        found: usize,
        /// Cells of the header.
        expected: usize,
        /// What may help.
        hint: &'static str,
    },
    /// The quotes of a table are not closed, or something follows a closing quote.
    #[error(
        "{place}: cell {cell} {problem}; if quotes are ordinary characters in this file, say \
         `--no-quotes`"
    )]
    Quotes {
        /// Where.
        place: Place,
        /// The cell, from 1.
        cell: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A table cannot be decoded.
    #[error("cannot read {} from row {row} on", shown(.path))]
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
