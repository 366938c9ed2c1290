//! Vectors for search engines, and a page that shows what they mean (feature `export`).
//!
//! [`SparseEncoder::read_texts`](crate::SparseEncoder::read_texts) returns texts with their tokens
//! and vectors; [`SparseEncoder::explanation`](crate::SparseEncoder::explanation) starts the page.
//! The engines' formats are in `splade-export`.

mod explain;

pub use self::explain::ReadTexts;

pub use splade_export::{
    DuplicateIds, EmptyRows, Engine, ExplainedText, Explanation, ExportError, ExportOptions,
    ExportRow, ExportWriter, HNSW_MAX_NNZ, Key, PageError, PgvectorIndex, PointId,
    RankFeatureFunction, Reading, SPARSEVEC_MAX_DIM, SPARSEVEC_MAX_NNZ, TermKind, TextToken,
    TokenSpelling,
};
#[cfg(feature = "qdrant")]
pub use splade_export::{QdrantUpsert, create_qdrant_collection, qdrant_client, qdrant_point};
