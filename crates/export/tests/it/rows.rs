//! The rows and queries of `tests/reference/golden/export/rows.json`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use splade_export::ExportRow;
use splade_sparse::SparseRow;

/// A document or query that owns its weights, by token and by index.
pub(crate) struct OwnedRow {
    number: u64,
    id: String,
    pub(crate) vector: SparseRow,
    tokens: Vec<(String, f32)>,
}

impl OwnedRow {
    pub(crate) fn view(&self) -> ExportRow<'_> {
        ExportRow::new(self.number, &self.id).with_vector(&self.vector).with_tokens(&self.tokens)
    }
}

pub(crate) struct Rows {
    pub(crate) dimension: usize,
    pub(crate) k: std::num::NonZeroUsize,
    pub(crate) documents: Vec<OwnedRow>,
    pub(crate) queries: Vec<OwnedRow>,
}

/// The folder of the golden files.
pub(crate) fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/golden/export")
}

pub(crate) fn read() -> Rows {
    let text = fs::read_to_string(golden().join("rows.json")).expect("rows.json is in the tree");
    let json: Value = serde_json::from_str(&text).expect("rows.json is JSON");
    let vocab: Vec<&str> = list(&json["vocab"]).iter().map(string).collect();
    let rows = |key: &str| -> Vec<OwnedRow> {
        list(&json[key]).iter().zip(1..).map(|(row, number)| owned(row, number, &vocab)).collect()
    };
    let k = json["k"].as_u64().and_then(|k| usize::try_from(k).ok()).expect("k is a number");
    Rows {
        dimension: vocab.len(),
        k: k.try_into().expect("k is not 0"),
        documents: rows("documents"),
        queries: rows("queries"),
    }
}

fn owned(row: &Value, number: u64, vocab: &[&str]) -> OwnedRow {
    let indices: Vec<u32> = list(&row["indices"])
        .iter()
        .map(|index| index.as_u64().expect("a number") as u32)
        .collect();
    let values: Vec<f32> =
        list(&row["values"]).iter().map(|value| value.as_f64().expect("a number") as f32).collect();
    let tokens = indices
        .iter()
        .zip(&values)
        .map(|(&index, &value)| (vocab[index as usize].to_owned(), value))
        .collect();
    let vector = SparseRow::from_parts(vocab.len(), indices, values).expect("a sparse row");
    OwnedRow { number, id: string(&row["id"]).to_owned(), vector, tokens }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn string(value: &Value) -> &str {
    value.as_str().expect("a string")
}
