//! A plan: the units of a corpus, and the options that all of them share.

use std::io;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::parts::{check_compression, difference, part_name};
use crate::texts::settings;
use crate::{
    Compression, CorpusError, CorpusReader, Difference, PartsError, ReadOptions, UnitError,
    VectorFormat, VectorOptions,
};

use super::{LocalFolder, PlannedFolder, Unit};

/// The files of a plan. The list of units is written first: a plan counts once `plan.json` is
/// there.
const PLAN: &str = "plan.json";
const UNITS: &str = "units.jsonl";

/// The version that we write.
const VERSION: u32 = 1;

/// How a corpus is divided, and what its parts are.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PlanOptions {
    /// The format of each part.
    pub format: VectorFormat,
    /// See [`VectorOptions::quantization_factor`]. Default 100.
    pub quantization_factor: NonZeroU32,
    /// Compression of each part, for lines only. Default none.
    pub compression: Compression,
    /// Rows of each part but the last. Default 10,000.
    pub rows_per_part: NonZeroU64,
    /// Everything else that determines the vectors and is known without the model; kept and
    /// compared. Default `null`.
    pub options: Value,
}

impl PlanOptions {
    /// Parts of 10,000 rows in this format.
    #[must_use]
    pub fn new(format: VectorFormat) -> Self {
        Self {
            format,
            quantization_factor: NonZeroU32::new(100).expect("it is not zero"),
            compression: Compression::None,
            rows_per_part: NonZeroU64::new(10_000).expect("it is not zero"),
            options: Value::Null,
        }
    }

    /// Sets [`rows_per_part`](Self::rows_per_part).
    #[must_use]
    pub fn with_rows_per_part(mut self, rows: NonZeroU64) -> Self {
        self.rows_per_part = rows;
        self
    }

    /// Sets [`compression`](Self::compression).
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets [`quantization_factor`](Self::quantization_factor).
    #[must_use]
    pub fn with_quantization_factor(mut self, factor: NonZeroU32) -> Self {
        self.quantization_factor = factor;
        self
    }

    /// Sets [`options`](Self::options).
    #[must_use]
    pub fn with_options(mut self, options: Value) -> Self {
        self.options = options;
        self
    }
}

/// What all units of a corpus share: `plan.json` in the folder of its parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// The format version, 1.
    version: u32,
    /// Number of units, and so of parts.
    pub n_units: u64,
    /// Number of records in all files.
    pub rows: u64,
    /// Rows of each part but the last.
    pub rows_per_part: NonZeroU64,
    /// The name of the parts' format, see [`VectorFormat::name`].
    format: String,
    /// The suffix after a part's extension: empty, `.gz` or `.zst`.
    pub(crate) compression: String,
    /// The factor of integer weights.
    quantization_factor: NonZeroU32,
    /// How the texts are read.
    pub read: ReadOptions,
    /// Whether records without an id are also named by their files: if there are several.
    pub names_files: bool,
    /// The tables among the formats that file names imply, in order of the files: content alone
    /// identifies all other formats, but never a table.
    pub tables: Vec<String>,
    /// What the caller wants kept and compared.
    pub options: Value,
    /// The CRC-32 of `units.jsonl`, in hexadecimal digits.
    units_crc32: String,
}

impl Plan {
    /// Divides the records of a reader into units and writes the plan to a new or empty folder. The
    /// files are read once, without parsing lines. If the folder has this very plan, it stays as it
    /// is.
    ///
    /// # Errors
    /// [`UnitError::Stream`], [`UnitError::NoRecords`], [`UnitError::OtherPlan`],
    /// [`PartsError::FolderNotEmpty`]; errors of reading and writing.
    pub fn create(
        folder: &Path,
        reader: CorpusReader,
        options: &PlanOptions,
    ) -> Result<Self, CorpusError> {
        Self::create_with(folder, reader, options, |_| {})
    }

    /// Like [`create`](Self::create); `on_unit` gets the number of records so far after each unit.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_with(
        folder: &Path,
        reader: CorpusReader,
        options: &PlanOptions,
        on_unit: impl FnMut(u64),
    ) -> Result<Self, CorpusError> {
        Self::create_in(&LocalFolder::new(folder), reader, options, on_unit)
    }

    /// Like [`create_with`](Self::create_with), in a folder of any place.
    ///
    /// # Errors
    /// As [`create`](Self::create), and those of the place.
    pub fn create_in(
        planned: &dyn PlannedFolder,
        mut reader: CorpusReader,
        options: &PlanOptions,
        on_unit: impl FnMut(u64),
    ) -> Result<Self, CorpusError> {
        let folder = planned.path();
        check_compression(folder, options.format, options.compression)?;
        if let Some(stream) = reader.files().iter().find(|file| file.n_bytes.is_none()) {
            let path = stream.path.to_path_buf();
            return Err(CorpusError::Unit(UnitError::Stream { path }));
        }
        let before = match Self::load_in(planned) {
            Ok(before) => Some(before),
            Err(CorpusError::Unit(UnitError::NoPlan { .. })) => None,
            Err(error) => return Err(error),
        };
        if before.is_none() && !is_free(planned)? {
            let folder = folder.to_owned();
            return Err(CorpusError::Parts(PartsError::FolderNotEmpty { folder }));
        }
        let mut plan = Self {
            version: VERSION,
            n_units: 0,
            rows: 0,
            rows_per_part: options.rows_per_part,
            format: options.format.name().to_owned(),
            compression: options.compression.suffix().to_owned(),
            quantization_factor: options.quantization_factor,
            read: reader.options().clone(),
            names_files: reader.names_files(),
            tables: reader.tables(),
            options: options.options.clone(),
            units_crc32: String::new(),
        };
        let units = plan.divide(&mut reader, on_unit)?;
        match before {
            None => plan.save(planned, &units)?,
            Some(before) => plan.compare(folder, &before)?,
        }
        Ok(plan)
    }

    /// The lines of the units; counts them.
    fn divide(
        &mut self,
        reader: &mut CorpusReader,
        mut on_unit: impl FnMut(u64),
    ) -> Result<Vec<u8>, CorpusError> {
        let options_crc32 = self.options_crc32();
        let mut lines = Vec::new();
        loop {
            let input = reader.next_pieces(self.rows_per_part.get())?;
            if input.is_empty() {
                break;
            }
            let unit = Unit {
                number: self.n_units,
                part: part_name(self.n_units as usize, self.vector_format(), &self.compression),
                first_row: self.rows,
                rows: input.iter().map(|piece| piece.range.records).sum(),
                input,
                options_crc32: options_crc32.clone(),
            };
            self.n_units += 1;
            self.rows += unit.rows;
            on_unit(self.rows);
            serde_json::to_writer(&mut lines, &unit).expect("a unit is text and numbers");
            lines.push(b'\n');
        }
        if self.n_units == 0 {
            return Err(CorpusError::Unit(UnitError::NoRecords));
        }
        self.units_crc32 = crc32(&lines);
        Ok(lines)
    }

    /// The CRC-32 of everything that changes a vector and is known without the model.
    fn options_crc32(&self) -> String {
        crc32(self.options_value().to_string().as_bytes())
    }

    fn options_value(&self) -> Value {
        json!({
            "format": self.format,
            "compression": self.compression,
            "quantization_factor": self.quantization_factor,
            "rows_per_part": self.rows_per_part,
            "read": self.read,
            "names_files": self.names_files,
            "tables": self.tables,
            "options": self.options,
        })
    }

    fn save(&self, folder: &dyn PlannedFolder, units: &[u8]) -> Result<(), CorpusError> {
        folder.make().map_err(CorpusError::write(folder.path()))?;
        folder.publish_file(UNITS, units)?;
        folder.publish_json(PLAN, self)
    }

    /// Refuses a plan other than the one in the folder.
    fn compare(&self, folder: &Path, before: &Self) -> Result<(), CorpusError> {
        let value = |plan: &Self| {
            let mut value = plan.options_value();
            value["rows"] = plan.rows.into();
            value["units"] = plan.units_crc32.clone().into();
            value
        };
        match difference("", &value(before), &value(self)) {
            None => Ok(()),
            Some(found) => {
                let (folder, difference) = (folder.to_owned(), Difference::of(found));
                Err(CorpusError::Unit(UnitError::OtherPlan { folder, difference }))
            }
        }
    }

    /// Reads the plan of a folder.
    ///
    /// # Errors
    /// [`UnitError::NoPlan`], [`UnitError::Damaged`], [`UnitError::Version`] or
    /// [`CorpusError::Read`].
    pub fn load(folder: &Path) -> Result<Self, CorpusError> {
        Self::load_in(&LocalFolder::new(folder))
    }

    /// Like [`load`](Self::load), from a folder of any place.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_in(folder: &dyn PlannedFolder) -> Result<Self, CorpusError> {
        let path = folder.file(PLAN);
        let Some(json) = folder.read_file(PLAN)? else {
            let folder = folder.path().to_owned();
            return Err(CorpusError::Unit(UnitError::NoPlan { folder }));
        };
        let plan: Self = parse(&path, &json)?;
        match plan.version == VERSION
            && plan.n_units > 0
            && plan.format.parse::<VectorFormat>().is_ok()
        {
            true => Ok(plan),
            false => Err(CorpusError::Unit(UnitError::Version { path })),
        }
    }

    /// The units of the plan in a folder, in order.
    ///
    /// # Errors
    /// [`UnitError::OtherUnits`] if the list is not the one that was planned;
    /// [`CorpusError::Read`].
    pub fn units(&self, folder: &Path) -> Result<Vec<Unit>, CorpusError> {
        self.units_in(&LocalFolder::new(folder))
    }

    /// Like [`units`](Self::units), from a folder of any place.
    ///
    /// # Errors
    /// As [`units`](Self::units).
    pub fn units_in(&self, folder: &dyn PlannedFolder) -> Result<Vec<Unit>, CorpusError> {
        let path = folder.file(UNITS);
        let Some(lines) = folder.read_file(UNITS)? else {
            let source = io::Error::from(io::ErrorKind::NotFound);
            return Err(CorpusError::Read { path, source });
        };
        let other = || CorpusError::Unit(UnitError::OtherUnits { path: path.clone() });
        let units = lines.split_inclusive(|&byte| byte == b'\n');
        let units: Result<Vec<Unit>, _> = units.map(serde_json::from_slice).collect();
        let units = units.map_err(|_| other())?;
        let is_same = crc32(&lines) == self.units_crc32;
        if is_same && units.len() as u64 == self.n_units { Ok(units) } else { Err(other()) }
    }

    /// One unit of the plan in a folder.
    ///
    /// # Errors
    /// [`UnitError::NoUnit`], and as [`units`](Self::units).
    pub fn unit(&self, folder: &Path, number: u64) -> Result<Unit, CorpusError> {
        self.unit_in(&LocalFolder::new(folder), number)
    }

    /// Like [`unit`](Self::unit), from a folder of any place.
    ///
    /// # Errors
    /// As [`unit`](Self::unit).
    pub fn unit_in(&self, folder: &dyn PlannedFolder, number: u64) -> Result<Unit, CorpusError> {
        let (path, n_units) = (folder.path().to_owned(), self.n_units);
        let none = || CorpusError::Unit(UnitError::NoUnit { folder: path, number, n_units });
        let mut units = self.units_in(folder)?;
        match usize::try_from(number).ok().filter(|idx| *idx < units.len()) {
            Some(idx) => Ok(units.swap_remove(idx)),
            None => Err(none()),
        }
    }

    /// Refuses a unit of another plan.
    ///
    /// # Errors
    /// [`UnitError::OtherUnit`].
    pub fn check_unit(&self, folder: &Path, unit: &Unit) -> Result<(), CorpusError> {
        let name = part_name(unit.number as usize, self.vector_format(), &self.compression);
        let is_ours = unit.options_crc32 == self.options_crc32()
            && unit.number < self.n_units
            && unit.part == name;
        match is_ours {
            true => Ok(()),
            false => Err(CorpusError::Unit(UnitError::OtherUnit {
                folder: folder.to_owned(),
                number: unit.number,
            })),
        }
    }

    /// What of the options and files changes texts or ids: see [`CorpusReader::settings`].
    #[must_use]
    pub fn input_settings(&self) -> Map<String, Value> {
        settings(&self.read, &self.tables, self.names_files)
    }

    /// The format of the parts.
    #[must_use]
    pub fn vector_format(&self) -> VectorFormat {
        self.format.parse().expect("it was checked when the plan was made or read")
    }

    /// How parts are written, for vectors of this dimension.
    #[must_use]
    pub fn vectors(&self, dimension: usize) -> VectorOptions {
        VectorOptions::new(self.vector_format(), dimension)
            .with_quantization_factor(self.quantization_factor)
    }
}

fn parse<T: DeserializeOwned>(path: &Path, json: &[u8]) -> Result<T, CorpusError> {
    serde_json::from_slice(json)
        .map_err(|source| CorpusError::Unit(UnitError::Damaged { path: path.to_owned(), source }))
}

/// Whether a folder is missing or empty, or has only what a killed planner leaves.
fn is_free(folder: &dyn PlannedFolder) -> Result<bool, CorpusError> {
    let sizes = folder.sizes().map_err(CorpusError::read(folder.path()))?;
    Ok(sizes.keys().all(|name| name == UNITS || splade_output::is_temporary(name)))
}

/// The CRC-32 of bytes, in hexadecimal digits.
pub(super) fn crc32(bytes: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(bytes))
}
