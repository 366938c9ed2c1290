//! Errors of reading and writing files of texts and of vectors.

mod columns;
mod input;
mod parts;
mod records;
mod rows;
mod units;

use std::io;
use std::path::{Path, PathBuf};

use splade_output::shown;

use crate::ContentProblem;
use crate::content::Foreign;

pub use self::columns::ColumnError;
pub use self::input::InputError;
pub use self::parts::PartsError;
pub use self::records::RecordError;
pub use self::rows::VectorError;
pub use self::units::{Difference, UnitError};

/// Why a corpus could not be read, or vectors could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// A file cannot be read.
    #[error("cannot read {}", shown(.path))]
    #[non_exhaustive]
    Read {
        /// The file; `-` is standard input.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", shown(.path))]
    #[non_exhaustive]
    Write {
        /// The file; `-` is standard output.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The named files cannot be read, or an output cannot be started.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The columns of a table are not the requested ones.
    #[error(transparent)]
    Columns(#[from] ColumnError),
    /// A record cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A vector cannot be read or written.
    #[error(transparent)]
    Vector(#[from] VectorError),
    /// Parts cannot be started, resumed or read.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// A corpus cannot be planned, a unit of it not encoded, or a plan not finished.
    #[error(transparent)]
    Unit(#[from] UnitError),
}

impl CorpusError {
    /// Makes an error of reading `path`.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + use<'_> {
        |source| Self::Read { path: path.to_owned(), source }
    }

    /// Makes an error about the content of `path`.
    pub(crate) fn content(path: &Path, problem: ContentProblem) -> Self {
        Self::Input(InputError::Content { path: path.to_owned(), problem })
    }

    /// Makes an error about a file whose format is not supported.
    pub(crate) fn foreign(path: &Path, Foreign { what, remedy }: Foreign) -> Self {
        Self::content(path, ContentProblem::Foreign { what, remedy })
    }

    /// Makes an error of writing `path`.
    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + use<'_> {
        |source| Self::Write { path: path.to_owned(), source }
    }
}

/// The first names of a list, in backquotes.
fn listed(names: &[String]) -> String {
    /// A table may have thousands of columns.
    const MOST: usize = 20;
    if names.is_empty() {
        return "none".to_owned();
    }
    let mut list = String::new();
    for (i, name) in names.iter().take(MOST).enumerate() {
        list.push_str(if i == 0 { "`" } else { ", `" });
        list.push_str(name);
        list.push('`');
    }
    if names.len() > MOST {
        list.push_str(&format!(" and {} more", names.len() - MOST));
    }
    list
}
