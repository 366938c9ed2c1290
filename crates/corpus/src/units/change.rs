//! How an input differs from what was planned.

/// How a file differs from what was planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputChange {
    /// It has another size.
    #[error("it has {found} bytes, and had {expected}")]
    #[non_exhaustive]
    Size {
        /// Its size.
        found: u64,
        /// Its size when it was planned.
        expected: u64,
    },
    /// It was replaced, in the place that it was copied from.
    #[error("it is not the version that was planned: it had {expected}, and has {found}")]
    #[non_exhaustive]
    Version {
        /// Its version.
        found: String,
        /// Its version when it was planned.
        expected: String,
    },
    /// What is read to open it is something else.
    #[error("the header of the table, or the footer of Parquet, is another")]
    Opening,
    /// It has fewer records.
    #[error("it ends after {found} of the {expected} records of the unit")]
    #[non_exhaustive]
    Ends {
        /// Records of the unit that are there.
        found: u64,
        /// Records of the unit.
        expected: u64,
    },
    /// The content of the unit's range is something else.
    #[error("bytes {start} to {end} have another checksum")]
    #[non_exhaustive]
    Content {
        /// The first byte of the range, from 0.
        start: u64,
        /// The byte after the last one.
        end: u64,
    },
}
