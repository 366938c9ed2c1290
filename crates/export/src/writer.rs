//! The stream of rows: checks, writes and counts each.

use std::io::Write;

use crate::names::Names;
use crate::row::takes_row;
use crate::seen_ids::SeenIds;
use crate::{Engine, ExportError, ExportOptions, ExportRow};
use crate::{elasticsearch, milvus, opensearch, pgvector, qdrant, vespa};

/// Writes rows in the format of one engine, one after the other, with one batch in memory.
///
/// A refused row leaves no trace in the output, so the caller may skip it and continue.
///
/// ```
/// use splade_export::{Engine, ExportOptions, ExportRow, ExportWriter};
/// use splade_sparse::SparseRow;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let row = SparseRow::from_parts(30522, vec![1012, 2088], vec![0.5, 1.25])?;
/// let mut writer = ExportWriter::new(Engine::Pgvector, ExportOptions::default(), Vec::new())?;
/// writer.write(&ExportRow::new(1, "doc1").with_vector(&row))?;
/// assert_eq!(writer.finish()?, b"doc1\t{1013:0.5,2089:1.25}/30522\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ExportWriter<W> {
    engine: Engine,
    options: ExportOptions,
    out: W,
    /// The rows of an incomplete batch.
    batch: Vec<u8>,
    rows: u64,
    /// Number of rows without weights, written or not.
    n_empty: u64,
    /// Number of rows passed to the output.
    handed: u64,
    dimension: Option<usize>,
    ids: SeenIds,
}

impl<W: Write> ExportWriter<W> {
    /// A writer to `out`, which should be buffered.
    ///
    /// # Errors
    /// [`ExportError::Name`] if the engine does not allow a name in the options.
    pub fn new(engine: Engine, options: ExportOptions, out: W) -> Result<Self, ExportError> {
        Names::checked(engine, &options)?;
        Ok(Self {
            engine,
            options,
            out,
            batch: Vec::new(),
            rows: 0,
            n_empty: 0,
            handed: 0,
            dimension: None,
            ids: SeenIds::default(),
        })
    }

    /// Number of rows written so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Number of rows without weights so far: written, or skipped with
    /// [`EmptyRows::Skip`](crate::EmptyRows::Skip).
    #[must_use]
    pub fn n_empty(&self) -> u64 {
        self.n_empty
    }

    /// Writes one row, or skips it if it has no weights and the options say so.
    ///
    /// # Errors
    /// Name the row and the engine's limit that it breaks: a weight that is not positive, too many
    /// weights, an empty token, an id that is empty, too long or a duplicate, another dimension; no
    /// weights, if those rows are refused. [`ExportError::Write`] if the output fails.
    pub fn write(&mut self, row: &ExportRow<'_>) -> Result<(), ExportError> {
        if row.id.is_empty() {
            return Err(ExportError::EmptyId { row: row.row_number });
        }
        let id_hash = self.ids.check(self.engine, self.options.duplicate_ids, row)?;
        self.check_dimension(row)?;
        let mut n_empty = self.n_empty;
        if !takes_row(self.engine, self.options.empty_rows, row, &mut n_empty)? {
            self.n_empty = n_empty;
            return Ok(());
        }
        let start = self.batch.len();
        if let Err(error) = self.push(row) {
            self.batch.truncate(start);
            return Err(error);
        }
        self.n_empty = n_empty;
        self.ids.keep(id_hash);
        self.dimension = self.dimension.or(row.vector.map(|vector| vector.dimension()));
        self.rows += 1;
        let full = match self.engine {
            Engine::Qdrant => self.rows.is_multiple_of(self.options.batch_rows.get() as u64),
            _ => true,
        };
        if full { self.flush_batch() } else { Ok(()) }
    }

    /// Ends the last batch, flushes the output and returns it.
    ///
    /// Without this call the output is incomplete: the last Qdrant batch is missing, and Milvus'
    /// JSON does not parse.
    ///
    /// # Errors
    /// [`ExportError::Write`].
    pub fn finish(mut self) -> Result<W, ExportError> {
        if !self.batch.is_empty() {
            self.flush_batch()?;
        }
        if self.engine == Engine::Milvus {
            self.batch.extend_from_slice(milvus::end(self.rows));
            self.write_out()?;
        }
        let rows = self.handed;
        self.out.flush().map_err(|source| ExportError::Write { rows, source })?;
        Ok(self.out)
    }

    /// Appends the row to the batch: whole, or on an error possibly in part.
    fn push(&mut self, row: &ExportRow<'_>) -> Result<(), ExportError> {
        let names = Names::checked(self.engine, &self.options)?;
        let out = &mut self.batch;
        match self.engine {
            Engine::Qdrant => qdrant::push(out, names, row),
            Engine::Elasticsearch | Engine::ElasticsearchSparseVector => {
                elasticsearch::push(self.engine, out, names, row)
            }
            Engine::OpenSearch => opensearch::push(out, names, row),
            Engine::OpenSearchSparseVector => opensearch::push_sparse_vector(out, names, row),
            Engine::Pgvector => pgvector::push(out, self.options.pgvector_index, row),
            Engine::Vespa => vespa::push(out, names, row),
            Engine::Milvus => milvus::push(out, names, self.rows, row),
        }
    }

    fn flush_batch(&mut self) -> Result<(), ExportError> {
        if self.engine == Engine::Qdrant {
            self.batch.extend_from_slice(qdrant::BATCH_END);
        }
        self.write_out()
    }

    fn write_out(&mut self) -> Result<(), ExportError> {
        let rows = self.handed;
        self.out.write_all(&self.batch).map_err(|source| ExportError::Write { rows, source })?;
        self.batch.clear();
        self.handed = self.rows;
        Ok(())
    }

    fn check_dimension(&self, row: &ExportRow<'_>) -> Result<(), ExportError> {
        match (self.dimension, row.vector.map(|vector| vector.dimension())) {
            (Some(expected), Some(found)) if expected != found => {
                Err(ExportError::DimensionMismatch { row: row.row_number, found, expected })
            }
            _ => Ok(()),
        }
    }
}
