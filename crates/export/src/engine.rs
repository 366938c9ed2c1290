//! The search engines, and what can be written for each: rows, a setup, queries.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use crate::names::Names;
use crate::{ExportError, ExportOptions, ExportRow};
use crate::{elasticsearch, milvus, opensearch, pgvector, qdrant, vespa};

/// A search engine, and the format in which it accepts sparse vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Engine {
    /// Qdrant: bodies of `PUT /collections/NAME/points`, one batch per line.
    Qdrant,
    /// Elasticsearch with a field of type `rank_features`: NDJSON for `_bulk`.
    Elasticsearch,
    /// Elasticsearch 8.11 and later with a field of type `sparse_vector`: NDJSON for `_bulk`.
    ElasticsearchSparseVector,
    /// OpenSearch with a field of type `rank_features`: NDJSON for `_bulk`.
    OpenSearch,
    /// OpenSearch 3.3 and later with a field of type `sparse_vector` (Seismic, approximate), keyed
    /// by indices: NDJSON for `_bulk`.
    OpenSearchSparseVector,
    /// PostgreSQL with pgvector 0.7 and later, type `sparsevec`: rows for `COPY`.
    Pgvector,
    /// Vespa, a mapped tensor: JSON lines for `vespa feed`.
    Vespa,
    /// Milvus, a `SparseFloatVector`: a JSON array for bulk import or `MilvusClient.insert`.
    Milvus,
}

/// What keys the weights of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// The token's text: requires [`ExportRow::tokens`].
    Token,
    /// The index into the vocabulary: requires [`ExportRow::vector`].
    Index,
}

impl Engine {
    /// Every engine.
    pub const ALL: [Self; 8] = [
        Self::Qdrant,
        Self::Elasticsearch,
        Self::ElasticsearchSparseVector,
        Self::OpenSearch,
        Self::OpenSearchSparseVector,
        Self::Pgvector,
        Self::Vespa,
        Self::Milvus,
    ];

    /// The name that [`FromStr`] accepts: `qdrant`, `elasticsearch`, `elasticsearch-sparse-vector`,
    /// `opensearch`, `opensearch-sparse-vector`, `pgvector`, `vespa`, `milvus`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Qdrant => "qdrant",
            Self::Elasticsearch => "elasticsearch",
            Self::ElasticsearchSparseVector => "elasticsearch-sparse-vector",
            Self::OpenSearch => "opensearch",
            Self::OpenSearchSparseVector => "opensearch-sparse-vector",
            Self::Pgvector => "pgvector",
            Self::Vespa => "vespa",
            Self::Milvus => "milvus",
        }
    }

    /// Which weights of a row the engine needs.
    #[must_use]
    pub fn key(self) -> Key {
        match self {
            Self::Elasticsearch
            | Self::ElasticsearchSparseVector
            | Self::OpenSearch
            | Self::Vespa => Key::Token,
            Self::Qdrant | Self::OpenSearchSparseVector | Self::Pgvector | Self::Milvus => {
                Key::Index
            }
        }
    }

    /// The vector's field if [`ExportOptions::field`] is `None`; the first three as in
    /// sentence-transformers: `text` for Qdrant, `tokens` for Elasticsearch and OpenSearch,
    /// `embedding` for pgvector, `sparse` for Vespa and Milvus.
    #[must_use]
    pub fn default_field(self) -> &'static str {
        match self {
            Self::Qdrant => "text",
            Self::Elasticsearch
            | Self::ElasticsearchSparseVector
            | Self::OpenSearch
            | Self::OpenSearchSparseVector => "tokens",
            Self::Pgvector => "embedding",
            Self::Vespa | Self::Milvus => "sparse",
        }
    }

    /// What must exist before the rows: the request body that creates the collection or index, SQL,
    /// or a Vespa schema. `dimension` is the size of the vocabulary.
    ///
    /// | Engine | What to do with it |
    /// |---|---|
    /// | Qdrant | `PUT /collections/NAME` |
    /// | Elasticsearch, OpenSearch | `PUT /NAME` |
    /// | pgvector | `psql -f` |
    /// | Vespa | `schemas/NAME.sd` of the application package |
    /// | Milvus | `POST /v2/vectordb/collections/create` |
    ///
    /// # Errors
    /// [`ExportError::Name`]; [`ExportError::DimensionTooLarge`] for pgvector.
    pub fn setup(self, options: &ExportOptions, dimension: usize) -> Result<String, ExportError> {
        let names = Names::checked(self, options)?;
        Ok(match self {
            Self::Qdrant => names.fill(qdrant::SETUP),
            Self::Elasticsearch => names.fill(elasticsearch::RANK_FEATURES_SETUP),
            Self::ElasticsearchSparseVector => names.fill(elasticsearch::SPARSE_VECTOR_SETUP),
            // The same body on purpose: OpenSearch kept the type from before the fork.
            Self::OpenSearch => names.fill(elasticsearch::RANK_FEATURES_SETUP),
            Self::OpenSearchSparseVector => names.fill(opensearch::SPARSE_VECTOR_SETUP),
            Self::Pgvector => pgvector::setup(names, options.pgvector_index, dimension)?,
            Self::Vespa => names.fill(vespa::SETUP),
            Self::Milvus => names.fill(milvus::SETUP),
        })
    }

    /// A query for the `k` best documents, on one line: SQL for pgvector, else a JSON body.
    ///
    /// | Engine | Where to send it |
    /// |---|---|
    /// | Qdrant | `POST /collections/NAME/points/query` |
    /// | Elasticsearch, OpenSearch | `POST /NAME/_search` |
    /// | pgvector | `psql` |
    /// | Vespa | `POST /search/` (more than 400 hits need a query profile that allows them) |
    /// | Milvus | `POST /v2/vectordb/entities/search` |
    ///
    /// # Errors
    /// [`ExportError::EmptyQuery`], and the errors of
    /// [`ExportWriter::write`](crate::ExportWriter::write) about weights and tokens.
    pub fn query(
        self,
        options: &ExportOptions,
        row: &ExportRow<'_>,
        k: NonZeroUsize,
    ) -> Result<String, ExportError> {
        let names = Names::checked(self, options)?;
        match self {
            Self::Qdrant => qdrant::query(names, row, k),
            Self::Elasticsearch => {
                elasticsearch::rank_features_query(names, options.rank_feature_function, row, k)
            }
            Self::ElasticsearchSparseVector => elasticsearch::sparse_vector_query(names, row, k),
            Self::OpenSearch => opensearch::query(names, row, k),
            Self::OpenSearchSparseVector => opensearch::sparse_vector_query(names, row, k),
            Self::Pgvector => pgvector::query(names, options.pgvector_index, row, k),
            Self::Vespa => vespa::query(names, row, k),
            Self::Milvus => milvus::query(names, row, k),
        }
    }

    /// The names of all engines, for messages.
    pub(crate) fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Engine {
    type Err = ExportError;

    fn from_str(name: &str) -> Result<Self, ExportError> {
        Self::ALL
            .into_iter()
            .find(|engine| engine.name() == name)
            .ok_or_else(|| ExportError::UnknownEngine { name: name.to_owned() })
    }
}
