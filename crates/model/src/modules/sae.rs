//! The sparse auto-encoder of CSR models: turns a dense row into a sparse one.

use std::num::NonZeroUsize;
use std::path::Path;

use safetensors::Dtype;
use serde::Deserialize;
use serde::de::IgnoredAny;
use splade_kernels::{Activation, Arithmetic, Finish, Isa, LinearShape, PackedLinear, Precision};

use super::{check_size, open_weights, read_config};
use crate::ModelError;
use crate::names::NameTable;
use crate::saving::NewTensor;

/// The weights of encoder and decoder are one parameter: safetensors files have it under either
/// name, pickles under both.
pub(crate) const NAMES: NameTable = NameTable {
    prefixes: &[],
    head: &[],
    names: &[
        ("encoder.weight", "encoder.weight"),
        ("decoder.linear.weight", "decoder.linear.weight"),
        ("pre_bias", "pre_bias"),
        ("latent_bias", "latent_bias"),
    ],
    // When each dimension was last active: a training statistic.
    ignored: &["stats_last_nonzero"],
};

/// Added to the deviation when rows are normalised.
const EPS: f64 = 1e-5;

/// `relu(top_k((x - pre_bias) · weightᵀ + latent_bias))`: keeps the k largest latents of each row
/// if they are positive, and sets all others to 0.
///
/// With `normalize`, x is replaced by (x - mean) / (deviation + 1e-5) of its row; the deviation is
/// the root of the sum of squares over `input_dim - 1`.
///
/// # Source
/// Wen et al., "Beyond Matryoshka: Revisiting Sparse Coding for Adaptive Representation",
/// arXiv:2503.01776. `SparseAutoEncoder` of sentence-transformers 6.2.0,
/// `sparse_encoder/modules/sparse_auto_encoder.py`.
#[derive(Clone, Debug)]
pub struct SparseAutoEncoder {
    /// Its bias is `latent_bias`.
    linear: PackedLinear,
    k: NonZeroUsize,
    input: Input,
    pre_bias: Vec<f32>,
}

/// How rows are transformed first.
#[derive(Clone, Copy, Debug)]
enum Input {
    AsIs,
    Normalized,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    input_dim: usize,
    #[serde(default = "default_hidden_dim")]
    hidden_dim: usize,
    #[serde(default = "default_k")]
    k: usize,
    #[serde(default)]
    normalize: bool,
    // For training only.
    #[serde(rename = "k_aux")]
    _k_aux: Option<IgnoredAny>,
    #[serde(rename = "dead_threshold")]
    _dead_threshold: Option<IgnoredAny>,
}

/// Makes a checkpoint's tensors what the reference's loader expects: the shared weight once, under
/// the name that it writes, and the training statistic, without which it refuses a file.
pub(crate) fn finish_saved(tensors: &mut Vec<NewTensor<'_>>) {
    const SHARED: &str = "decoder.linear.weight";
    let has_decoder = tensors.iter().any(|tensor| tensor.name() == SHARED);
    tensors.retain(|tensor| !has_decoder || tensor.name() != "encoder.weight");
    if let Some(encoder) = tensors.iter_mut().find(|tensor| tensor.name() == "encoder.weight") {
        encoder.rename(SHARED);
    }
    let shared = tensors.iter().find(|tensor| tensor.name() == SHARED);
    let n_latents = shared.map_or(0, NewTensor::n_rows);
    let (name, bytes) = ("stats_last_nonzero", vec![0; n_latents * 8]);
    tensors.push(NewTensor::made(name, Dtype::I64, vec![n_latents], bytes));
}

fn default_hidden_dim() -> usize {
    512
}

fn default_k() -> usize {
    8
}

impl SparseAutoEncoder {
    /// Reads `config.json` and the weights of a module's folder. Products use `isa` at most.
    ///
    /// # Errors
    /// A file that cannot be read; a field that is unknown, or 0; a weight that is missing, unused,
    /// not finite, or of the wrong shape.
    pub fn load(folder: &Path, isa: Isa) -> Result<Self, ModelError> {
        let arithmetic = Arithmetic { precision: Precision::F32, isa };
        let path = folder.join("config.json");
        let config: Config = read_config(&path, "SparseAutoEncoder")?;
        let Config { input_dim, hidden_dim, .. } = config;
        // The deviation of a single number is undefined.
        check_size(&path, "input_dim", input_dim, if config.normalize { 2 } else { 1 })?;
        check_size(&path, "hidden_dim", hidden_dim, 1)?;
        check_size(&path, "k", config.k, 1)?;

        let mut weights = open_weights(folder, &NAMES)?;
        let shape = [hidden_dim, input_dim];
        let has_decoder = weights.contains("decoder.linear.weight");
        let weight = match (has_decoder, weights.contains("encoder.weight")) {
            (true, true) => {
                let (first, second) = ("encoder.weight", "decoder.linear.weight");
                let weight = weights.take(first, &shape)?;
                if weight != weights.take(second, &shape)? {
                    let (first, second) = (first.to_owned(), second.to_owned());
                    return Err(ModelError::WeightTwice { first, second });
                }
                weight
            }
            (true, false) => weights.take("decoder.linear.weight", &shape)?,
            (false, _) => weights.take("encoder.weight", &shape)?,
        };
        let pre_bias = weights.take("pre_bias", &[input_dim])?;
        let latent_bias = weights.take("latent_bias", &[hidden_dim])?;
        weights.finish()?;
        let sizes = LinearShape { in_features: input_dim, out_features: hidden_dim };
        Ok(Self {
            linear: PackedLinear::new(&weight, Some(&latent_bias), sizes, arithmetic),
            k: NonZeroUsize::new(config.k).expect("checked above"),
            input: if config.normalize { Input::Normalized } else { Input::AsIs },
            pre_bias,
        })
    }

    /// Width of the input rows.
    pub fn in_features(&self) -> usize {
        self.linear.shape().in_features
    }

    /// Width of the output rows.
    pub fn out_features(&self) -> usize {
        self.linear.shape().out_features
    }

    /// The configuration's k.
    pub fn k(&self) -> NonZeroUsize {
        self.k
    }

    /// The latents of each row, of which at most `max_active_dims(row)` are non-zero; `None` means
    /// the configuration's k. Of equal latents, those with lower indices are kept.
    ///
    /// # Shapes
    /// `x` `[texts, in_features]`; returns `[texts, out_features]`, all >= 0 or NaN. NaN latents
    /// stay NaN.
    ///
    /// # Errors
    /// `max_active_dims` exceeds the number of latents.
    ///
    /// # Panics
    /// If `x` is not whole rows.
    pub fn forward(
        &self,
        x: &[f32],
        max_active_dims: impl Fn(usize) -> Option<NonZeroUsize>,
    ) -> Result<Vec<f32>, ModelError> {
        let (hidden_dim, n_rows) = (self.out_features(), x.len() / self.in_features());
        let k_of = |row| max_active_dims(row).unwrap_or(self.k).get();
        if let Some(k) = (0..n_rows).map(k_of).find(|&k| k > hidden_dim) {
            return Err(ModelError::MaxActiveDims { k, hidden_dim });
        }
        let mut x = x.to_vec();
        for row in x.chunks_mut(self.in_features()) {
            if let Input::Normalized = self.input {
                normalize(row);
            }
            row.iter_mut().zip(&self.pre_bias).for_each(|(x, bias)| *x -= bias);
        }
        let mut latents = self.linear.forward(&x, Finish::Activate(Activation::Linear));
        let mut positive = Vec::new();
        for (index, row) in latents.chunks_exact_mut(hidden_dim).enumerate() {
            keep_largest(row, k_of(index), &mut positive);
        }
        Ok(latents)
    }
}

/// (x - mean) / (deviation + eps).
fn normalize(row: &mut [f32]) {
    let width = row.len() as f64;
    let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / width;
    let squares = row.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>();
    let deviation = (squares / (width - 1.0)).sqrt();
    row.iter_mut().for_each(|x| *x = ((f64::from(*x) - mean) / (deviation + EPS)) as f32);
}

/// Keeps the `k` largest positive numbers, `k` at least 1, and sets all others to 0. `positive` is
/// scratch.
fn keep_largest(row: &mut [f32], k: usize, positive: &mut Vec<f32>) {
    positive.clear();
    positive.extend(row.iter().filter(|&&v| v > 0.0));
    // The smallest number that is kept, and how many entries equal to it are kept: not all of them
    // may fit.
    let (least, mut n_equal) = match positive.len() > k {
        true => {
            let (larger, &mut least, _) =
                positive.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
            (least, k - larger.iter().filter(|&&v| v > least).count())
        }
        false => (0.0, 0),
    };
    for v in row {
        if *v < least {
            *v = 0.0;
        } else if *v == least {
            match n_equal.checked_sub(1) {
                Some(left) => n_equal = left,
                None => *v = 0.0,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::samples;

    fn random(shape: LinearShape, k: usize, input: Input, seed: u64) -> SparseAutoEncoder {
        let (weight, latent_bias) = random_encoder(shape, seed);
        SparseAutoEncoder {
            linear: PackedLinear::new(&weight, Some(&latent_bias), shape, Precision::F32),
            k: NonZeroUsize::new(k).unwrap(),
            input,
            pre_bias: samples::noise(shape.in_features, seed ^ 1),
        }
    }

    fn random_encoder(shape: LinearShape, seed: u64) -> (Vec<f32>, Vec<f32>) {
        let weight = samples::noise(shape.out_features * shape.in_features, seed);
        (weight, samples::noise(shape.out_features, seed ^ 2))
    }

    /// The latents of one row after relu, by the formula.
    fn latents(sae: &SparseAutoEncoder, seed: u64, x: &[f32]) -> Vec<f64> {
        let mut x: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
        if let Input::Normalized = sae.input {
            let n = x.len() as f64;
            let mean = x.iter().sum::<f64>() / n;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
            x.iter_mut().for_each(|x| *x = (*x - mean) / (variance.sqrt() + 1e-5));
        }
        let dot = |w: &[f32]| -> f64 {
            let terms = w.iter().zip(&x).zip(&sae.pre_bias);
            terms.map(|((&w, x), &b)| f64::from(w) * (x - f64::from(b))).sum()
        };
        let (weight, latent_bias) = random_encoder(sae.linear.shape(), seed);
        let rows = weight.chunks_exact(sae.in_features()).zip(&latent_bias);
        rows.map(|(w, &b)| (dot(w) + f64::from(b)).max(0.0)).collect()
    }

    /// Sorted, the first k kept, relu.
    fn top_k(row: &[f32], k: usize) -> Vec<f32> {
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by(|&a, &b| row[b].partial_cmp(&row[a]).unwrap()); // Stable: ties by index.
        let mut kept = vec![0.0; row.len()];
        order[..k].iter().for_each(|&i| kept[i] = row[i].max(0.0));
        kept
    }

    proptest! {
        #[test]
        fn all_latents_match_their_formula(
            texts in 0usize..6, in_features in 2usize..=40, out_features in 1usize..=67,
            is_normalized in any::<bool>(), seed in any::<u64>(),
        ) {
            let shape = LinearShape { in_features, out_features };
            let input = if is_normalized { Input::Normalized } else { Input::AsIs };
            let sae = random(shape, out_features, input, seed);
            let mut x = samples::noise(texts * in_features, seed ^ 3);
            // Spreads neighbours apart: a deviation close to 0 would amplify rounding errors.
            x.iter_mut().step_by(2).for_each(|x| *x += 2.0);
            let found = sae.forward(&x, |_| None).unwrap();
            prop_assert_eq!(found.len(), texts * out_features);
            let rows = found.chunks_exact(out_features).zip(x.chunks_exact(in_features));
            for (row, x) in rows {
                for (&found, exact) in row.iter().zip(latents(&sae, seed, x)) {
                    let error = (f64::from(found) - exact).abs();
                    prop_assert!(error < 2e-5 + 2e-5 * exact, "{found}, exact {exact}");
                }
            }
        }

        #[test]
        fn the_largest_are_those_of_a_sort(row in vec(-3i8..=9, 1..90), k in 1usize..100) {
            // Small integers, so that most entries have equals.
            let row: Vec<f32> = row.into_iter().map(f32::from).collect();
            let k = k.min(row.len());
            let mut found = row.clone();
            keep_largest(&mut found, k, &mut vec![7.0]);
            prop_assert_eq!(found, top_k(&row, k));
        }

        #[test]
        fn max_active_dims_keeps_the_largest_of_all_latents(k in 1usize..=48, seed in any::<u64>()) {
            let shape = LinearShape { in_features: 5, out_features: 48 };
            let sae = random(shape, 7, Input::AsIs, seed);
            let x = samples::noise(3 * 5, seed ^ 3);
            let all = sae.forward(&x, |_| NonZeroUsize::new(48)).unwrap();
            let found = sae.forward(&x, |_| NonZeroUsize::new(k)).unwrap();
            let expected: Vec<f32> = all.chunks_exact(48).flat_map(|row| top_k(row, k)).collect();
            prop_assert_eq!(found, expected);
            let seven = sae.forward(&x, |_| NonZeroUsize::new(7)).unwrap();
            prop_assert_eq!(sae.forward(&x, |_| None).unwrap(), seven);
        }
    }

    #[test]
    fn of_equal_latents_the_lower_indices_stay() {
        let mut row = [2.0, 5.0, 2.0, 2.0, 1.0];
        keep_largest(&mut row, 3, &mut Vec::new());
        assert_eq!(row, [2.0, 5.0, 2.0, 0.0, 0.0]);
    }

    #[test]
    fn a_latent_that_is_not_a_number_stays_so() {
        for k in [1, 3] {
            let mut row = [1.0, f32::NAN, 2.0];
            keep_largest(&mut row, k, &mut Vec::new());
            assert!(row[1].is_nan(), "{row:?}");
        }
    }

    #[test]
    fn a_constant_row_normalises_to_zeros() {
        let mut row = [0.1; 7];
        normalize(&mut row);
        assert!(row.iter().all(|x| x.abs() < 1e-9), "{row:?}");
    }

    #[test]
    fn more_active_dims_than_there_are_is_an_error() {
        let shape = LinearShape { in_features: 2, out_features: 4 };
        let sae = random(shape, 3, Input::AsIs, 0);
        sae.forward(&[0.0; 2], |_| NonZeroUsize::new(4)).unwrap();
        let error = sae.forward(&[0.0; 2], |_| NonZeroUsize::new(5)).unwrap_err();
        assert!(matches!(error, ModelError::MaxActiveDims { k: 5, hidden_dim: 4 }), "{error:?}");
    }
}
