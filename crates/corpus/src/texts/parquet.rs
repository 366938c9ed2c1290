//! Parquet: the requested columns, a batch of rows at a time.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use crate::parquet_file::{ID_TYPES, ParquetFile, id, is_id, text};
use crate::stream::TextStream;
use crate::{ColumnError, CorpusError, RecordError};

use super::digest::Digest;
use super::record::{FileRecord, FileRecords};
use super::table::find_columns;
use super::{Absence, BinaryColumns, ReadOptions};

/// Rows per decoded batch, few enough that long documents do not fill the memory.
const BATCH_ROWS: usize = 256;

/// The records of a Parquet file.
pub(crate) struct ParquetRecords {
    file: ParquetFile,
    options: ReadOptions,
    /// Columns of the file to read, each once, in file order.
    columns: Vec<usize>,
    /// Position of the id among these.
    id: Option<usize>,
    /// Positions of the text columns among these; `None` for an optional one that is missing.
    text: Vec<Option<usize>>,
    /// Rows read or skipped.
    n_read: u64,
    /// Opened when the first row is requested.
    batches: Option<ParquetRecordBatchReader>,
    batch: Option<RecordBatch>,
    /// The next row of the batch.
    next: usize,
    n_bytes_read: Arc<AtomicU64>,
    n_bytes_counted: u64,
    digest: Digest,
    /// Number of row groups in the digest, and their rows.
    n_groups_summed: usize,
    n_rows_summed: u64,
}

impl ParquetRecords {
    pub(crate) fn open(
        path: &Arc<Path>,
        disk: &Path,
        options: &ReadOptions,
        n_bytes_read: &Arc<AtomicU64>,
        digest: &Digest,
    ) -> Result<Self, CorpusError> {
        let file = ParquetFile::open(path, disk)?;
        file.read_footer(|bytes| digest.update(bytes))?;
        let names: Vec<String> =
            file.schema().fields().iter().map(|field| field.name().clone()).collect();
        let (id, text) = find_columns(path, &names, options)?;
        for (&column, wanted) in text.iter().zip(&options.text) {
            let Some(column) = column else { continue };
            // A column without any value has no type.
            let may_be_null = wanted.absence() == Absence::Blank;
            let is_text = |found: &DataType| {
                *found == DataType::Utf8 || may_be_null && *found == DataType::Null
            };
            if *file.schema().field(column).data_type() == DataType::Binary {
                if options.binary_columns == BinaryColumns::Refused {
                    let column = file.schema().field(column).name().clone();
                    return Err(CorpusError::Columns(ColumnError::BinaryColumn {
                        path: path.to_path_buf(),
                        column,
                    }));
                }
                continue;
            }
            file.check_type(column, "text", is_text)?;
        }
        if let Some(column) = id {
            file.check_type(column, ID_TYPES, is_id)?;
        }
        let mut columns: Vec<usize> = text.iter().copied().flatten().chain(id).collect();
        columns.sort_unstable();
        columns.dedup();
        let position = |column: usize| {
            columns.binary_search(&column).expect("the columns are those of text and id")
        };
        Ok(Self {
            id: id.map(position),
            text: text.into_iter().map(|column| column.map(position)).collect(),
            columns,
            file,
            options: options.clone(),
            n_read: 0,
            batches: None,
            batch: None,
            next: 0,
            n_bytes_read: Arc::clone(n_bytes_read),
            n_bytes_counted: 0,
            digest: digest.clone(),
            n_groups_summed: 0,
            n_rows_summed: 0,
        })
    }

    /// Advances to a batch with rows; returns false at the end.
    fn advance(&mut self) -> Result<bool, CorpusError> {
        loop {
            if self.batch.as_ref().is_some_and(|batch| self.next < batch.num_rows()) {
                return Ok(true);
            }
            if self.batches.is_none() {
                let file = self.file.builder()?;
                let columns = self.columns.iter().copied();
                let mask = ProjectionMask::roots(file.parquet_schema(), columns);
                let offset = usize::try_from(self.n_read).unwrap_or(usize::MAX);
                let file = file.with_projection(mask).with_batch_size(BATCH_ROWS);
                let batches = file.with_offset(offset).build();
                self.batches = Some(batches.map_err(|error| self.file.broken(self.n_read, error))?);
            }
            let batches = self.batches.as_mut().expect("it was opened above");
            match batches.next() {
                None => return Ok(false),
                Some(Ok(batch)) => (self.batch, self.next) = (Some(batch), 0),
                Some(Err(error)) => return Err(self.file.broken(self.n_read, error)),
            }
        }
    }

    /// Counts rows and their share of the file's bytes, and adds their row groups to the digest.
    fn count(&mut self, n: u64) -> Result<(), CorpusError> {
        self.n_read += n;
        while self.n_rows_summed < self.n_read && self.n_groups_summed < self.file.n_row_groups() {
            let (group, digest) = (self.n_groups_summed, &self.digest);
            self.file.read_columns(group, &self.columns, |bytes| digest.update(bytes))?;
            self.n_rows_summed += self.file.n_rows_of(group);
            self.n_groups_summed += 1;
        }
        let n_bytes = self.file.n_bytes_of(self.n_read);
        self.n_bytes_read.fetch_add(n_bytes - self.n_bytes_counted, Ordering::Relaxed);
        self.n_bytes_counted = n_bytes;
        Ok(())
    }
}

impl FileRecords for ParquetRecords {
    fn has_ids(&self) -> bool {
        self.id.is_some()
    }

    fn next_record(&mut self) -> Result<Option<FileRecord>, CorpusError> {
        if !self.advance()? {
            return Ok(None);
        }
        let row = self.next;
        self.next += 1;
        self.count(1)?;
        let location = self.file.location(self.n_read);
        let batch = self.batch.as_ref().expect("there is a row");
        let null = |column: usize, expected| {
            CorpusError::Record(RecordError::NotText {
                location: location.clone(),
                column: self.file.schema().field(self.columns[column]).name().clone(),
                found: "null",
                expected,
            })
        };
        let not_utf8 = |byte| {
            CorpusError::Record(RecordError::NotUtf8 {
                location: location.clone(),
                byte,
                within: "cell",
            })
        };
        let mut cells = Vec::with_capacity(self.text.len());
        for (&column, wanted) in self.text.iter().zip(&self.options.text) {
            let cell = match column {
                Some(column) => text(batch.column(column), row).map_err(not_utf8)?,
                None => None,
            };
            match (cell, column) {
                (Some(cell), _) => cells.push(cell),
                (None, Some(column)) if wanted.absence() == Absence::Refused => {
                    return Err(null(column, "text"));
                }
                (None, _) => cells.push(""),
            }
        }
        let text = self.options.join(cells.into_iter());
        let id = match self.id {
            None => None,
            Some(column) => {
                let id = id(batch.column(column), row).map_err(not_utf8)?;
                Some(id.ok_or_else(|| null(column, "text or an integer"))?)
            }
        };
        Ok(Some(FileRecord { id, text, location }))
    }

    fn skip_records(&mut self, n: u64) -> Result<u64, CorpusError> {
        if self.batches.is_none() {
            // Opening the batches skips whole row groups and pages.
            let n = n.min(self.file.n_rows() - self.n_read);
            self.count(n)?;
            return Ok(n);
        }
        let mut skipped = 0;
        while skipped < n && self.advance()? {
            let rows = self.batch.as_ref().map_or(0, RecordBatch::num_rows) - self.next;
            let step = (n - skipped).min(rows as u64);
            self.next += step as usize;
            self.count(step)?;
            skipped += step;
        }
        Ok(skipped)
    }

    fn jump(&mut self, record: u64, _: u64, _: Option<TextStream>) -> bool {
        (self.n_read, self.batches, self.batch) = (record, None, None);
        // The row groups that were begun before belong to the part with their first row.
        while self.n_rows_summed < record && self.n_groups_summed < self.file.n_row_groups() {
            self.n_rows_summed += self.file.n_rows_of(self.n_groups_summed);
            self.n_groups_summed += 1;
        }
        self.n_bytes_counted = self.file.n_bytes_of(record);
        true
    }
}
