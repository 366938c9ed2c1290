//! Errors about the columns of tables, and the fields that hold the text.

use std::path::PathBuf;

use splade_output::shown;

use super::listed;

/// Why the columns of a table are not the requested ones.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ColumnError {
    /// No column was named as the text.
    #[error("no column was named as the text")]
    NoTextColumn,
    /// A table lacks a column.
    #[error("{} has no column `{column}`; it has {}", shown(.path), listed(.columns))]
    #[non_exhaustive]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The columns that it has.
        columns: Vec<String>,
    },
    /// A table has two columns that match the same requested text column.
    #[error(
        "{} has the columns `{first}` and `{second}`: put the one that you mean in double quotes, as \
         in CSV", shown(.path)
    )]
    #[non_exhaustive]
    AmbiguousColumn {
        /// The file.
        path: PathBuf,
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// A list of columns cannot be read.
    #[error("cannot read the list of columns `{list}`: {problem}")]
    #[non_exhaustive]
    ColumnList {
        /// The list.
        list: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A table has a column twice.
    #[error("{} has the column `{column}` twice", shown(.path))]
    #[non_exhaustive]
    ColumnTwice {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// A column of a table has an unsupported type.
    #[error("{}: column `{column}` has the type {found}, expected {expected}", shown(.path))]
    #[non_exhaustive]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// The supported types.
        expected: &'static str,
    },
    /// A text column holds bytes.
    #[error(
        "{}: column `{column}` holds bytes, and does not say that they are text; if they are UTF-8, say \
         `--binary-as-text`", shown(.path)
    )]
    #[non_exhaustive]
    BinaryColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// A file that should have a header is empty.
    #[error("{} is empty, but should start with a header of column names", shown(.path))]
    #[non_exhaustive]
    NoHeader {
        /// The file.
        path: PathBuf,
    },
}
