//! Vectors from Parquet, a batch of rows at a time.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, UInt32Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use splade_sparse::SparseRow;

use crate::parquet_file::{self, ID_TYPES, ParquetFile, integer, is_id};
use crate::{CorpusError, RecordError, VectorError};

use super::parquet::DIMENSION_KEY;
use super::reader::{FileVectors, row_at};

/// Rows per decoded batch.
const BATCH_ROWS: usize = 1024;

const COLUMNS: [&str; 3] = ["id", "indices", "values"];

/// The vectors of a Parquet file: `id` of text (also as UTF-8 bytes) or integers, `indices` of
/// lists of integers, `values` of lists of `float32` or `float64`, which are rounded to `float32`.
pub(crate) struct ParquetRows {
    file: ParquetFile,
    batches: ParquetRecordBatchReader,
    /// The position of each column in a batch.
    columns: [usize; 3],
    dimension: usize,
    batch: Option<RecordBatch>,
    next: usize,
    n_read: u64,
    n_bytes_read: Arc<AtomicU64>,
    n_bytes_counted: u64,
}

impl ParquetRows {
    pub(crate) fn open(
        path: &Arc<Path>,
        n_bytes_read: &Arc<AtomicU64>,
    ) -> Result<Self, CorpusError> {
        let file = ParquetFile::open(path, path)?;
        let mut found = [0; 3];
        for (slot, name) in found.iter_mut().zip(COLUMNS) {
            *slot = file.column(name)?;
        }
        let [id, indices, values] = found;
        file.check_type(id, ID_TYPES, is_id)?;
        file.check_type(indices, "lists of integers", |found| {
            is_list(found, DataType::is_integer)
        })?;
        let is_float = |of: &DataType| matches!(of, DataType::Float32 | DataType::Float64);
        file.check_type(values, "lists of float32 or float64", |found| is_list(found, is_float))?;
        let builder = file.builder()?.with_batch_size(BATCH_ROWS);
        let mask = ProjectionMask::roots(builder.parquet_schema(), found);
        let batches = builder.with_projection(mask).build();
        let batches = batches.map_err(|error| file.broken(0, error))?;
        // A batch has the columns in file order.
        let columns = found.map(|column| found.iter().filter(|other| **other < column).count());
        Ok(Self {
            file,
            batches,
            columns,
            dimension: 0,
            batch: None,
            next: 0,
            n_read: 0,
            n_bytes_read: Arc::clone(n_bytes_read),
            n_bytes_counted: 0,
        })
    }

    /// The dimension that the file states, if it does.
    pub(crate) fn dimension(&self) -> Result<Option<usize>, CorpusError> {
        let Some(text) = self.file.key_value(DIMENSION_KEY) else { return Ok(None) };
        let broken = |error| self.file.broken(0, error);
        text.parse().map(Some).map_err(broken)
    }

    pub(crate) fn with_dimension(mut self, dimension: usize) -> Self {
        self.dimension = dimension;
        self
    }

    fn count_row(&mut self) {
        self.n_read += 1;
        let n_bytes = self.file.n_bytes_of(self.n_read);
        self.n_bytes_read.fetch_add(n_bytes - self.n_bytes_counted, Ordering::Relaxed);
        self.n_bytes_counted = n_bytes;
    }
}

impl FileVectors for ParquetRows {
    fn next_vector(&mut self) -> Result<Option<(String, SparseRow)>, CorpusError> {
        while self.batch.as_ref().is_none_or(|batch| self.next == batch.num_rows()) {
            match self.batches.next() {
                None => return Ok(None),
                Some(Ok(batch)) => (self.batch, self.next) = (Some(batch), 0),
                Some(Err(error)) => return Err(self.file.broken(self.n_read, error)),
            }
        }
        let row = self.next;
        self.next += 1;
        self.count_row();
        let location = || self.file.location(self.n_read);
        let batch = self.batch.as_ref().expect("there is a row");
        let [id, indices, values] = self.columns.map(|column| batch.column(column));
        let null = |column: usize, expected| {
            CorpusError::Record(RecordError::NotText {
                location: location(),
                column: COLUMNS[column].to_owned(),
                found: "null",
                expected,
            })
        };
        let not_utf8 = |byte| {
            CorpusError::Record(RecordError::NotUtf8 { location: location(), byte, within: "cell" })
        };
        let id = parquet_file::id(id, row).map_err(not_utf8)?;
        let id = id.ok_or_else(|| null(0, "text or an integer"))?;
        let indices = list_at(indices, row).ok_or_else(|| null(1, "a list without null"))?;
        let values = list_at(values, row).ok_or_else(|| null(2, "a list without null"))?;
        let indices = read_indices(&indices).map_err(|index| {
            CorpusError::Vector(VectorError::VectorIndex {
                location: location(),
                index,
                dimension: self.dimension,
            })
        })?;
        let row = row_at(location, self.dimension, indices, read_values(&values))?;
        Ok(Some((id, row)))
    }
}

fn is_list(found: &DataType, is_element: impl FnOnce(&DataType) -> bool) -> bool {
    matches!(found, DataType::List(field) if is_element(field.data_type()))
}

/// The list in a row; `None` if it is null, or contains a null.
fn list_at(column: &ArrayRef, row: usize) -> Option<ArrayRef> {
    let column = column.as_list::<i32>();
    let list = column.is_valid(row).then(|| column.value(row))?;
    (list.null_count() == 0).then_some(list)
}

/// The indices, or the first one that is negative or too large.
fn read_indices(list: &ArrayRef) -> Result<Vec<u32>, i64> {
    if let Some(list) = list.as_primitive_opt::<UInt32Type>() {
        return Ok(list.values().to_vec());
    }
    (0..list.len())
        .map(|i| {
            let index = integer(list, i).expect("it is a list of integers without null");
            u32::try_from(index).map_err(|_| i64::try_from(index).unwrap_or(i64::MAX))
        })
        .collect()
}

fn read_values(list: &ArrayRef) -> Vec<f32> {
    match list.as_primitive_opt::<Float32Type>() {
        Some(list) => list.values().to_vec(),
        None => list.as_primitive::<Float64Type>().values().iter().map(|&v| v as f32).collect(),
    }
}
