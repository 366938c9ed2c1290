//! The cells of CSV and TSV, a row at a time (RFC 4180).
//!
//! Constructs on which common readers disagree are refused: a quote that is never closed, which
//! would swallow the rest of the file as one cell, and text after a closing quote. Constructs that
//! are valid but often unintended are reported at the end of the file: quoted cells that span
//! several lines, and cells that look quoted where quotes are ordinary characters.

use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

use splade_output::shown;

use crate::stream::{MAX_RECORD_BYTES, TextStream};
use crate::{CorpusError, Location, RecordError};

use super::Quoting;

/// The rows of a text table. Blank lines are skipped: in a one-column table an empty text is
/// written `""`.
pub(crate) struct Rows {
    file: Arc<Path>,
    text: TextStream,
    delimiter: u8,
    quoting: Quoting,
    /// The number of the current line, from 1.
    line: u64,
    /// The line at which the last row starts.
    row_line: u64,
    cells: Vec<u8>,
    /// The end of each cell.
    ends: Vec<usize>,
    oddities: Oddities,
}

/// Oddities that are no errors, but may mean that the quoting is set wrongly.
#[derive(Default)]
struct Oddities {
    /// Quoted cells that contain a line end.
    n_long: u64,
    /// The number of lines of the longest such cell, and the line of its row.
    longest: (u64, u64),
    /// Cells that start with a quote, where quotes are ordinary characters.
    n_quotes: u64,
    /// How many of them are quoted correctly by the rules of CSV: `"a ""b"""`.
    n_doubled: u64,
    /// The line of the first of these.
    doubled: u64,
    is_reported: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// At the first byte of a cell.
    Start,
    /// In an unquoted cell.
    Bare,
    /// Inside the quotes of a cell.
    Quoted,
    /// After a quote that either closes a cell or is the first of a pair.
    Closed,
    /// After a carriage return that follows a closed cell.
    Return,
}

impl Rows {
    pub(crate) fn new(file: &Arc<Path>, text: TextStream, delimiter: u8, quoting: Quoting) -> Self {
        let file = Arc::clone(file);
        let (cells, ends, oddities) = (Vec::new(), Vec::new(), Oddities::default());
        Self { file, text, delimiter, quoting, line: 1, row_line: 1, cells, ends, oddities }
    }

    /// Suppresses the note at the end: another reader of the file gives it.
    pub(crate) fn keep_quiet(&mut self) {
        self.oddities.is_reported = true;
    }

    /// Whether some quotes could enclose cells, but are taken as ordinary characters.
    pub(crate) fn has_bare_quotes(&self) -> bool {
        self.oddities.n_quotes > 0
    }

    /// A note for the user at the end of the file, if there is one.
    pub(crate) fn note(&self) -> Option<String> {
        let (file, found) = (shown(&self.file), &self.oddities);
        if found.n_long > 0 {
            let (n_lines, line) = found.longest;
            let cells = if found.n_long == 1 { "cell runs" } else { "cells run" };
            return Some(format!(
                "{file}: {} quoted {cells} over several lines, the longest over {n_lines}, in the row of \
                 line {line}; if quotes are ordinary characters in this file, say `--no-quotes`",
                found.n_long
            ));
        }
        (found.n_doubled > 0).then(|| {
            let cells = if found.n_doubled == 1 { "cell looks" } else { "cells look" };
            format!(
                "{file}: {} {cells} quoted as in CSV, the first in line {}, but quotes are ordinary \
                 characters in TSV; if they enclose cells in this file, say `--quotes`",
                found.n_doubled, found.doubled
            )
        })
    }

    /// Counts the oddities of a row whose quotes are ordinary characters.
    fn look_at_quotes(&mut self) {
        let mut start = 0;
        for &end in &self.ends {
            let cell = &self.cells[start..end];
            start = end;
            let Some(inside) = cell.strip_prefix(b"\"") else { continue };
            let found = &mut self.oddities;
            found.n_quotes += 1;
            if inside.strip_suffix(b"\"").is_some_and(has_doubled_quotes_alone) {
                found.doubled = if found.n_doubled == 0 { self.row_line } else { found.doubled };
                found.n_doubled += 1;
            }
        }
    }

    /// The location at which the last row starts.
    pub(crate) fn location(&self) -> Location {
        Location::line(&self.file, self.row_line)
    }

    /// The number of lines read.
    pub(crate) fn n_lines(&self) -> u64 {
        self.line - 1
    }

    /// Continues with another text, after `n_lines` lines.
    pub(crate) fn jump(&mut self, n_lines: u64, text: TextStream) {
        (self.text, self.line) = (text, n_lines + 1);
    }

    /// The number of cells in the last row.
    pub(crate) fn n_cells(&self) -> usize {
        self.ends.len()
    }

    /// A cell of the last row.
    pub(crate) fn cell(&self, i: usize) -> Result<&str, CorpusError> {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        let cell = &self.cells[start..self.ends[i]];
        std::str::from_utf8(cell).map_err(|error| {
            CorpusError::Record(RecordError::NotUtf8 {
                location: self.location(),
                byte: error.valid_up_to() + 1,
                within: "cell",
            })
        })
    }

    /// Reads a row; returns false at the end of the text.
    pub(crate) fn advance(&mut self) -> Result<bool, CorpusError> {
        loop {
            self.row_line = self.line;
            self.cells.clear();
            self.ends.clear();
            let Some(is_quoted) = self.read_row()? else {
                if !std::mem::replace(&mut self.oddities.is_reported, true)
                    && let Some(note) = self.note()
                {
                    tracing::warn!("{note}");
                }
                return Ok(false);
            };
            if self.quoting == Quoting::None {
                self.look_at_quotes();
            }
            let is_blank = self.ends.len() == 1 && self.cells.is_empty() && !is_quoted;
            if !is_blank {
                return Ok(true);
            }
        }
    }

    /// Reads up to the end of a row. Returns whether its last cell was quoted; `None` at the end of
    /// the text.
    fn read_row(&mut self) -> Result<Option<bool>, CorpusError> {
        let mut state = State::Start;
        let mut quoted_line = self.line;
        loop {
            let bytes = self.text.fill_buf().map_err(CorpusError::read(&self.file))?;
            if bytes.is_empty() {
                return self.end_of_text(state);
            }
            let mut n_used = 0;
            let mut ended = None;
            while let Some(&byte) = bytes.get(n_used) {
                n_used += 1;
                match (state, byte) {
                    (State::Quoted, b'"') => {
                        state = State::Closed;
                        let n_lines = self.line - quoted_line + 1;
                        if n_lines > 1 {
                            self.oddities.n_long += 1;
                            if n_lines > self.oddities.longest.0 {
                                self.oddities.longest = (n_lines, self.row_line);
                            }
                        }
                    }
                    (State::Quoted, _) => {
                        self.line += u64::from(byte == b'\n');
                        self.cells.push(byte);
                    }
                    (State::Start, b'"') if self.quoting == Quoting::Double => {
                        state = State::Quoted;
                        quoted_line = self.line;
                    }
                    (State::Closed, b'"') => {
                        self.cells.push(b'"');
                        state = State::Quoted;
                        // The cell continues: it will be counted again.
                        self.oddities.n_long -= u64::from(self.line > quoted_line);
                    }
                    (State::Closed, b'\r') => state = State::Return,
                    (_, b'\n') => {
                        let start = self.ends.last().copied().unwrap_or(0);
                        let is_bare = matches!(state, State::Start | State::Bare);
                        if is_bare && self.cells[start..].ends_with(b"\r") {
                            self.cells.pop();
                        }
                        self.ends.push(self.cells.len());
                        self.line += 1;
                        ended = Some(!is_bare);
                        break;
                    }
                    (State::Start | State::Bare | State::Closed, _) if byte == self.delimiter => {
                        self.ends.push(self.cells.len());
                        state = State::Start;
                    }
                    (State::Closed | State::Return, _) => {
                        return Err(self.quotes("has text after its closing quote"));
                    }
                    (State::Start | State::Bare, _) => {
                        self.cells.push(byte);
                        state = State::Bare;
                    }
                }
            }
            self.text.consume(n_used);
            if ended.is_some() {
                return Ok(ended);
            }
            if self.cells.len() > MAX_RECORD_BYTES {
                return Err(CorpusError::Record(RecordError::TooLong {
                    location: self.location(),
                    limit: MAX_RECORD_BYTES,
                }));
            }
        }
    }

    /// Ends a row at the end of the text.
    fn end_of_text(&mut self, state: State) -> Result<Option<bool>, CorpusError> {
        match state {
            State::Quoted => return Err(self.quotes("has a quote that is never closed")),
            State::Start if self.ends.is_empty() => return Ok(None),
            State::Bare if self.cells.ends_with(b"\r") => {
                self.cells.pop();
            }
            _ => {}
        }
        self.ends.push(self.cells.len());
        Ok(Some(matches!(state, State::Closed | State::Return)))
    }

    fn quotes(&self, problem: &'static str) -> CorpusError {
        CorpusError::Record(RecordError::Quotes {
            location: self.location(),
            cell: self.ends.len() + 1,
            problem,
        })
    }
}

/// Whether the cell has quotes, all of them doubled.
fn has_doubled_quotes_alone(inside: &[u8]) -> bool {
    let mut runs = inside.split(|&byte| byte != b'"').filter(|run| !run.is_empty()).peekable();
    runs.peek().is_some() && runs.all(|run| run.len() % 2 == 0)
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use super::*;

    /// All rows, with the line of each, read through a buffer of `capacity`.
    fn read(
        text: &str,
        quoting: Quoting,
        capacity: usize,
    ) -> Result<Vec<(u64, Vec<String>)>, String> {
        let text = BufReader::with_capacity(capacity, Cursor::new(text.as_bytes().to_vec()));
        let mut rows = Rows::new(&Arc::from(Path::new("x.csv")), Box::new(text), b',', quoting);
        let mut all = Vec::new();
        while rows.advance().map_err(|error| error.to_string())? {
            let cells = (0..rows.n_cells()).map(|i| rows.cell(i).unwrap().to_owned()).collect();
            all.push((rows.location().number(), cells));
        }
        Ok(all)
    }

    #[test]
    fn rows_read_the_same_through_any_buffer() {
        let text = "a,b\r\n1,\"x, \"\"y\"\"\r\nz\"\n\n2,5\" disk\n\"\"\n3,\r\n,\"\"";
        let expected = [
            (1, vec!["a", "b"]),
            (2, vec!["1", "x, \"y\"\r\nz"]),
            (5, vec!["2", "5\" disk"]),
            (6, vec![""]),
            (7, vec!["3", ""]),
            (8, vec!["", ""]),
        ];
        for capacity in [1, 2, 3, 100] {
            let rows = read(text, Quoting::Double, capacity).unwrap();
            assert_eq!(rows.len(), expected.len());
            for ((line, cells), (expected_line, expected)) in rows.iter().zip(&expected) {
                assert_eq!(
                    (line, cells.iter().map(|c| &**c).collect()),
                    (expected_line, expected.clone())
                );
            }
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_does_not_swallow_the_file() {
        let error = read("a,b\n1,\"x\n2,y\n", Quoting::Double, 8).unwrap_err();
        assert!(error.contains("x.csv, line 2: cell 2 has a quote that is never"), "{error}");
        let error = read("a,b\n\"1\" ,x\n", Quoting::Double, 8).unwrap_err();
        assert!(error.contains("line 2: cell 1 has text after"), "{error}");
        assert!(read("\"1\"\rx\n", Quoting::Double, 8).is_err());
    }

    fn note(text: &str, quoting: Quoting) -> Option<String> {
        let text = Cursor::new(text.as_bytes().to_vec());
        let mut rows = Rows::new(&Arc::from(Path::new("x.csv")), Box::new(text), b',', quoting);
        while rows.advance().unwrap() {}
        rows.note()
    }

    #[test]
    fn quoted_cells_over_several_lines_are_reported_with_their_line() {
        let text =
            "id,text\n1,\"a \"\"\nb\"\n2,\"Alpha one\n3,beta\n4,\"\"x\"\"\n5,gamma\"\n6,delta\n";
        let note = note(text, Quoting::Double).unwrap();
        let expected = "x.csv: 2 quoted cells run over several lines, the longest over 4, in the row of line 4;";
        assert!(note.starts_with(expected) && note.ends_with("say `--no-quotes`"), "{note}");
    }

    #[test]
    fn ordinary_quotes_are_not_reported() {
        assert_eq!(note("id,text\n1,\"a, \"\"b\"\"\"\n2,c\n", Quoting::Double), None);
        assert_eq!(note("1,\"To be\" or not\n2,\"all\"\n3,\"\"x\n", Quoting::None), None);
        let doubled = note("1,\"a \"\"b\"\"\"\n", Quoting::None).unwrap();
        assert!(
            doubled.contains("1 cell looks quoted as in CSV, the first in line 1"),
            "{doubled}"
        );
    }

    #[test]
    fn without_quoting_quotes_are_characters() {
        let rows = read("\"1\",\"x\n2,\"\"\n", Quoting::None, 8).unwrap();
        assert_eq!(rows[0].1, ["\"1\"", "\"x"]);
        assert_eq!(rows[1].1, ["2", "\"\""]);
    }
}
