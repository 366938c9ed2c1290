//! OpenSearch: `_bulk` lines and `neural_sparse` queries, for `rank_features` by token and
//! `sparse_vector` by index.
//!
//! `rank_features` use Elasticsearch's mapping, but full stops stay in tokens: OpenSearch does not
//! read them as paths. The keys of a `sparse_vector` must be integers. OpenSearch quantises its
//! weights to a byte, up to a ceiling (`quantization_ceiling_ingest` and `_search` of the method),
//! once a segment is large enough for Seismic.
//!
//! Source: sentence-transformers 6.2.0 `semantic_search_opensearch`; `RankFeaturesFieldMapper` of
//! OpenSearch; `NeuralSparseQueryBuilder` and `SparseVectorFieldMapper` of its neural-search
//! plugin; OpenSearch documentation 3.9, "Neural sparse ANN search".

use std::num::NonZeroUsize;

use crate::elasticsearch::{WEIGHTS, push_start};
use crate::json;
use crate::names::Names;
use crate::row::{Dots, check_query_weights, checked_tokens, checked_vector};
use crate::{Engine, ExportError, ExportRow};

/// The parameters are the documented defaults.
pub(crate) const SPARSE_VECTOR_SETUP: &str = r#"{
  "settings": {
    "index": { "sparse": true }
  },
  "mappings": {
    "properties": {
      "id": { "type": "keyword" },
      "$FIELD": {
        "type": "sparse_vector",
        "method": {
          "name": "seismic",
          "parameters": {
            "cluster_ratio": 0.1,
            "summary_prune_ratio": 0.4,
            "approximate_threshold": 1000000
          }
        }
      }
    }
  }
}
"#;

/// Appends the two lines of one document of `rank_features`.
pub(crate) fn push(
    out: &mut Vec<u8>,
    names: Names<'_>,
    row: &ExportRow<'_>,
) -> Result<(), ExportError> {
    let tokens = checked_tokens(Engine::OpenSearch, row, WEIGHTS, Dots::Keep)?;
    push_start(Engine::OpenSearch, out, names, row)?;
    json::token_map(out, &tokens);
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// Appends the two lines of one document of a `sparse_vector`.
pub(crate) fn push_sparse_vector(
    out: &mut Vec<u8>,
    names: Names<'_>,
    row: &ExportRow<'_>,
) -> Result<(), ExportError> {
    let vector = checked_vector(Engine::OpenSearchSparseVector, row, WEIGHTS)?;
    push_start(Engine::OpenSearchSparseVector, out, names, row)?;
    json::index_map(out, vector.iter());
    out.extend_from_slice(b"}\n");
    Ok(())
}

pub(crate) fn query(
    names: Names<'_>,
    row: &ExportRow<'_>,
    k: NonZeroUsize,
) -> Result<String, ExportError> {
    let tokens = checked_tokens(Engine::OpenSearch, row, WEIGHTS, Dots::Keep)?;
    check_query_weights(row, tokens.len())?;
    let mut out = query_start(names, k);
    json::token_map(&mut out, &tokens);
    out.extend_from_slice(b"}}}}\n");
    Ok(json::into_string(out))
}

pub(crate) fn sparse_vector_query(
    names: Names<'_>,
    row: &ExportRow<'_>,
    k: NonZeroUsize,
) -> Result<String, ExportError> {
    let vector = checked_vector(Engine::OpenSearchSparseVector, row, WEIGHTS)?;
    check_query_weights(row, vector.nnz())?;
    let mut out = query_start(names, k);
    json::index_map(&mut out, vector.iter());
    json::text(&mut out, format_args!(",\"method_parameters\":{{\"k\":{k}}}}}}}}}}}\n"));
    Ok(json::into_string(out))
}

fn query_start(names: Names<'_>, k: NonZeroUsize) -> Vec<u8> {
    let mut out = Vec::new();
    json::text(
        &mut out,
        format_args!(
            "{{\"size\":{k},\"query\":{{\"neural_sparse\":{{\"{}\":{{\"query_tokens\":",
            names.field
        ),
    );
    out
}
