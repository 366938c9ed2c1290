//! Sparse vectors in the formats of search engines, and as a page for people.
//!
//! [`ExportWriter`] streams rows in the format that an [`Engine`] loads; [`Engine::setup`] creates
//! what must exist before (mapping, table, schema), and [`Engine::query`] finds documents
//! afterwards. Rows that an engine would refuse, or would store differently, are refused here, with
//! their row numbers.
//!
//! | Engine | Rows | Keyed by | Weights | Score of a query |
//! |---|---|---|---|---|
//! | [`Qdrant`] | requests of [`batch_rows`] points | index | any | dot product |
//! | [`Elasticsearch`] | `_bulk`, `rank_features` | token | positive | [`RankFeatureFunction`] |
//! | [`ElasticsearchSparseVector`] | `_bulk`, `sparse_vector` | token | positive | dot product* |
//! | [`OpenSearch`] | `_bulk`, `rank_features` | token | positive | dot product* |
//! | [`OpenSearchSparseVector`] | `_bulk`, `sparse_vector` | index | positive | approximate |
//! | [`Pgvector`] | `COPY`, `sparsevec` | index | any | dot product |
//! | [`Vespa`] | one `put` per line, mapped tensor | token | any | dot product |
//! | [`Milvus`] | a JSON array | index | positive | dot product |
//!
//! \* nearly: stored weights keep 9 significant bits.
//!
//! [`Qdrant`]: Engine::Qdrant
//! [`batch_rows`]: ExportOptions::batch_rows
//! [`Elasticsearch`]: Engine::Elasticsearch
//! [`ElasticsearchSparseVector`]: Engine::ElasticsearchSparseVector
//! [`OpenSearch`]: Engine::OpenSearch
//! [`OpenSearchSparseVector`]: Engine::OpenSearchSparseVector
//! [`Pgvector`]: Engine::Pgvector
//! [`Vespa`]: Engine::Vespa
//! [`Milvus`]: Engine::Milvus
//!
//! Files for `_bulk` have two lines per document: split them after an even number of lines, as
//! `split -l 2000` does, into requests below the servers' limit of 100 MB.
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use splade_export::{Engine, ExportOptions, ExportRow, ExportWriter};
//!
//! # fn main() -> Result<(), splade_export::ExportError> {
//! let engine: Engine = "opensearch".parse()?;
//! let options = ExportOptions::default().with_name("passages");
//! let setup = engine.setup(&options, 30522)?; // PUT /passages
//! assert!(setup.contains("rank_features"));
//!
//! // As returned by `SparseEncoder::decode` for a document.
//! let tokens = [("berlin".to_owned(), 1.5), ("capital".to_owned(), 0.25)];
//! let row = ExportRow::new(1, "doc1").with_tokens(&tokens);
//! let mut writer = ExportWriter::new(engine, options.clone(), Vec::new())?;
//! writer.write(&row)?;
//! let bulk = String::from_utf8(writer.finish()?).expect("JSON is UTF-8"); // POST /_bulk
//! assert_eq!(
//!     bulk,
//!     "{\"index\":{\"_index\":\"passages\",\"_id\":\"doc1\"}}\n\
//!      {\"id\":\"doc1\",\"tokens\":{\"berlin\":1.5,\"capital\":0.25}}\n"
//! );
//!
//! // The ten best documents for a query with the same weights: POST /passages/_search
//! let ten = NonZeroUsize::new(10).expect("10 is not 0");
//! assert!(engine.query(&options, &row, ten)?.contains("neural_sparse"));
//! # Ok(())
//! # }
//! ```
//!
//! [`Explanation`] writes texts and their vectors as one HTML page.
//!
//! With the feature `qdrant`, `QdrantUpsert` sends rows to a running Qdrant.
#![forbid(unsafe_code)]

mod error;

mod engine;
mod options;
mod row;
mod seen_ids;
mod writer;

mod elasticsearch;
mod milvus;
mod opensearch;
mod pgvector;
mod point_id;
mod qdrant;
mod vespa;

#[cfg(feature = "qdrant")]
mod client;

mod json;
mod names;

mod page;

/// The client, in the version whose types this crate's functions use.
#[cfg(feature = "qdrant")]
pub use qdrant_client;

#[cfg(feature = "qdrant")]
pub use client::{QdrantUpsert, create_qdrant_collection, qdrant_point};
pub use engine::{Engine, Key};
pub use error::ExportError;
pub use options::{DuplicateIds, EmptyRows, ExportOptions, PgvectorIndex, RankFeatureFunction};
pub use page::{
    ExplainedText, Explanation, PageError, Reading, TermKind, TextToken, TokenSpelling,
};
pub use pgvector::{HNSW_MAX_NNZ, SPARSEVEC_MAX_DIM, SPARSEVEC_MAX_NNZ};
pub use point_id::PointId;
pub use row::ExportRow;
pub use writer::ExportWriter;
