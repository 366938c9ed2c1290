//! Reads golden values and their texts (tests/reference/README.md).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use splade::SparseMatrix;
use splade::sparse::SparseRowView;

#[derive(Debug, Deserialize)]
pub struct Golden {
    pub checkpoint: String,
    pub vocab_size: usize,
    pub max_seq_length: usize,
    pub rows: Vec<Row>,
    pub rows_max_seq_length: Vec<Row>,
    pub rows_max_active_dims: Vec<Row>,
    /// Texts that spell out the special tokens.
    #[serde(default)]
    pub rows_special_text: Vec<Row>,
    pub similarity: Similarity,
    pub sparsity: Sparsity,
    pub decode: Vec<Decode>,
    pub intersection: Intersection,
}

#[derive(Debug, Deserialize)]
pub struct Row {
    #[serde(default)]
    pub name: String,
    /// If it is not in texts.json.
    pub text: Option<String>,
    #[serde(default)]
    pub input_ids: Vec<u32>,
    pub max_seq_length: Option<usize>,
    pub max_active_dims: Option<usize>,
    pub indices: Vec<u32>,
    pub values: Vec<f32>,
}

#[derive(Debug, Deserialize)]
pub struct Similarity {
    pub names: Vec<String>,
    pub matrix: BTreeMap<String, Vec<Vec<f32>>>,
    pub pairwise_with: Vec<String>,
    pub pairwise: BTreeMap<String, Vec<f32>>,
}

#[derive(Debug, Deserialize)]
pub struct Intersection {
    pub names: [String; 2],
    pub indices: Vec<u32>,
    pub values: Vec<f32>,
}

#[derive(Debug, Deserialize)]
pub struct Sparsity {
    pub active_dims: f64,
    pub sparsity_ratio: f64,
}

#[derive(Debug, Deserialize)]
pub struct Decode {
    pub name: String,
    pub top_k: usize,
    pub tokens: Vec<(String, f32)>,
}

#[derive(Deserialize)]
struct NamedText {
    name: String,
    text: TextSpec,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TextSpec {
    Plain(String),
    Repeated { repeat: String, times: usize, join: Option<String> },
}

impl Row {
    /// The text of the row.
    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_else(|| text(&self.name))
    }
}

/// A folder or file below tests/fixtures.
pub fn fixture(name: &str) -> PathBuf {
    tests_folder().join("fixtures").join(name)
}

pub fn load(name: &str) -> Golden {
    load_as(name)
}

/// A golden file in another format.
pub fn load_as<T: DeserializeOwned>(name: &str) -> T {
    read(&tests_folder().join("reference/golden").join(format!("{name}.json")))
}

/// The text of this name in texts.json.
pub fn text(name: &str) -> &'static str {
    static TEXTS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
        let texts: Vec<NamedText> = read(&tests_folder().join("reference/texts.json"));
        let expand = |spec| match spec {
            TextSpec::Plain(text) => text,
            TextSpec::Repeated { repeat, times, join } => {
                vec![repeat; times].join(join.as_deref().unwrap_or(" "))
            }
        };
        texts.into_iter().map(|named| (named.name, expand(named.text))).collect()
    });
    &TEXTS[name]
}

/// Every row of `found` is within tolerance + tolerance * |value| of the reference's.
pub fn assert_rows(found: &SparseMatrix, expected: &[Row], tolerance: f32, context: &str) {
    assert_eq!(found.n_rows(), expected.len(), "{context}: rows");
    for (row, expected) in found.rows().zip(expected) {
        assert_row(row, expected, tolerance, context);
    }
}

pub fn assert_row(found: SparseRowView<'_>, expected: &Row, tolerance: f32, context: &str) {
    let mut reference: BTreeMap<u32, f32> =
        expected.indices.iter().copied().zip(expected.values.iter().copied()).collect();
    for (index, value) in found.iter() {
        let exact = reference.remove(&index).unwrap_or(0.0);
        let error = (value - exact).abs();
        let allowed = tolerance + tolerance * exact.abs();
        assert!(
            error <= allowed,
            "{context}, text `{}`, entry {index}: {value}, reference {exact}, error {error:e}",
            expected.name
        );
    }
    for (index, exact) in reference {
        let name = &expected.name;
        assert!(
            exact.abs() <= tolerance,
            "{context}, text `{name}`: entry {index} ({exact}) is lost"
        );
    }
}

fn tests_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}

fn read<T: DeserializeOwned>(path: &Path) -> T {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
