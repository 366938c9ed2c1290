//! Qdrant over REST: the collection, batches of points, the query.
//!
//! Source: sentence-transformers 6.2.0 `semantic_search_qdrant`; Qdrant's OpenAPI
//! (`PointStruct`, `SparseVector`, `QueryRequest`).

use std::num::NonZeroUsize;

use crate::json;
use crate::names::Names;
use crate::point_id::PointId;
use crate::row::{Weights, check_query_weights, checked_vector};
use crate::{Engine, ExportError, ExportRow};

pub(crate) const SETUP: &str = r#"{
  "vectors": {},
  "sparse_vectors": {
    "$FIELD": { "index": { "on_disk": false } }
  }
}
"#;

const BATCH_START: &[u8] = b"{\"points\":[";
pub(crate) const BATCH_END: &[u8] = b"]}\n";

/// Appends one point to the batch in `out`, and opens the batch if `out` is empty.
pub(crate) fn push(
    out: &mut Vec<u8>,
    names: Names<'_>,
    row: &ExportRow<'_>,
) -> Result<(), ExportError> {
    let vector = checked_vector(Engine::Qdrant, row, Weights::Any)?;
    out.extend_from_slice(if out.is_empty() { BATCH_START } else { b"," });
    out.extend_from_slice(b"{\"id\":");
    match PointId::of(row.id) {
        PointId::Number(number) => json::text(out, number),
        PointId::Uuid(uuid) => json::string(out, &uuid),
    }
    json::text(out, format_args!(",\"vector\":{{\"{}\":{{", names.field));
    json::index_lists(out, vector.indices(), vector.values());
    out.extend_from_slice(b"}},\"payload\":{\"id\":");
    json::string(out, row.id);
    out.extend_from_slice(b"}}");
    Ok(())
}

pub(crate) fn query(
    names: Names<'_>,
    row: &ExportRow<'_>,
    k: NonZeroUsize,
) -> Result<String, ExportError> {
    let vector = checked_vector(Engine::Qdrant, row, Weights::Any)?;
    check_query_weights(row, vector.nnz())?;
    let mut out = b"{\"query\":{".to_vec();
    json::index_lists(&mut out, vector.indices(), vector.values());
    json::text(
        &mut out,
        format_args!("}},\"using\":\"{}\",\"limit\":{k},\"with_payload\":true}}\n", names.field),
    );
    Ok(json::into_string(out))
}
