//! Elasticsearch: `_bulk` lines, mappings and queries for `rank_features` and `sparse_vector`.
//!
//! A full stop in a token becomes `%2E`, and a `%` becomes `%25`, in documents and queries alike:
//! `rank_features` reads a full stop as a path (and the `rank_feature` query splits at the last
//! one), and `sparse_vector` refused it up to 8.14. sentence-transformers replaces it with `_`,
//! which is a token itself, so that one of two weights is lost.
//!
//! Source: sentence-transformers 6.2.0 `semantic_search_elasticsearch`; `RankFeaturesFieldMapper`,
//! `RankFeatureQueryBuilder` and `SparseVectorFieldMapper` of Elasticsearch; weights:
//! `FeatureField` of Lucene, which accepts positive normal floats and keeps 9 significant bits of
//! them.

use std::num::NonZeroUsize;

use crate::json;
use crate::names::Names;
use crate::row::{Dots, Weights, check_id_bytes, check_query_weights, checked_tokens};
use crate::{Engine, ExportError, ExportRow, RankFeatureFunction};

pub(crate) const RANK_FEATURES_SETUP: &str = r#"{
  "mappings": {
    "properties": {
      "id": { "type": "keyword" },
      "$FIELD": { "type": "rank_features" }
    }
  }
}
"#;

pub(crate) const SPARSE_VECTOR_SETUP: &str = r#"{
  "mappings": {
    "properties": {
      "id": { "type": "keyword" },
      "$FIELD": { "type": "sparse_vector" }
    }
  }
}
"#;

/// The smallest weight that Lucene's `FeatureField` accepts.
pub(crate) const WEIGHTS: Weights = Weights::From(f32::MIN_POSITIVE);

/// `IndexRequest.validate` of Elasticsearch and OpenSearch.
const MAX_ID_BYTES: usize = 512;

/// Appends the two lines of one document.
pub(crate) fn push(
    engine: Engine,
    out: &mut Vec<u8>,
    names: Names<'_>,
    row: &ExportRow<'_>,
) -> Result<(), ExportError> {
    let tokens = checked_tokens(engine, row, WEIGHTS, Dots::Escape)?;
    push_start(engine, out, names, row)?;
    json::token_map(out, &tokens);
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// The action line, and the document up to its weights. OpenSearch uses the same.
pub(crate) fn push_start(
    engine: Engine,
    out: &mut Vec<u8>,
    names: Names<'_>,
    row: &ExportRow<'_>,
) -> Result<(), ExportError> {
    check_id_bytes(engine, row, MAX_ID_BYTES)?;
    json::text(out, format_args!("{{\"index\":{{\"_index\":\"{}\",\"_id\":", names.name));
    json::string(out, row.id);
    out.extend_from_slice(b"}}\n{\"id\":");
    json::string(out, row.id);
    json::text(out, format_args!(",\"{}\":", names.field));
    Ok(())
}

pub(crate) fn rank_features_query(
    names: Names<'_>,
    function: RankFeatureFunction,
    row: &ExportRow<'_>,
    k: NonZeroUsize,
) -> Result<String, ExportError> {
    let tokens = checked_tokens(Engine::Elasticsearch, row, WEIGHTS, Dots::Escape)?;
    check_query_weights(row, tokens.len())?;
    let function = match function {
        RankFeatureFunction::Saturation => "saturation",
        RankFeatureFunction::Linear => "linear",
    };
    let mut out = Vec::new();
    json::text(&mut out, format_args!("{{\"size\":{k},\"query\":{{\"bool\":{{\"should\":["));
    for (position, (token, weight)) in tokens.iter().enumerate() {
        let comma = if position > 0 { "," } else { "" };
        json::text(&mut out, format_args!("{comma}{{\"rank_feature\":{{\"field\":"));
        json::string(&mut out, &format!("{}.{token}", names.field));
        json::text(&mut out, format_args!(",\"{function}\":{{}},\"boost\":"));
        json::number(&mut out, *weight);
        out.extend_from_slice(b"}}");
    }
    out.extend_from_slice(b"],\"minimum_should_match\":1}}}\n");
    Ok(json::into_string(out))
}

/// `prune` is off: indices created by 8.19, 9.1 and later would otherwise drop query tokens.
pub(crate) fn sparse_vector_query(
    names: Names<'_>,
    row: &ExportRow<'_>,
    k: NonZeroUsize,
) -> Result<String, ExportError> {
    let engine = Engine::ElasticsearchSparseVector;
    let tokens = checked_tokens(engine, row, WEIGHTS, Dots::Escape)?;
    check_query_weights(row, tokens.len())?;
    let mut out = Vec::new();
    json::text(
        &mut out,
        format_args!(
            "{{\"size\":{k},\"query\":{{\"sparse_vector\":{{\"field\":\"{}\",\"query_vector\":",
            names.field
        ),
    );
    json::token_map(&mut out, &tokens);
    out.extend_from_slice(b",\"prune\":false}}}\n");
    Ok(json::into_string(out))
}
