//! One text with its id.

use crate::stream::TextStream;
use crate::{CorpusError, Location};

use super::InputSpan;

/// A text with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Its id: from the file, or the number of the record in it.
    pub id: String,
    /// The text.
    pub text: String,
    /// Its location.
    pub location: Location,
    /// The input it was read from, with checksums.
    pub span: InputSpan,
}

/// A record as read from a file.
pub(crate) struct FileRecord {
    /// Its id, if the file has one.
    pub(crate) id: Option<String>,
    pub(crate) text: String,
    pub(crate) location: Location,
}

/// The records of one file.
pub(crate) trait FileRecords: Send {
    /// Whether the file has a column or field of ids; otherwise its records are numbered.
    fn has_ids(&self) -> bool {
        true
    }

    /// The next record, `None` at the end.
    fn next_record(&mut self) -> Result<Option<FileRecord>, CorpusError>;

    /// Skips at most `n` records; fewer only at the end.
    fn skip_records(&mut self, n: u64) -> Result<u64, CorpusError>;

    /// The number of the last line read, which locations count from; 0 where rows are counted.
    fn line(&self) -> u64 {
        0
    }

    /// Continues after `record` records, the last of which ends at line `line`, without reading
    /// them. `text` is the text from there on, if there is a way to begin in its middle. Returns
    /// false, and changes nothing, if this format cannot.
    fn jump(&mut self, record: u64, line: u64, text: Option<TextStream>) -> bool;
}
