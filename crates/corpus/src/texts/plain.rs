//! Plain text: a text a line.

use crate::CorpusError;
use crate::numbered_lines::Lines;

use super::record::{FileRecord, FileRecords};

/// The lines of a file, empty ones too.
pub(crate) struct PlainRecords(pub(crate) Lines);

impl FileRecords for PlainRecords {
    fn has_ids(&self) -> bool {
        false
    }

    fn next_record(&mut self) -> Result<Option<FileRecord>, CorpusError> {
        if !self.0.advance()? {
            return Ok(None);
        }
        let text = self.0.line()?.to_owned();
        Ok(Some(FileRecord { id: None, text, place: self.0.place() }))
    }

    fn skip_records(&mut self, n: u64) -> Result<u64, CorpusError> {
        for skipped in 0..n {
            if !self.0.advance()? {
                return Ok(skipped);
            }
        }
        Ok(n)
    }
}
