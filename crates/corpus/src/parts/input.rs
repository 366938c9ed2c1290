//! The input that a part was made from, as recorded in the manifest.

use serde::{Deserialize, Serialize};

use crate::InputSpan;

/// The records of one file that a part was made from.
///
/// Byte positions refer to the text without compression and byte order mark, so that recompressing
/// it does not change the input. For Parquet they count the bytes of the footer, then those of the
/// columns read, row group by row group as stored; a row group belongs to the part with its first
/// row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InputRange {
    /// The file, see [`InputFile::name`](crate::InputFile::name).
    pub file: String,
    /// Its records in this range.
    pub records: u64,
    /// The first byte of the range, from 0.
    pub start: u64,
    /// The byte after the last one.
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
