//! The head with max pooling, at the price of a pass in integers: [`crate::screen`] rules out the words
//! that can have no weight, and what is left is multiplied in `f32`.

use rayon::prelude::*;

use crate::head::{TOKEN_BLOCK, mark_not_finite, max_rows};
use crate::matmul::View;
use crate::output::{Block, entries};
use crate::screen::HeadScreen;
use crate::{
    HeadShape, PackedLinear, PoolActivation, PoolStrategy, SimdLevel, head_pool, head_pool_packed,
};

/// A decoder `[vocab_size, hidden_size]`.
#[derive(Clone, Copy, Debug)]
pub enum Decoder<'a> {
    /// Row by row.
    Plain(&'a [f32]),
    /// Rounded, as a layer.
    Packed(&'a PackedLinear),
}

impl Decoder<'_> {
    fn check(self, shape: HeadShape) {
        let HeadShape { hidden_size, vocab_size } = shape;
        let fits = match self {
            Self::Plain(weights) => weights.len() == entries(vocab_size, hidden_size),
            Self::Packed(layer) => {
                let shape = layer.shape();
                (shape.in_features, shape.out_features) == (hidden_size, vocab_size)
            }
        };
        assert!(fits, "decoder is not [vocab, hidden]");
    }

    /// Appends the row of a word.
    fn push_row(self, word: usize, hidden_size: usize, out: &mut Vec<f32>) {
        match self {
            Self::Plain(weights) => {
                out.extend_from_slice(&weights[word * hidden_size..][..hidden_size]);
            }
            Self::Packed(layer) => {
                out.resize(out.len() + hidden_size, 0.0);
                let start = out.len() - hidden_size;
                layer.column(word, &mut out[start..]);
            }
        }
    }

    /// The whole head, without a screen.
    fn head_pool(
        self,
        hidden_states: &[f32],
        bias: &[f32],
        offsets: &[u32],
        shape: HeadShape,
        activation: PoolActivation,
    ) -> Vec<f32> {
        let max = PoolStrategy::Max;
        match self {
            Self::Plain(weights) => {
                head_pool(hidden_states, weights, bias, offsets, shape, max, activation)
            }
            Self::Packed(layer) => {
                head_pool_packed(hidden_states, layer, bias, offsets, max, activation)
            }
        }
    }
}

/// [`head_pool`] with [`PoolStrategy::Max`], by way of a screen of the decoder: words that it rules
/// out are 0, the others are computed as there. Beyond `f32` rounding the result is the same.
///
/// # Shapes
/// As [`head_pool`]; the screen was made of this decoder and bias.
///
/// # Panics
/// When the lengths do not fit the screen's shape.
pub fn head_pool_screened(
    hidden_states: &[f32],
    decoder: Decoder<'_>,
    bias: &[f32],
    offsets: &[u32],
    screen: &HeadScreen,
    activation: PoolActivation,
) -> Vec<f32> {
    let shape = screen.shape();
    let HeadShape { hidden_size, vocab_size } = shape;
    decoder.check(shape);
    shape.check(hidden_states, bias, offsets);
    let Some(candidates) = screen.candidates(hidden_states, offsets) else {
        return decoder.head_pool(hidden_states, bias, offsets, shape, activation);
    };
    let mut pooled = vec![0.0; entries(candidates.len(), vocab_size)];
    let level = SimdLevel::detect();
    let rows = pooled.par_chunks_exact_mut(vocab_size).zip(&candidates).zip(offsets.par_windows(2));
    rows.for_each_init(Scratch::default, |scratch, ((row, words), text)| {
        if words.is_empty() || text[0] == text[1] {
            return;
        }
        let Scratch { weights, logits, max } = scratch;
        weights.clear();
        for &word in words {
            decoder.push_row(word as usize, hidden_size, weights);
        }
        let n_words = words.len();
        let w = View::rows(weights, n_words, hidden_size, hidden_size);
        max.clear();
        max.resize(n_words, f32::NEG_INFINITY);
        logits.resize(logits.len().max(TOKEN_BLOCK * n_words), 0.0);
        for block in (text[0] as usize..text[1] as usize).step_by(TOKEN_BLOCK) {
            let n_tokens = (text[1] as usize - block).min(TOKEN_BLOCK);
            let states = &hidden_states[block * hidden_size..];
            let h = View::rows(states, n_tokens, hidden_size, hidden_size);
            let logits = &mut logits[..n_tokens * n_words];
            Block::whole(logits, n_tokens, n_words).multiply(h, w.transposed(), 1.0);
            max_rows(level, logits, max);
        }
        for (&word, max) in words.iter().zip(max) {
            row[word as usize] = activation.apply(*max + bias[word as usize]);
        }
    });
    mark_not_finite(hidden_states, offsets, hidden_size, &mut pooled, vocab_size);
    pooled
}

/// What a thread needs for the words that are left.
#[derive(Default)]
struct Scratch {
    weights: Vec<f32>,
    logits: Vec<f32>,
    max: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{LinearShape, Precision, reference};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_screened_head_is_the_whole_head(
            lengths in prop::collection::vec(0usize..=40, 0..5), hidden_size in 1usize..=67,
            shift in -3.0f32..3.0, size in -8i32..8, twice in any::<bool>(), seed in any::<u64>(),
        ) {
            let activation = if twice { PoolActivation::Log1pRelu } else { PoolActivation::Relu };
            let shape = HeadShape { hidden_size, vocab_size: 2500 };
            let offsets = reference::offsets(&lengths);
            let factor = 2f32.powi(size);
            let noise = reference::noise(lengths.iter().sum::<usize>() * hidden_size, seed);
            let hidden: Vec<f32> = noise.iter().map(|h| h * factor).collect();
            let decoder = reference::noise(shape.vocab_size * hidden_size, seed ^ 1);
            // From checkpoints that keep every word to such that keep none.
            let spread = factor * (hidden_size as f32).sqrt();
            let bias = reference::noise(shape.vocab_size, seed ^ 2);
            let bias: Vec<f32> = bias.iter().map(|b| b * 0.1 + shift * spread).collect();
            let Some(screen) = HeadScreen::new(&decoder, &bias, shape) else { return Ok(()) };
            let fast =
                head_pool_screened(&hidden, Decoder::Plain(&decoder), &bias, &offsets, &screen, activation);
            let max = PoolStrategy::Max;
            let whole = head_pool(&hidden, &decoder, &bias, &offsets, shape, max, activation);
            prop_assert_eq!(fast.len(), whole.len());
            for (a, b) in fast.iter().zip(&whole) {
                // A logit near 0 is a difference of large numbers.
                let rounding = 1e-6 * spread;
                prop_assert!((a - b).abs() <= 1e-5 * b + rounding, "{a} {b}");
            }
        }
    }

    #[test]
    fn a_screened_rounded_head_is_the_whole_rounded_head() {
        let shape = HeadShape { hidden_size: 40, vocab_size: 2500 };
        let size = LinearShape { in_features: 40, out_features: 2500 };
        let decoder = reference::noise(shape.vocab_size * 40, 1);
        let layer = PackedLinear::new(&decoder, None, size, Precision::F32);
        let bias = vec![-6.0; shape.vocab_size];
        let Some(screen) = HeadScreen::new(&decoder, &bias, shape) else { return };
        let (hidden, offsets) = (reference::noise(9 * 40, 2), [0, 4, 9]);
        let relu = PoolActivation::Relu;
        let packed = Decoder::Packed(&layer);
        let fast = head_pool_screened(&hidden, packed, &bias, &offsets, &screen, relu);
        let whole = head_pool_packed(&hidden, &layer, &bias, &offsets, PoolStrategy::Max, relu);
        assert!(fast.iter().zip(&whole).all(|(a, b)| (a - b).abs() < 1e-5));
        assert!(fast.iter().any(|v| *v > 0.0));
    }

    #[test]
    fn a_screen_that_rules_nothing_out_is_given_up() {
        let shape = HeadShape { hidden_size: 8, vocab_size: 2500 };
        let decoder = reference::noise(shape.vocab_size * 8, 1);
        let bias = vec![10.0; shape.vocab_size];
        let Some(screen) = HeadScreen::new(&decoder, &bias, shape) else { return };
        let hidden = reference::noise(3 * 8, 2);
        for _ in 0..5 {
            assert!(screen.candidates(&hidden, &[0, 3]).is_none());
        }
        let relu = PoolActivation::Relu;
        let fast =
            head_pool_screened(&hidden, Decoder::Plain(&decoder), &bias, &[0, 3], &screen, relu);
        let max = PoolStrategy::Max;
        assert_eq!(fast, head_pool(&hidden, &decoder, &bias, &[0, 3], shape, max, relu));
    }

    #[test]
    fn broken_hidden_states_are_nan_through_a_screen_too() {
        let shape = HeadShape { hidden_size: 2, vocab_size: 2500 };
        let decoder = reference::noise(2 * shape.vocab_size, 1);
        let bias = vec![-2.0; shape.vocab_size];
        let Some(screen) = HeadScreen::new(&decoder, &bias, shape) else { return };
        for broken in [f32::NAN, f32::INFINITY] {
            let hidden = [1.0, 1.0, broken, 1.0];
            let relu = PoolActivation::Relu;
            let pooled = head_pool_screened(
                &hidden,
                Decoder::Plain(&decoder),
                &bias,
                &[0, 1, 2],
                &screen,
                relu,
            );
            assert!(pooled[..2500].iter().all(|v| v.is_finite()));
            assert!(pooled[2500..].iter().all(|v| v.is_nan()));
        }
    }
}
