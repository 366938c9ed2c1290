//! Options of an export: names, batch size, index, scores.

use std::num::NonZeroUsize;

/// How [`Engine::Elasticsearch`](crate::Engine::Elasticsearch) scores a shared token.
///
/// `w` is the weight in the query and `S` the weight in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RankFeatureFunction {
    /// `w * S / (S + pivot)`, with a pivot that Elasticsearch computes from the index. This is what
    /// sentence-transformers 6.2.0 requests; it is not the dot product.
    #[default]
    Saturation,
    /// `w * S`: the dot product, up to the 9 bits of precision of a stored `S`.
    Linear,
}

/// The index on the pgvector column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum PgvectorIndex {
    /// No index: queries read every row and are exact.
    #[default]
    None,
    /// HNSW on the inner product: approximate. Limits rows to [`HNSW_MAX_NNZ`](crate::HNSW_MAX_NNZ)
    /// weights.
    Hnsw,
}

/// What to do with an id that occurred in an earlier row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DuplicateIds {
    /// Refuse the row: most engines would silently replace the earlier one. Keeps a 64-bit hash of
    /// each id in memory, about 20 MB per million rows.
    #[default]
    Refuse,
    /// Write it: the caller knows that ids are unique, or wants the later row to win.
    Write,
}

/// What to do with a row without weights, such as that of an empty text.
///
/// No search by weights finds such a row, but it can be fetched by its id. Every engine accepts it
/// in its newest version: Qdrant since 1.7, Milvus since 2.4.12 (bulk import since 2.5.6), the
/// others in every version that has the field's type. milvus-lite 3.2.2 refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmptyRows {
    /// Write it like any other.
    #[default]
    Keep,
    /// Skip and count it: [`ExportWriter::n_empty`](crate::ExportWriter::n_empty).
    Skip,
    /// [`ExportError::EmptyRow`](crate::ExportError::EmptyRow).
    Refuse,
}

/// Options of an export, for every engine.
///
/// ```
/// use splade_export::{ExportOptions, PgvectorIndex};
///
/// let options =
///     ExportOptions::default().with_name("passages").with_pgvector_index(PgvectorIndex::Hnsw);
/// assert_eq!(options.batch_rows.get(), 1000);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportOptions {
    /// Name of the collection, index, table or schema. Default `splade`.
    pub name: String,
    /// Name of the vector's field; `None` is the engine's
    /// [`default_field`](crate::Engine::default_field).
    pub field: Option<String>,
    /// Rows per Qdrant request. Default 1000: about 4 MB of JSON at 200 weights per row; the server
    /// accepts 32 MB.
    pub batch_rows: NonZeroUsize,
    /// Scores of Elasticsearch's `rank_features`. Default as in sentence-transformers.
    pub rank_feature_function: RankFeatureFunction,
    /// Index of the pgvector column. Default none.
    pub pgvector_index: PgvectorIndex,
    /// Duplicate ids. Default: refused.
    pub duplicate_ids: DuplicateIds,
    /// Rows without weights. Default: written, since every engine's newest version accepts them.
    pub empty_rows: EmptyRows,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self {
            name: "splade".to_owned(),
            field: None,
            batch_rows: NonZeroUsize::new(1000).expect("1000 is not 0"),
            rank_feature_function: RankFeatureFunction::default(),
            pgvector_index: PgvectorIndex::default(),
            duplicate_ids: DuplicateIds::default(),
            empty_rows: EmptyRows::default(),
        }
    }
}

impl ExportOptions {
    /// Sets [`name`](Self::name).
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets [`field`](Self::field).
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Sets [`batch_rows`](Self::batch_rows).
    #[must_use]
    pub fn with_batch_rows(mut self, batch_rows: NonZeroUsize) -> Self {
        self.batch_rows = batch_rows;
        self
    }

    /// Sets [`rank_feature_function`](Self::rank_feature_function).
    #[must_use]
    pub fn with_rank_feature_function(mut self, function: RankFeatureFunction) -> Self {
        self.rank_feature_function = function;
        self
    }

    /// Sets [`pgvector_index`](Self::pgvector_index).
    #[must_use]
    pub fn with_pgvector_index(mut self, index: PgvectorIndex) -> Self {
        self.pgvector_index = index;
        self
    }

    /// Sets [`duplicate_ids`](Self::duplicate_ids).
    #[must_use]
    pub fn with_duplicate_ids(mut self, duplicate_ids: DuplicateIds) -> Self {
        self.duplicate_ids = duplicate_ids;
        self
    }

    /// Sets [`empty_rows`](Self::empty_rows).
    #[must_use]
    pub fn with_empty_rows(mut self, empty_rows: EmptyRows) -> Self {
        self.empty_rows = empty_rows;
        self
    }
}
