//! What of the input a part was made of, as its manifest says it.

use serde::{Deserialize, Serialize};

use crate::InputSpan;

/// The records of one file that a part was made of.
///
/// Bytes are those of the text, without compression and byte order mark, so that the same text
/// compressed anew is the same input. Of Parquet they are counted over the bytes of the footer, then
/// those of the columns read, row group by row group as they are on the disk: a row group belongs to
/// the part with its first row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InputRange {
    /// The file, see [`InputFile::name`](crate::InputFile::name).
    pub file: String,
    /// Its records in this range.
    pub records: u64,
    /// The first byte of the range, from 0.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
    /// The CRC-32 of these bytes, in hexadecimal digits.
    pub crc32: String,
}

impl From<&InputSpan> for InputRange {
    fn from(span: &InputSpan) -> Self {
        let (before, after) = (span.before, span.after);
        Self {
            file: span.file.to_string(),
            records: after.record - before.record,
            start: before.byte,
            end: after.byte,
            crc32: format!("{:08x}", before.crc32_to(after)),
        }
    }
}
