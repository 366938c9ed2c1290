//! The numbered lines of a text.

use std::io::{BufRead, Read};
use std::path::Path;
use std::sync::Arc;

use crate::stream::{MAX_RECORD_BYTES, TextStream};
use crate::{CorpusError, Location, RecordError};

/// The lines of a text without their line ends, `\n` or `\r\n`.
pub(crate) struct Lines {
    file: Arc<Path>,
    text: TextStream,
    buffer: Vec<u8>,
    number: u64,
}

impl Lines {
    pub(crate) fn new(file: &Arc<Path>, text: TextStream) -> Self {
        Self { file: Arc::clone(file), text, buffer: Vec::new(), number: 0 }
    }

    /// The file of these lines.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// The number of the last line read, 0 before the first.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Continues with another text, after `number` lines.
    pub(crate) fn jump(&mut self, number: u64, text: TextStream) {
        (self.text, self.number) = (text, number);
    }

    /// The location of the last line read.
    pub(crate) fn location(&self) -> Location {
        Location::line(&self.file, self.number)
    }

    /// Reads a line; returns false at the end of the text.
    pub(crate) fn advance(&mut self) -> Result<bool, CorpusError> {
        self.buffer.clear();
        let mut text = (&mut self.text).take(MAX_RECORD_BYTES as u64 + 1);
        let n = text.read_until(b'\n', &mut self.buffer).map_err(CorpusError::read(&self.file))?;
        if n == 0 {
            return Ok(false);
        }
        self.number += 1;
        if n > MAX_RECORD_BYTES {
            return Err(CorpusError::Record(RecordError::TooLong {
                location: self.location(),
                limit: MAX_RECORD_BYTES,
            }));
        }
        if self.buffer.ends_with(b"\n") {
            self.buffer.pop();
            if self.buffer.ends_with(b"\r") {
                self.buffer.pop();
            }
        } else if self.buffer.ends_with(b"\r") {
            self.buffer.pop();
        }
        Ok(true)
    }

    /// Whether the last line read has only white space.
    pub(crate) fn is_blank(&self) -> bool {
        self.buffer.iter().all(u8::is_ascii_whitespace)
    }

    /// The last line read.
    pub(crate) fn line(&self) -> Result<&str, CorpusError> {
        std::str::from_utf8(&self.buffer).map_err(|error| {
            CorpusError::Record(RecordError::NotUtf8 {
                location: self.location(),
                byte: error.valid_up_to() + 1,
                within: "line",
            })
        })
    }

    /// Reads the next line of JSON; returns false at the end. A text may begin and end with blank
    /// lines; a blank line between records is an error.
    pub(crate) fn advance_json(&mut self) -> Result<bool, CorpusError> {
        let is_first = self.number == 0;
        if !self.advance()? {
            return Ok(false);
        }
        while is_first && self.is_blank() {
            if !self.advance()? {
                return Ok(false);
            }
        }
        if !self.is_blank() {
            return Ok(true);
        }
        let blank = self.location();
        while self.advance()? {
            if !self.is_blank() {
                return Err(CorpusError::Record(RecordError::BlankLine { location: blank }));
            }
        }
        Ok(false)
    }
}
