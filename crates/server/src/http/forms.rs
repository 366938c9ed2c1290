//! Sparse vectors as JSON, in each of the forms that clients read.

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use splade::SparseEncoder;
use splade::sparse::SparseRowView;
use splade::tokens::TextLength;

use super::call::{Dots, Format};
use super::encode::Vectors;

/// An entry of a vector.
#[derive(Serialize)]
pub(crate) struct SparseValue {
    /// The vocabulary entry.
    pub(crate) index: u32,
    /// Its weight.
    pub(crate) value: f32,
}

/// A vector as Qdrant, Chroma and `format=arrays` write it.
#[derive(Default, Serialize)]
pub(crate) struct Arrays {
    pub(crate) indices: Vec<u32>,
    pub(crate) values: Vec<f32>,
}

impl From<SparseRowView<'_>> for Arrays {
    fn from(row: SparseRowView<'_>) -> Self {
        Self { indices: row.indices().to_vec(), values: row.values().to_vec() }
    }
}

/// A row of `format=rows`.
#[derive(Serialize)]
pub(crate) struct DataRow {
    pub(crate) index: usize,
    #[serde(flatten)]
    pub(crate) vector: Arrays,
    /// As the vocabulary spells them.
    pub(crate) tokens: Vec<String>,
    /// The same once more, as Elasticsearch's `custom` service reads it.
    pub(crate) embedding: Vec<TokenWeight>,
    pub(crate) n_tokens: usize,
    pub(crate) truncated: bool,
}

/// A token with its weight.
#[derive(Serialize)]
pub(crate) struct TokenWeight {
    pub(crate) token: String,
    pub(crate) weight: f32,
}

/// The answer of `format=rows`.
#[derive(Serialize)]
pub(crate) struct DataRows {
    pub(crate) data: Vec<DataRow>,
    pub(crate) usage: Usage,
}

/// Tokens that were computed.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Usage {
    pub(crate) prompt_tokens: usize,
    pub(crate) total_tokens: usize,
}

impl Usage {
    pub(crate) fn of(n_tokens: usize) -> Self {
        Self { prompt_tokens: n_tokens, total_tokens: n_tokens }
    }
}

/// Writes the vectors of a request.
///
/// # Errors
/// None: a weight is finite, and memory takes what is written.
pub(crate) fn write(
    encoder: &SparseEncoder,
    vectors: &Vectors,
    format: Format,
    dots: Dots,
) -> Result<Vec<u8>, serde_json::Error> {
    let embeddings = &vectors.embeddings;
    let rows = (0..embeddings.n_rows()).map(|index| embeddings.row(index));
    match format {
        Format::Pairs => serde_json::to_vec(&List(rows.map(Pairs))),
        Format::Arrays => serde_json::to_vec(&List(rows.map(Arrays::from))),
        Format::Tokens => serde_json::to_vec(&List(rows.map(|row| Tokens { row, encoder, dots }))),
        Format::Ids => serde_json::to_vec(&List(rows.map(Ids))),
        Format::Rows => {
            let rows = rows.zip(&vectors.lengths).enumerate();
            let data = rows.map(|(index, (row, length))| data_row(encoder, index, row, *length));
            let usage = Usage::of(vectors.counts.n_tokens);
            serde_json::to_vec(&DataRows { data: data.collect(), usage })
        }
    }
}

pub(crate) fn data_row(
    encoder: &SparseEncoder,
    index: usize,
    row: SparseRowView<'_>,
    length: TextLength,
) -> DataRow {
    let tokens: Vec<String> = row.iter().map(|(id, _)| encoder.token(id)).collect();
    let embedding = tokens.iter().zip(row.iter());
    let embedding =
        embedding.map(|(token, (_, weight))| TokenWeight { token: token.clone(), weight });
    DataRow {
        index,
        vector: row.into(),
        embedding: embedding.collect(),
        tokens,
        n_tokens: length.n_tokens,
        truncated: length.is_cut(),
    }
}

/// The elements of an iterator as a list.
struct List<I>(I);

impl<T: Serialize, I: Iterator<Item = T> + Clone> Serialize for List<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for item in self.0.clone() {
            list.serialize_element(&item)?;
        }
        list.end()
    }
}

struct Pairs<'a>(SparseRowView<'a>);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(index, value)| SparseValue { index, value }))
    }
}

struct Ids<'a>(SparseRowView<'a>);

impl Serialize for Ids<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

struct Tokens<'a> {
    row: SparseRowView<'a>,
    encoder: &'a SparseEncoder,
    dots: Dots,
}

impl Serialize for Tokens<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tokens = self.row.iter().map(|(id, weight)| (self.encoder.token(id), weight));
        match self.dots {
            Dots::Keep => serializer.collect_map(tokens),
            Dots::Underscore => merged(tokens, "_").serialize(serializer),
            Dots::Double => merged(tokens, "__").serialize(serializer),
        }
    }
}

/// Tokens with their full stops replaced. Two that become one have the larger weight, as in a
/// maximum over tokens.
fn merged(
    tokens: impl Iterator<Item = (String, f32)>,
    dot: &str,
) -> std::collections::BTreeMap<String, f32> {
    let mut merged = std::collections::BTreeMap::new();
    for (token, weight) in tokens {
        let kept = merged.entry(token.replace('.', dot)).or_insert(weight);
        *kept = weight.max(*kept);
    }
    merged
}
