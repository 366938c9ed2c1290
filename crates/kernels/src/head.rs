//! The masked-LM head with its pooling: hidden states to one weight per vocabulary entry.
//!
//! Logits exist only as one block of tokens by one tile of the vocabulary, in cache; never
//! `[texts, tokens, vocab]`.

use rayon::prelude::*;

use crate::SimdLevel;
use crate::math::log1p;
use crate::matmul::View;
use crate::output::{Block, Output, entries};
use crate::simd::multiversion;

/// Vocabulary entries of one task, and tokens that it multiplies at once: half a megabyte of
/// logits, which stays in the second-level cache.
const VOCAB_TILE: usize = 512;
pub(crate) const TOKEN_BLOCK: usize = 256;

/// How the logits of a text's tokens become one weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolStrategy {
    /// The largest over the tokens.
    Max,
    /// The sum over the tokens.
    Sum,
}

/// What is applied to each logit before it is pooled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolActivation {
    /// ln(1 + relu(x)): what checkpoints call `relu`.
    Relu,
    /// ln(1 + ln(1 + relu(x))): what checkpoints call `log1p_relu`.
    Log1pRelu,
}

impl PoolActivation {
    /// The activation of one logit. It never decreases, so that a maximum may be taken before it.
    pub fn apply(self, logit: f32) -> f32 {
        if logit <= 0.0 {
            return 0.0; // Nearly every logit; NaN goes on and stays NaN.
        }
        match self {
            Self::Relu => logit.ln_1p(),
            Self::Log1pRelu => logit.ln_1p().ln_1p(),
        }
    }

    /// The same, written so that a loop over it vectorises.
    #[inline(always)]
    fn lane(self, logit: f32) -> f32 {
        let positive = if logit <= 0.0 { 0.0 } else { logit };
        match self {
            Self::Relu => log1p(positive),
            Self::Log1pRelu => log1p(log1p(positive)),
        }
    }
}

/// The sizes of a head.
#[derive(Clone, Copy, Debug)]
pub struct HeadShape {
    /// Width of the rows that the decoder multiplies.
    pub hidden_size: usize,
    /// Vocabulary entries.
    pub vocab_size: usize,
}

impl HeadShape {
    /// # Panics
    /// When the lengths do not fit.
    pub(crate) fn check(self, hidden_states: &[f32], bias: &[f32], offsets: &[u32]) {
        let Self { hidden_size, vocab_size } = self;
        assert!(hidden_size > 0 && vocab_size > 0, "a head of size 0");
        assert_eq!(bias.len(), vocab_size, "bias is not [vocab]");
        let tokens = offsets.last().copied().unwrap_or(0) as usize;
        assert_eq!(
            hidden_states.len(),
            entries(tokens, hidden_size),
            "hidden_states is not [tokens, hidden]"
        );
    }
}

/// One weight per vocabulary entry: the activation of each logit, pooled over a text's tokens.
///
/// With [`PoolStrategy::Max`] the maximum is taken of the raw logits and activated once, which is
/// the same, since the activation never decreases. A text without tokens gives zeros.
///
/// # Shapes
/// `hidden_states` `[tokens, hidden_size]`, `decoder` `[vocab_size, hidden_size]`, `bias`
/// `[vocab_size]`, `offsets` `[texts + 1]`; returns `[texts, vocab_size]`, all >= 0. Where a
/// text's hidden states are not finite, its row is NaN.
///
/// # Panics
/// When the lengths do not fit `shape`.
///
/// # Source
/// SPLADE v2, arXiv:2109.10086.
pub fn head_pool(
    hidden_states: &[f32],
    decoder: &[f32],
    bias: &[f32],
    offsets: &[u32],
    shape: HeadShape,
    strategy: PoolStrategy,
    activation: PoolActivation,
) -> Vec<f32> {
    let HeadShape { hidden_size, vocab_size } = shape;
    shape.check(hidden_states, bias, offsets);
    assert_eq!(decoder.len(), entries(vocab_size, hidden_size), "decoder is not [vocab, hidden]");
    let tokens = offsets.last().copied().unwrap_or(0) as usize;
    let texts = offsets.len().saturating_sub(1);

    let mut pooled = vec![0.0; entries(texts, vocab_size)];
    let output = Output::new(&mut pooled, texts, vocab_size);
    let level = SimdLevel::detect();
    let tile = VOCAB_TILE.min(vocab_size.div_ceil(rayon::current_num_threads()));
    (0..vocab_size.div_ceil(tile)).into_par_iter().for_each_init(Vec::new, |logits, task| {
        let words = task * tile..((task + 1) * tile).min(vocab_size);
        let w = View::rows(
            &decoder[words.start * hidden_size..],
            words.len(),
            hidden_size,
            hidden_size,
        );
        let bias = &bias[words.clone()];
        // SAFETY: each task has its own columns.
        let mut out = unsafe { output.block(0..texts, words.clone()) };
        logits.resize(TOKEN_BLOCK * tile, 0.0);
        if strategy == PoolStrategy::Max {
            (0..texts).for_each(|text| out.row(text).fill(f32::NEG_INFINITY));
        }
        let mut text = 0;
        for block in (0..tokens).step_by(TOKEN_BLOCK) {
            let block_end = (block + TOKEN_BLOCK).min(tokens);
            let h = View::rows(
                &hidden_states[block * hidden_size..],
                block_end - block,
                hidden_size,
                hidden_size,
            );
            Block::whole(logits, block_end - block, words.len()).multiply(h, w.transposed(), 1.0);
            let mut token = block;
            while token < block_end {
                while offsets[text + 1] as usize <= token {
                    text += 1;
                }
                let end = (offsets[text + 1] as usize).min(block_end);
                let rows = &logits[(token - block) * words.len()..(end - block) * words.len()];
                match strategy {
                    PoolStrategy::Max => max_rows(level, rows, out.row(text)),
                    PoolStrategy::Sum => {
                        sum_rows(level, rows, words.len(), bias, activation, out.row(text));
                    }
                }
                token = end;
            }
        }
        if strategy == PoolStrategy::Max {
            for text in 0..texts {
                for (max, b) in out.row(text).iter_mut().zip(bias) {
                    *max = activation.apply(*max + b);
                }
            }
        }
    });
    mark_not_finite(hidden_states, offsets, hidden_size, &mut pooled, vocab_size);
    pooled
}

/// `max[j] = max(max[j], rows[i][j])` over all rows i.
#[inline(always)]
fn max_rows_body(rows: &[f32], max: &mut [f32]) {
    for row in rows.chunks_exact(max.len()) {
        for (m, &v) in max.iter_mut().zip(row) {
            *m = if v > *m { v } else { *m };
        }
    }
}

multiversion!(pub(crate) fn max_rows(rows: &[f32], max: &mut [f32]) = max_rows_body);

/// Logits whose activations are computed together.
const LANES: usize = 16;

/// `sum[j] += activation(rows[i][j] + bias[j])` over all rows i, `stride` apart.
#[inline(always)]
fn sum_rows_body(
    rows: &[f32],
    stride: usize,
    bias: &[f32],
    activation: PoolActivation,
    sum: &mut [f32],
) {
    for row in rows.chunks_exact(stride) {
        let (lanes, rest) = row[..sum.len()].as_chunks::<LANES>();
        let (bias_lanes, bias_rest) = bias.as_chunks::<LANES>();
        let (sums, sums_rest) = sum.as_chunks_mut::<LANES>();
        for ((sums, lanes), bias) in sums.iter_mut().zip(lanes).zip(bias_lanes) {
            let logits: [f32; LANES] = std::array::from_fn(|i| lanes[i] + bias[i]);
            // Nearly always none is; NaN is, and stays NaN.
            if logits.iter().fold(false, |any, logit| any | (*logit > 0.0) | logit.is_nan()) {
                sums.iter_mut().zip(logits).for_each(|(sum, logit)| *sum += activation.lane(logit));
            }
        }
        for ((sum, v), bias) in sums_rest.iter_mut().zip(rest).zip(bias_rest) {
            *sum += activation.lane(v + bias);
        }
    }
}

multiversion!(pub(crate) fn sum_rows(rows: &[f32], stride: usize, bias: &[f32], activation: PoolActivation, sum: &mut [f32]) = sum_rows_body);

/// A comparison drops NaN, so a text whose hidden states are broken would come out as if it were
/// whole: make its row NaN, which whoever takes the row refuses.
pub(crate) fn mark_not_finite(
    hidden_states: &[f32],
    offsets: &[u32],
    hidden_size: usize,
    pooled: &mut [f32],
    vocab_size: usize,
) {
    for (text, row) in offsets.windows(2).zip(pooled.chunks_exact_mut(vocab_size)) {
        let states = &hidden_states[text[0] as usize * hidden_size..text[1] as usize * hidden_size];
        // The exponent bits of inf and NaN are all ones.
        if states.iter().fold(false, |bad, v| bad | ((v.to_bits() & 0x7f80_0000) == 0x7f80_0000)) {
            row.fill(f32::NAN);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference;

    proptest! {
        #[test]
        fn head_pool_matches_the_naive_formula(
            lengths in prop::collection::vec(0usize..=67, 0..7),
            hidden_size in 1usize..=67, vocab_size in 1usize..1100,
            sum in any::<bool>(), twice in any::<bool>(), seed in any::<u64>(),
        ) {
            let strategy = if sum { PoolStrategy::Sum } else { PoolStrategy::Max };
            let activation = if twice { PoolActivation::Log1pRelu } else { PoolActivation::Relu };
            check(&lengths, HeadShape { hidden_size, vocab_size }, strategy, activation, seed)?;
        }
    }

    #[test]
    fn texts_that_cross_token_blocks_are_pooled_whole() {
        let shape = HeadShape { hidden_size: 5, vocab_size: 70 };
        for strategy in [PoolStrategy::Max, PoolStrategy::Sum] {
            check(&[200, 0, 700, 1], shape, strategy, PoolActivation::Relu, 3).unwrap();
        }
    }

    #[test]
    fn broken_hidden_states_give_nan_not_numbers() {
        let shape = HeadShape { hidden_size: 2, vocab_size: 3 };
        let hidden = [1.0, 1.0, f32::NAN, 1.0];
        let pooled = head_pool(
            &hidden,
            &[1.0; 6],
            &[0.0; 3],
            &[0, 1, 2],
            shape,
            PoolStrategy::Max,
            PoolActivation::Relu,
        );
        assert!(
            pooled[..3].iter().all(|v| v.is_finite()) && pooled[3..].iter().all(|v| v.is_nan())
        );
    }

    fn check(
        lengths: &[usize],
        shape: HeadShape,
        strategy: PoolStrategy,
        activation: PoolActivation,
        seed: u64,
    ) -> Result<(), TestCaseError> {
        let offsets = reference::offsets(lengths);
        let hidden = reference::noise(lengths.iter().sum::<usize>() * shape.hidden_size, seed);
        let decoder = reference::noise(shape.vocab_size * shape.hidden_size, seed ^ 1);
        let bias = reference::noise(shape.vocab_size, seed ^ 2);
        let fast = head_pool(&hidden, &decoder, &bias, &offsets, shape, strategy, activation);
        let exact =
            reference::head_pool(&hidden, &decoder, &bias, &offsets, shape, strategy, activation);
        prop_assert_eq!(fast.len(), exact.len());
        for (a, b) in fast.iter().zip(&exact) {
            prop_assert!((f64::from(*a) - b).abs() < 1e-5 + 1e-5 * b, "{a} {b}");
        }
        Ok(())
    }
}
