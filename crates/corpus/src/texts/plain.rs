//! Plain text: a text per line.

use splade_output::shown;

use crate::CorpusError;
use crate::numbered_lines::Lines;
use crate::stream::TextStream;

use super::record::{FileRecord, FileRecords};

/// The lines of a file, including empty ones.
pub(crate) struct PlainRecords {
    lines: Lines,
    /// Lines that contain a carriage return: other programs may end lines there.
    n_with_returns: u64,
    is_reported: bool,
}

impl PlainRecords {
    pub(crate) fn new(lines: Lines) -> Self {
        Self { lines, n_with_returns: 0, is_reported: false }
    }

    /// Reports once, at the end of the file, what else its lines could be.
    fn tell(&mut self) {
        if self.n_with_returns > 0 && !self.is_reported {
            self.is_reported = true;
            let n = self.n_with_returns;
            let lines = if n == 1 { "line has" } else { "lines have" };
            tracing::warn!(
                "{}: {n} {lines} carriage returns within: lines end at line feeds if there are any; \
                 if they end at carriage returns too, convert them first (`tr '\\r' '\\n'`)",
                shown(self.lines.file())
            );
        }
    }
}

impl FileRecords for PlainRecords {
    fn has_ids(&self) -> bool {
        false
    }

    fn next_record(&mut self) -> Result<Option<FileRecord>, CorpusError> {
        if !self.lines.advance()? {
            self.tell();
            return Ok(None);
        }
        let text = self.lines.line()?.to_owned();
        self.n_with_returns += u64::from(text.contains('\r'));
        Ok(Some(FileRecord { id: None, text, location: self.lines.location() }))
    }

    fn skip_records(&mut self, n: u64) -> Result<u64, CorpusError> {
        for skipped in 0..n {
            if !self.lines.advance()? {
                return Ok(skipped);
            }
        }
        Ok(n)
    }

    fn line(&self) -> u64 {
        self.lines.number()
    }

    fn jump(&mut self, _: u64, line: u64, text: Option<TextStream>) -> bool {
        text.map(|text| self.lines.jump(line, text)).is_some()
    }
}
