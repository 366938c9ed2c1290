//! How an input differs from the one that finished parts were made from.

/// A difference that [`CorpusReader::skip_done`](crate::CorpusReader::skip_done) finds in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputProblem {
    /// Its content differs.
    #[error(
        "is not what {part} was made of: bytes {start} to {end} had the checksum {expected}, and now have \
         {found}"
    )]
    #[non_exhaustive]
    Differs {
        /// The part.
        part: String,
        /// The first byte that was read for the part.
        start: u64,
        /// The byte after the last one.
        end: u64,
        /// The CRC-32 of these bytes in the manifest.
        expected: String,
        /// The CRC-32 of the same number of records now.
        found: String,
    },
    /// It has fewer records.
    #[error("is not what {part} was made of: it ends after {found} of {expected} records")]
    #[non_exhaustive]
    Ends {
        /// The part.
        part: String,
        /// Records there are.
        found: u64,
        /// Records that were read for the part.
        expected: u64,
    },
    /// It had been read to its end, and has more records now.
    #[error("has more than the {expected} records that were read of it before")]
    #[non_exhaustive]
    GoesOn {
        /// Records that were read.
        expected: u64,
    },
    /// Another file was expected at this point.
    #[error("has the next record, but {part} was made of `{expected}`")]
    #[non_exhaustive]
    OtherFile {
        /// The part.
        part: String,
        /// The name of the file that the part was made from.
        expected: String,
    },
    /// A record has another id although the bytes are equal: its name now includes the file's name,
    /// or no longer does.
    #[error("has the record `{found}` where `{expected}` was before")]
    #[non_exhaustive]
    OtherId {
        /// The id.
        found: String,
        /// The id there before.
        expected: String,
    },
}
