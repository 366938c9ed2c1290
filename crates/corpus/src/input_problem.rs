//! How an input differs from what finished parts were made of.

/// What [`CorpusReader::skip_done`](crate::CorpusReader::skip_done) finds wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputProblem {
    /// It has another content.
    #[error(
        "is not what {part} was made of: bytes {start} to {end} had the checksum {expected}, and have \
         {found}"
    )]
    #[non_exhaustive]
    Differs {
        /// The part.
        part: String,
        /// The first byte that was read for it.
        start: u64,
        /// The byte after the last.
        end: u64,
        /// The CRC-32 of these bytes in the manifest.
        expected: String,
        /// The CRC-32 of as many records now.
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
    /// It was read to its end before, and has more records now.
    #[error("has more than the {expected} records that were read of it before")]
    #[non_exhaustive]
    GoesOn {
        /// Records that were read.
        expected: u64,
    },
    /// It stands where another file was.
    #[error("has the next record, but {part} was made of `{expected}`")]
    #[non_exhaustive]
    OtherFile {
        /// The part.
        part: String,
        /// The name of the file that it was made of.
        expected: String,
    },
    /// A record has another id, though the bytes are the same: it is named by its file too, or not
    /// any more.
    #[error("has the record `{found}` where `{expected}` was before")]
    #[non_exhaustive]
    OtherId {
        /// The id.
        found: String,
        /// The id there before.
        expected: String,
    },
}
