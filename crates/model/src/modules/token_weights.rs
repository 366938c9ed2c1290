//! The sparse head of BGE-M3: one weight per token of a text.

use std::path::Path;

use crate::ModelError;
use crate::names::{NameTable, Part};
use crate::weights::Weights;

/// The file that holds the head.
const FILE: &str = "sparse_linear.pt";

const NAMES: NameTable = NameTable {
    prefixes: &[],
    names: &[("weight", "weight"), ("bias", "bias")],
    head: &[],
    ignored: &[],
};

/// relu(w · state + b), for the state of each token.
///
/// # Source
/// Chen et al., "BGE M3-Embedding", arXiv:2402.03216; FlagEmbedding, `_sparse_embedding` in
/// `finetune/embedder/encoder_only/m3/modeling.py`.
#[derive(Clone, Debug)]
pub struct TokenWeights {
    weight: Vec<f32>,
    bias: f32,
}

impl TokenWeights {
    /// Whether a folder has such a head.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    /// Reads `sparse_linear.pt` of a folder, for states of width `hidden_size`.
    ///
    /// # Errors
    /// A file that cannot be read; weights that are missing, unused, or of the wrong shape.
    pub fn load(folder: &Path, hidden_size: usize) -> Result<Self, ModelError> {
        let mut weights = Weights::open(&[folder.join(FILE)], &NAMES, Part::MaskedLm)?;
        let weight = weights.take("weight", &[1, hidden_size])?;
        let bias = weights.take("bias", &[1])?[0];
        weights.finish()?;
        Ok(Self { weight, bias })
    }

    /// The weight of each token, all >= 0 or NaN. NaN states give NaN.
    ///
    /// # Shapes
    /// `hidden_states` `[tokens, hidden]`; returns `[tokens]`.
    ///
    /// # Panics
    /// If `hidden_states` is not whole rows.
    pub fn forward(&self, hidden_states: &[f32]) -> Vec<f32> {
        let width = self.weight.len();
        assert_eq!(hidden_states.len() % width, 0, "hidden_states are not whole rows");
        let states = hidden_states.chunks_exact(width);
        let weights = states.map(|state| {
            // In f64, since the order of summing a thousand terms is visible in f32.
            let products = state.iter().zip(&self.weight);
            let sum: f64 = products.map(|(x, w)| f64::from(*x) * f64::from(*w)).sum();
            let weight = (sum + f64::from(self.bias)) as f32;
            if weight < 0.0 { 0.0 } else { weight }
        });
        weights.collect()
    }
}
