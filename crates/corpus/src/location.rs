//! The location of a record: its file, and the line or row in it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use splade_output::shown;

/// A line or row of a file. Shown as `corpus.jsonl, line 12`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    file: Arc<Path>,
    unit: LocationUnit,
    number: u64,
}

/// What the number of a [`Location`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocationUnit {
    /// Lines of a text file. A record that spans several lines is at its first.
    Line,
    /// Rows of a table, not counting its header.
    Row,
}

impl Location {
    pub(crate) fn line(file: &Arc<Path>, number: u64) -> Self {
        Self { file: Arc::clone(file), unit: LocationUnit::Line, number }
    }

    pub(crate) fn row(file: &Arc<Path>, number: u64) -> Self {
        Self { file: Arc::clone(file), unit: LocationUnit::Row, number }
    }

    /// The location `n` lines or rows further down.
    pub(crate) fn later(&self, n: u64) -> Self {
        Self { number: self.number + n, ..self.clone() }
    }

    /// The file; `-` is a standard stream.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Whether [`number`](Self::number) counts lines or rows.
    #[must_use]
    pub fn unit(&self) -> LocationUnit {
        self.unit
    }

    /// The number of the line or row, from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            LocationUnit::Line => "line",
            LocationUnit::Row => "row",
        };
        write!(f, "{}, {unit} {}", shown(&self.file), self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_shown_with_its_file_and_number() {
        let file: Arc<Path> = Arc::from(Path::new("corpus.jsonl"));
        assert_eq!(Location::line(&file, 12).to_string(), "corpus.jsonl, line 12");
        let stdin: Arc<Path> = Arc::from(Path::new("-"));
        assert_eq!(Location::row(&stdin, 1).to_string(), "the standard stream `-`, row 1");
    }
}
