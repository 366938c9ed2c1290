//! Inference-free vectors: a table has the weight of each token of a text.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Deserialize;
use splade_sparse::{Pruning, SparseError, SparseRow, SparseRowView};
use splade_tokenizer::{TokenBatch, Tokenizer};

use crate::SpladeError;
use crate::layout::{Ordered, read_json};
use crate::route_tokenizer::RouteTokenizer;

/// A `SparseStaticEmbedding`: a weight for each vocabulary entry.
pub(crate) struct StaticEmbedding {
    tokenizer: RouteTokenizer,
    weights: Vec<f32>,
}

/// `config.json` of the module.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct StaticConfig {
    path: Option<String>,
    /// Whether training leaves the weights alone.
    #[serde(rename = "frozen")]
    _frozen: Option<bool>,
}

impl StaticEmbedding {
    /// Loads the table of a module's folder: the file that `path` of its `config.json` names
    /// (`idf.json` of token and weight, or OpenSearch's `query_token_weights.txt`; looked for in
    /// the module's folder, then in the model's), else the tensor `weight` of its weights.
    ///
    /// # Errors
    /// Files that are missing or broken.
    pub(crate) fn load(folder: &Path, root: &Path) -> Result<Self, SpladeError> {
        let tokenizer = Tokenizer::load(folder)?;
        let config: StaticConfig = read_json(&folder.join("config.json"))?.unwrap_or_default();
        let weights = match &config.path {
            Some(name) => from_table(&find_table(name, folder, root)?, &tokenizer)?,
            None => splade_model::load_static_weights(folder)?,
        };
        let known = tokenizer.vocab_size();
        if weights.len() < known {
            return Err(SpladeError::VocabularyTooLarge { tokenizer: known, model: weights.len() });
        }
        Ok(Self { tokenizer: RouteTokenizer::of_table(tokenizer), weights })
    }

    pub(crate) fn dimension(&self) -> usize {
        self.weights.len()
    }

    /// A weight for each vocabulary entry.
    pub(crate) fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Adds no special tokens, and cuts texts to the limit in the tokenizer's files.
    pub(crate) fn tokenizer(&self) -> &RouteTokenizer {
        &self.tokenizer
    }

    /// The weight of each distinct token of a text.
    ///
    /// # Errors
    /// A weight that is not finite.
    pub(crate) fn rows(
        &self,
        tokens: &TokenBatch,
        pruning: impl Fn(usize) -> Pruning + Sync,
    ) -> Result<Vec<SparseRow>, SparseError> {
        (0..tokens.n_texts())
            .into_par_iter()
            .map(|text| {
                let present = present(&tokens.input_ids[tokens.range(text)]);
                let weight = |&id: &u32| self.weights[id as usize];
                let indices: Vec<u32> =
                    present.into_iter().filter(|id| weight(id) != 0.0).collect();
                let values = indices.iter().map(weight).collect();
                let row = SparseRow::from_parts(self.dimension(), indices, values)?;
                Ok(row.prune(&pruning(text)))
            })
            .collect()
    }

    /// Multiplies a vector by the weights of its text's tokens; all other entries become zero. This
    /// is how splade-v3-lexical uses its table.
    ///
    /// # Errors
    /// A product that is not finite.
    pub(crate) fn scale(
        &self,
        row: SparseRowView<'_>,
        input_ids: &[u32],
    ) -> Result<SparseRow, SparseError> {
        let present = present(input_ids);
        let scaled = row
            .iter()
            .filter(|(index, _)| present.binary_search(index).is_ok())
            .map(|(index, value)| (index, value * self.weights[index as usize]))
            .filter(|(_, value)| *value != 0.0);
        let (indices, values) = scaled.unzip();
        SparseRow::from_parts(self.dimension(), indices, values)
    }
}

/// The distinct ids of a text, in ascending order.
fn present(input_ids: &[u32]) -> Vec<u32> {
    let mut ids = input_ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The table's file. The reference resolves the name against the working directory; we look in the
/// checkpoint.
fn find_table(name: &str, folder: &Path, root: &Path) -> Result<PathBuf, SpladeError> {
    let plain = Path::new(name).file_name().map(|file| file == name) == Some(true);
    if !plain {
        return Err(SpladeError::ModulePath {
            path: folder.join("config.json"),
            found: name.to_owned(),
        });
    }
    let paths = [folder.join(name), root.join(name)];
    let found = paths.iter().find(|path| path.is_file());
    found.cloned().ok_or_else(|| SpladeError::Read {
        path: folder.join(name),
        source: std::io::ErrorKind::NotFound.into(),
    })
}

/// Weights by vocabulary entry, from a file of tokens. An entry that the file does not name gets 0;
/// a token outside the vocabulary sets the weight of the unknown token, as in the reference.
fn from_table(path: &Path, tokenizer: &Tokenizer) -> Result<Vec<f32>, SpladeError> {
    let table: Vec<(String, f32)> = if path.extension().is_some_and(|e| e == "txt") {
        read_tsv(path)?
    } else {
        let table: Option<Ordered<f32>> = read_json(path)?;
        table.map(|table| table.0).ok_or_else(|| SpladeError::Read {
            path: path.to_owned(),
            source: std::io::ErrorKind::NotFound.into(),
        })?
    };
    let mut weights = vec![0.0; tokenizer.vocab_size()];
    for (token, weight) in table {
        if let Some(id) = tokenizer.token_to_id(&token).or_else(|| tokenizer.unk_id()) {
            weights[id as usize] = weight;
        }
    }
    Ok(weights)
}

/// Reads lines of `token<TAB>weight`.
fn read_tsv(path: &Path) -> Result<Vec<(String, f32)>, SpladeError> {
    let text = fs::read_to_string(path)
        .map_err(|source| SpladeError::Read { path: path.to_owned(), source })?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(i, line)| {
            let entry = line.split_once('\t').and_then(|(token, weight)| {
                let weight: f32 = weight.trim().parse().ok()?;
                weight.is_finite().then(|| (token.to_owned(), weight))
            });
            entry.ok_or_else(|| SpladeError::TableLine { path: path.to_owned(), line: i + 1 })
        })
        .collect()
}
