//! Milvus: the collection, a JSON array of rows, the search.
//!
//! The array is a file for bulk import and, once parsed, the `data` of `MilvusClient.insert` or of
//! `POST /v2/vectordb/entities/insert`. Weights are written as `{"index": weight}`; of the two
//! formats that Milvus documents (the other is `indices` and `values`), only this one is read by
//! pymilvus too.
//!
//! Source: Milvus 2.6 documentation, "Sparse Vector", "Prepare Source Data" and REST API v2.
//! Refusals follow milvus-lite 3.2.2, except for vectors without weights, which Milvus accepts
//! since 2.4.12 (milvus-io/milvus pull requests 34700 and 36061; bulk import 40585).

use std::num::NonZeroUsize;

use splade_sparse::SparseRowView;

use crate::json;
use crate::names::Names;
use crate::row::{Weights, check_id_bytes, check_query_weights, checked_vector};
use crate::{Engine, ExportError, ExportRow};

pub(crate) const SETUP: &str = r#"{
  "collectionName": "$NAME",
  "schema": {
    "autoId": false,
    "enableDynamicField": false,
    "fields": [
      {
        "fieldName": "id",
        "dataType": "VarChar",
        "isPrimary": true,
        "elementTypeParams": { "max_length": "65535" }
      },
      { "fieldName": "$FIELD", "dataType": "SparseFloatVector" }
    ]
  },
  "indexParams": [
    {
      "fieldName": "$FIELD",
      "indexName": "$FIELD",
      "indexType": "SPARSE_INVERTED_INDEX",
      "metricType": "IP",
      "params": { "inverted_index_algo": "DAAT_MAXSCORE" }
    }
  ]
}
"#;

/// Maximum length of a `VarChar`.
const MAX_ID_BYTES: usize = 65_535;

/// Appends one row, and the separator after the `rows` before it.
pub(crate) fn push(
    out: &mut Vec<u8>,
    names: Names<'_>,
    rows: u64,
    row: &ExportRow<'_>,
) -> Result<(), ExportError> {
    check_id_bytes(Engine::Milvus, row, MAX_ID_BYTES)?;
    let vector = checked(row)?;
    out.extend_from_slice(if rows == 0 { b"[\n" } else { b",\n" });
    out.extend_from_slice(b"{\"id\":");
    json::string(out, row.id);
    json::text(out, format_args!(",\"{}\":", names.field));
    json::index_map(out, vector.iter());
    out.push(b'}');
    Ok(())
}

/// The end of the array after `rows` rows.
pub(crate) fn end(rows: u64) -> &'static [u8] {
    if rows == 0 { b"[]\n" } else { b"\n]\n" }
}

pub(crate) fn query(
    names: Names<'_>,
    row: &ExportRow<'_>,
    k: NonZeroUsize,
) -> Result<String, ExportError> {
    let vector = checked(row)?;
    check_query_weights(row, vector.nnz())?;
    let mut out = Vec::new();
    json::text(&mut out, format_args!("{{\"collectionName\":\"{}\",\"data\":[", names.name));
    json::index_map(&mut out, vector.iter());
    json::text(
        &mut out,
        format_args!(
            "],\"annsField\":\"{}\",\"limit\":{k},\"outputFields\":[\"id\"],\
             \"searchParams\":{{\"metricType\":\"IP\",\"params\":{{}}}}}}\n",
            names.field
        ),
    );
    Ok(json::into_string(out))
}

/// Stored weights are not 0, so the smallest non-negative weight is the smallest positive one.
fn checked<'a>(row: &ExportRow<'a>) -> Result<SparseRowView<'a>, ExportError> {
    checked_vector(Engine::Milvus, row, Weights::From(f32::from_bits(1)))
}
