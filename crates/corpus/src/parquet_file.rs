//! A Parquet file opened for reading: its schema, rows and locations.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::reader::ChunkReader;

use crate::{ColumnError, CorpusError, InputError, Location, RecordError};

/// A Parquet file whose metadata has been read.
pub(crate) struct ParquetFile {
    path: Arc<Path>,
    file: File,
    metadata: ArrowReaderMetadata,
    n_bytes: u64,
    n_rows: u64,
}

impl ParquetFile {
    /// Opens the file, which is at `disk`; errors name it `path`.
    pub(crate) fn open(path: &Arc<Path>, disk: &Path) -> Result<Self, CorpusError> {
        let file = File::open(disk).map_err(CorpusError::read(path))?;
        let on_disk = file.metadata().map_err(CorpusError::read(path))?;
        if !on_disk.is_file() {
            return Err(CorpusError::Input(InputError::NeedsFile {
                path: path.to_path_buf(),
                format: "Parquet",
            }));
        }
        // Without arrow's own schema every text is plain `Utf8`, whether its writer called it
        // large, a view or a dictionary.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(&file, options).map_err(|source| {
            CorpusError::Record(RecordError::Table {
                path: path.to_path_buf(),
                row: 1,
                source: source.into(),
            })
        })?;
        let n_rows = u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0);
        Ok(Self { path: Arc::clone(path), file, metadata, n_bytes: on_disk.len(), n_rows })
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// The share of the file's bytes that this number of rows accounts for.
    pub(crate) fn n_bytes_of(&self, rows: u64) -> u64 {
        (self.n_bytes as f64 * (rows as f64 / self.n_rows.max(1) as f64)) as u64
    }

    pub(crate) fn n_rows(&self) -> u64 {
        self.n_rows
    }

    pub(crate) fn n_row_groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// The number of rows in a row group.
    pub(crate) fn n_rows_of(&self, row_group: usize) -> u64 {
        u64::try_from(self.metadata.metadata().row_group(row_group).num_rows()).unwrap_or(0)
    }

    /// Reads the bytes of the footer, including its length and the closing magic number.
    pub(crate) fn read_footer(&self, take: impl FnMut(&[u8])) -> Result<(), CorpusError> {
        const TAIL: u64 = 8;
        let mut length = [0; 4];
        self.read_range(self.n_bytes.saturating_sub(TAIL), 4, |bytes| {
            length.copy_from_slice(&bytes[..4]);
        })?;
        let n_bytes = (u64::from(u32::from_le_bytes(length)) + TAIL).min(self.n_bytes);
        self.read_range(self.n_bytes - n_bytes, n_bytes, take)
    }

    /// Reads the bytes of some columns of a row group, as stored.
    pub(crate) fn read_columns(
        &self,
        row_group: usize,
        columns: &[usize],
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), CorpusError> {
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), columns.iter().copied());
        for (leaf, chunk) in
            self.metadata.metadata().row_group(row_group).columns().iter().enumerate()
        {
            if mask.leaf_included(leaf) {
                let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
                let [start, n_bytes] =
                    [start, chunk.compressed_size()].map(|n| u64::try_from(n).unwrap_or(u64::MAX));
                self.read_range(start, n_bytes, &mut take)?;
            }
        }
        Ok(())
    }

    /// Reads a range of the file in pieces.
    fn read_range(
        &self,
        start: u64,
        n_bytes: u64,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), CorpusError> {
        const STEP: u64 = 1 << 16;
        let end = start.saturating_add(n_bytes);
        let mut at = start;
        while at < end {
            let step = STEP.min(end - at);
            let bytes = self.file.get_bytes(at, step as usize);
            let bytes = bytes.map_err(|source| CorpusError::Read {
                path: self.path.to_path_buf(),
                source: std::io::Error::other(source),
            })?;
            take(&bytes);
            at += step;
        }
        Ok(())
    }

    /// A key-value entry that the file's writer added to the metadata.
    pub(crate) fn key_value(&self, key: &str) -> Option<&str> {
        let entries = self.metadata.metadata().file_metadata().key_value_metadata()?;
        entries.iter().find(|entry| entry.key == key)?.value.as_deref()
    }

    /// A reader from the first row.
    pub(crate) fn builder(&self) -> Result<ParquetRecordBatchReaderBuilder<File>, CorpusError> {
        let file = self.file.try_clone().map_err(CorpusError::read(&self.path))?;
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone()))
    }

    /// The index of the column with this name.
    pub(crate) fn column(&self, name: &str) -> Result<usize, CorpusError> {
        let fields = self.schema().fields();
        let find = fields.iter().position(|field| field.name() == name);
        find.ok_or_else(|| {
            CorpusError::Columns(ColumnError::NoColumn {
                path: self.path.to_path_buf(),
                column: name.to_owned(),
                columns: fields.iter().map(|field| field.name().clone()).collect(),
            })
        })
    }

    /// Refuses a column whose type is not `is_expected`.
    pub(crate) fn check_type(
        &self,
        column: usize,
        expected: &'static str,
        is_expected: impl FnOnce(&DataType) -> bool,
    ) -> Result<(), CorpusError> {
        let field = self.schema().field(column);
        if is_expected(field.data_type()) {
            return Ok(());
        }
        Err(CorpusError::Columns(ColumnError::ColumnType {
            path: self.path.to_path_buf(),
            column: field.name().clone(),
            found: field.data_type().to_string(),
            expected,
        }))
    }

    /// The location of a row, from 1.
    pub(crate) fn location(&self, row: u64) -> Location {
        Location::row(&self.path, row)
    }

    /// The error for a row that cannot be decoded, after `n_read` rows.
    pub(crate) fn broken(
        &self,
        n_read: u64,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> CorpusError {
        let (path, row) = (self.path.to_path_buf(), n_read + 1);
        CorpusError::Record(RecordError::Table { path, row, source: source.into() })
    }
}

/// Whether a column can hold ids: text, bytes that are UTF-8, or integers.
pub(crate) fn is_id(found: &DataType) -> bool {
    matches!(found, DataType::Utf8 | DataType::Binary) || found.is_integer()
}

/// The types that [`is_id`] accepts.
pub(crate) const ID_TYPES: &str = "text or integers";

/// A cell of a column of text, or of bytes in UTF-8; `None` if it is null. The error is the first
/// byte, from 1, that is not UTF-8.
pub(crate) fn text(column: &ArrayRef, row: usize) -> Result<Option<&str>, usize> {
    if column.is_null(row) {
        return Ok(None);
    }
    match column.data_type() {
        DataType::Utf8 => Ok(Some(column.as_string::<i32>().value(row))),
        DataType::Binary => {
            let text = std::str::from_utf8(column.as_binary::<i32>().value(row));
            text.map(Some).map_err(|error| error.valid_up_to() + 1)
        }
        _ => Ok(None),
    }
}

/// A cell of a column of ids; `None` if it is null. The error is as for [`text`].
pub(crate) fn id(column: &ArrayRef, row: usize) -> Result<Option<String>, usize> {
    match column.data_type().is_integer() {
        true => Ok(integer(column, row).map(|id| id.to_string())),
        false => Ok(text(column, row)?.map(str::to_owned)),
    }
}

/// A cell of a column of integers; `None` if it is null or not an integer.
pub(crate) fn integer(column: &ArrayRef, row: usize) -> Option<i128> {
    if column.is_null(row) {
        return None;
    }
    macro_rules! value {
        ($type:ty) => {
            Some(column.as_primitive::<$type>().value(row).into())
        };
    }
    match column.data_type() {
        DataType::Int8 => value!(Int8Type),
        DataType::Int16 => value!(Int16Type),
        DataType::Int32 => value!(Int32Type),
        DataType::Int64 => value!(Int64Type),
        DataType::UInt8 => value!(UInt8Type),
        DataType::UInt16 => value!(UInt16Type),
        DataType::UInt32 => value!(UInt32Type),
        DataType::UInt64 => value!(UInt64Type),
        _ => None,
    }
}
