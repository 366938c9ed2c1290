//! A receipt: that a unit's part is there, and what it was made from, with and on.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::output::crash_point;
use crate::parts::difference;
use crate::{CorpusError, Difference, PartInfo, UnitError};

use super::plan::crc32;
use super::{LocalFolder, Machine, PlannedFolder, Unit};

/// The version that we write.
const VERSION: u32 = 1;

/// That a unit's part is there: `part-00017.receipt.json` beside it.
///
/// It is written after the part, whole or not at all. A part without one does not count, and is
/// made again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The format version, 1.
    version: u32,
    /// The unit.
    pub unit: Unit,
    /// The part, as the manifest has it, with the checksums of the input that was read.
    pub part: PartInfo,
    /// The dimension of its vectors.
    pub dimension: usize,
    /// Everything that determines the vectors, up to rounding: the options, and the model's files
    /// with their checksums.
    pub settings: Value,
    /// The CRC-32 of the settings, in hexadecimal digits.
    pub settings_crc32: String,
    /// Where the part was made.
    pub machine: Machine,
    /// Who made it, and when.
    pub attempt: Attempt,
}

/// What is told of an attempt and never compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attempt {
    /// Its number, from 1, as far as the caller knows.
    pub number: u32,
    /// The machine's name.
    pub host: String,
    /// How long it took, without loading the model.
    pub seconds: f64,
    /// The program's version.
    pub version: String,
}

impl Attempt {
    /// An attempt.
    #[must_use]
    pub fn new(number: u32, host: String, seconds: f64, version: String) -> Self {
        Self { number, host, seconds, version }
    }
}

impl Receipt {
    /// A receipt for a part that was just published.
    #[must_use]
    pub fn new(
        unit: Unit,
        part: PartInfo,
        dimension: usize,
        settings: Value,
        machine: Machine,
        attempt: Attempt,
    ) -> Self {
        let settings_crc32 = crc32(settings.to_string().as_bytes());
        Self { version: VERSION, unit, part, dimension, settings, settings_crc32, machine, attempt }
    }

    /// Its path in the folder of the parts.
    #[must_use]
    pub fn path(folder: &Path, unit: &Unit) -> PathBuf {
        folder.join(Self::name(unit))
    }

    /// The name of its file.
    pub(super) fn name(unit: &Unit) -> String {
        let stem = unit.part.split('.').next().unwrap_or_default();
        format!("{stem}.receipt.json")
    }

    /// Writes it beside the part.
    ///
    /// # Errors
    /// [`CorpusError::Write`].
    pub fn save(&self, folder: &Path) -> Result<(), CorpusError> {
        self.save_in(&LocalFolder::new(folder))
    }

    /// Like [`save`](Self::save), in a folder of any place.
    ///
    /// # Errors
    /// [`CorpusError::Write`], also where another receipt is there, in a place that replaces none.
    pub fn save_in(&self, folder: &dyn PlannedFolder) -> Result<(), CorpusError> {
        crash_point();
        folder.publish_json(&Self::name(&self.unit), self)
    }

    /// The receipt of a unit; `None` if there is none, or if its part is missing or has another
    /// size. The part is not read.
    ///
    /// # Errors
    /// [`UnitError::Receipt`], [`UnitError::OtherReceipt`], [`CorpusError::Read`].
    pub fn find(folder: &Path, unit: &Unit) -> Result<Option<Self>, CorpusError> {
        Self::find_in(&LocalFolder::new(folder), unit)
    }

    /// Like [`find`](Self::find), in a folder of any place.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn find_in(folder: &dyn PlannedFolder, unit: &Unit) -> Result<Option<Self>, CorpusError> {
        let Some(json) = folder.read_file(&Self::name(unit))? else { return Ok(None) };
        let receipt = Self::parse(folder, unit, &json)?;
        let file = &receipt.part.file;
        let size = folder.size(file).map_err(CorpusError::read(&folder.file(file)))?;
        Ok((size == Some(receipt.part.bytes)).then_some(receipt))
    }

    /// Reads the receipt of a unit.
    pub(super) fn parse(
        folder: &dyn PlannedFolder,
        unit: &Unit,
        json: &[u8],
    ) -> Result<Self, CorpusError> {
        let path = Self::path(folder.path(), unit);
        let receipt: Self = serde_json::from_slice(json).map_err(|source| {
            CorpusError::Unit(UnitError::Receipt { path: path.clone(), source })
        })?;
        let part = &receipt.part;
        let ranges = unit.input.iter().map(|piece| &piece.range);
        let is_ours = receipt.version == VERSION
            && receipt.unit == *unit
            && part.file == unit.part
            && part.rows == unit.rows
            && part.input.iter().eq(ranges);
        match is_ours {
            true => Ok(receipt),
            false => Err(CorpusError::Unit(UnitError::OtherReceipt { path })),
        }
    }

    /// Refuses other settings; `other` says whose they are.
    ///
    /// # Errors
    /// [`UnitError::SettingsDiffer`] with the setting.
    pub fn check_settings(
        &self,
        folder: &Path,
        settings: &Value,
        other: &str,
    ) -> Result<(), CorpusError> {
        match difference("", &self.settings, settings) {
            None => Ok(()),
            Some(found) => Err(CorpusError::Unit(UnitError::SettingsDiffer {
                path: Self::path(folder, &self.unit),
                other: other.to_owned(),
                difference: Difference::of(found),
            })),
        }
    }
}
