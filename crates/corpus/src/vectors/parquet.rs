//! Vectors in Parquet: row groups of bounded size; the same rows always give the same bytes.

use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Float32Builder, ListBuilder, StringBuilder, UInt32Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use splade_sparse::SparseRowView;

use crate::CorpusError;
use crate::output::{self, Output};

/// The key of the dimension in a file's metadata.
pub(crate) const DIMENSION_KEY: &str = "dimension";

/// Rows collected before they are passed to the encoder.
const BATCH_ROWS: usize = 1024;

/// A row group is closed after this many rows or entries: 32 MiB of indices and values, which is
/// what the writer and a reader hold of a file.
const GROUP_ROWS: usize = 1 << 16;
const GROUP_ENTRIES: usize = 1 << 22;

/// A Parquet file being written.
pub(crate) struct ParquetVectors {
    writer: ArrowWriter<Output>,
    schema: SchemaRef,
    ids: StringBuilder,
    indices: ListBuilder<UInt32Builder>,
    values: ListBuilder<Float32Builder>,
    /// Rows collected.
    n_rows: usize,
    /// Rows and entries of the current row group.
    group: (usize, usize),
}

impl ParquetVectors {
    pub(crate) fn create(path: &Path, dimension: usize) -> Result<Self, CorpusError> {
        let output = Output::create(path).map_err(CorpusError::write(path))?;
        let schema = Arc::new(Schema::new(vec![
            Field::new("id", DataType::Utf8, false),
            Field::new_list("indices", element(DataType::UInt32), false),
            Field::new_list("values", element(DataType::Float32), false),
        ]));
        // A fixed creator string: this crate's version would change the bytes of the same rows.
        let properties = WriterProperties::builder()
            .set_created_by("splade".to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_dictionary_enabled(false)
            .set_column_encoding(list_column("indices"), Encoding::DELTA_BINARY_PACKED)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_key_value_metadata(Some(vec![KeyValue::new(
                DIMENSION_KEY.to_owned(),
                dimension.to_string(),
            )]))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let options =
            ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(output, Arc::clone(&schema), options)
            .map_err(|error| write_error(path, error))?;
        Ok(Self {
            writer,
            schema,
            ids: StringBuilder::new(),
            indices: ListBuilder::new(UInt32Builder::new()).with_field(element(DataType::UInt32)),
            values: ListBuilder::new(Float32Builder::new()).with_field(element(DataType::Float32)),
            n_rows: 0,
            group: (0, 0),
        })
    }

    pub(crate) fn write(&mut self, id: &str, row: SparseRowView<'_>) -> io::Result<()> {
        self.ids.append_value(id);
        self.indices.values().append_slice(row.indices());
        self.indices.append(true);
        self.values.values().append_slice(row.values());
        self.values.append(true);
        self.n_rows += 1;
        self.group.0 += 1;
        self.group.1 += row.nnz();
        let is_full = self.group.0 >= GROUP_ROWS || self.group.1 >= GROUP_ENTRIES;
        if is_full || self.n_rows >= BATCH_ROWS {
            self.pass_on().map_err(io_error)?;
        }
        if is_full {
            self.writer.flush().map_err(io_error)?;
            self.group = (0, 0);
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.pass_on().map_err(io_error)?;
        output::finish(self.writer.into_inner().map_err(io_error)?)
    }

    fn pass_on(&mut self) -> Result<(), ParquetError> {
        if self.n_rows == 0 {
            return Ok(());
        }
        self.n_rows = 0;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.ids.finish()),
            Arc::new(self.indices.finish()),
            Arc::new(self.values.finish()),
        ];
        self.writer.write(&RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

/// The field within a list, named as in Parquet's specification.
fn element(data_type: DataType) -> Arc<Field> {
    Arc::new(Field::new("element", data_type, false))
}

fn list_column(name: &str) -> ColumnPath {
    ColumnPath::new(vec![name.to_owned(), "list".to_owned(), "element".to_owned()])
}

fn write_error(path: &Path, error: ParquetError) -> CorpusError {
    CorpusError::Write { path: path.to_owned(), source: io_error(error) }
}

/// The disk error behind a Parquet error.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => *source,
            Err(source) => io::Error::other(source),
        },
        error => io::Error::other(error),
    }
}
