//! A corpus divided into units, for many processes or machines: each makes parts on its own, and
//! the parts together are those of one run.
//!
//! A [`Plan`] divides the records into [`Unit`]s, one per part. A unit is a row of `units.jsonl`:
//! any engine can hand it to a worker, which reads it ([`UnitReader`]), publishes its part
//! ([`PartWriter`](crate::PartWriter)) and then its [`Receipt`]. A second attempt makes the same
//! bytes, so it does not matter how often a unit is begun, or where. [`finish_plan`] writes the
//! manifest once every unit has its part.

mod change;
mod finish;
mod folder;
mod machine;
mod plan;
mod receipt;
#[cfg(test)]
#[cfg(unix)]
mod tests;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{CorpusError, FileCopy, InputFile, InputRange, UnitError};

pub use change::InputChange;
pub use finish::{FinishOptions, Mixtures, Verification, finish_plan, finish_plan_in};
pub use folder::{LocalFolder, PlannedFolder, Workbench};
pub use machine::Machine;
pub use plan::{Plan, PlanOptions};
pub use receipt::{Attempt, Receipt};

/// The records of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unit {
    /// Its number, from 0.
    pub number: u64,
    /// The name of its part.
    pub part: String,
    /// Records before its first one, in all files.
    pub first_row: u64,
    /// Number of records.
    pub rows: u64,
    /// Where they are, file by file.
    pub input: Vec<UnitInput>,
    /// The CRC-32 of the plan's options, in hexadecimal digits.
    pub options_crc32: String,
}

/// The records of a unit in one file, and where they begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnitInput {
    /// The file, as an absolute path, or its name in another place.
    pub path: PathBuf,
    /// Its size on the disk, in bytes.
    pub bytes: u64,
    /// What changes when the file is replaced, if it is in another place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The CRC-32 of what is read to open it: the header of a table, the footer of Parquet.
    pub opening_crc32: String,
    /// Records of the file before the first one.
    pub first_record: u64,
    /// Lines of the file before the first record; 0 for Parquet.
    pub first_line: u64,
    /// The range of bytes, with its checksum, as the manifest has it.
    pub range: InputRange,
}

impl UnitInput {
    pub(crate) fn of(
        file: &InputFile,
        copy: Option<&FileCopy>,
        opening_crc32: String,
        first_line: u64,
        first_record: u64,
        range: InputRange,
    ) -> Result<Self, CorpusError> {
        let path = match copy {
            Some(_) => file.path.to_path_buf(),
            None => std::path::absolute(&file.path).map_err(CorpusError::read(&file.path))?,
        };
        let Some(bytes) = copy.map(|copy| copy.n_bytes).or(file.n_bytes) else {
            return Err(CorpusError::Unit(UnitError::Stream { path: file.path.to_path_buf() }));
        };
        if path.to_str().is_none() {
            return Err(CorpusError::Unit(UnitError::PathNotText { path }));
        }
        let version = copy.map(|copy| copy.version.clone());
        Ok(Self { path, bytes, version, opening_crc32, first_record, first_line, range })
    }
}
