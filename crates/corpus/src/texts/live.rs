//! Lines that are answered one by one, before the next one arrives.

use std::io::{self, BufReader};
use std::path::Path;
use std::sync::Arc;

use crate::json_layout::{JsonLayout, are_objects};
use crate::numbered_lines::Lines;
use crate::stream::{self, Opened, TextWindow, WaitFor};
use crate::window::Start;
use crate::{ContentProblem, CorpusError};

use super::open::header_problem;
use super::{ReadOptions, TextFormat};

/// Texts, one per line, from a writer that may wait for the answer to each.
pub struct LiveLines {
    lines: Lines,
    /// Whether lines of JSON are refused.
    refuses_json: bool,
}

impl LiveLines {
    /// Opens a file or a pipe; `-` is standard input. Its first bytes decide the format, as for
    /// [`CorpusReader`](crate::CorpusReader), but at most one line is awaited.
    ///
    /// JSON and tables are refused, unless [`ReadOptions::format`] is [`TextFormat::Lines`].
    ///
    /// # Errors
    /// [`CorpusError::Read`]; [`CorpusError::Input`] for content that is not lines of text.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self, CorpusError> {
        let mut text = match stream::open_after(WaitFor::Line, path, path, &Arc::default())? {
            Opened::Text(text) => text,
            other => return Err(other.mismatch(path, "text")),
        };
        let refuses_json = options.format != Some(TextFormat::Lines);
        if refuses_json {
            let found = problem(&mut text, options).map_err(CorpusError::read(path))?;
            found.map_or(Ok(()), |found| Err(CorpusError::content(path, found)))?;
        }
        Ok(Self { lines: Lines::new(&Arc::from(path), Box::new(text)), refuses_json })
    }

    /// Standard input typed by a person; any line is a text.
    #[must_use]
    pub fn typed() -> Self {
        let lines = Lines::new(&Arc::from(Path::new("-")), Box::new(BufReader::new(io::stdin())));
        Self { lines, refuses_json: false }
    }

    /// The next line that is not blank; `None` at the end.
    ///
    /// # Errors
    /// [`CorpusError::Read`]; [`CorpusError::Input`] for a line of JSON; [`CorpusError::Record`],
    /// after which the next line can be read.
    pub fn next_line(&mut self) -> Result<Option<&str>, CorpusError> {
        loop {
            if !self.lines.advance()? {
                return Ok(None);
            }
            if !self.lines.line()?.trim().is_empty() {
                break;
            }
        }
        let (line, location) = (self.lines.line()?, self.lines.location());
        if self.refuses_json && are_objects(Start { bytes: line.as_bytes(), is_all: true }) {
            return Err(CorpusError::content(location.file(), ContentProblem::JsonLines));
        }
        Ok(Some(line))
    }
}

/// Why the start of a text is not a line of text.
fn problem(text: &mut TextWindow, options: &ReadOptions) -> io::Result<Option<ContentProblem>> {
    let start = WaitFor::Line.look(text)?;
    // Only this much of an object or array over several lines may have arrived.
    let first = start.bytes.trim_ascii_start().split(|&byte| byte == b'\n').next();
    let is_open = |bracket: &[u8]| first.is_some_and(|line| line.trim_ascii_end() == bracket);
    let layout = JsonLayout::of(start)
        .or_else(|| is_open(b"{").then_some(JsonLayout::Spread))
        .or_else(|| is_open(b"[").then_some(JsonLayout::Array))
        .or_else(|| JsonLayout::of(Start { is_all: true, ..start }));
    match layout {
        Some(JsonLayout::Lines) => Ok(Some(ContentProblem::JsonLines)),
        Some(JsonLayout::None) | None => header_problem(text, options),
        Some(other) => Ok(other.problem()),
    }
}
