//! The masked-LM head with its pooling: hidden states to one weight per vocabulary entry.
//!
//! Logits exist only as one block of tokens by one tile of the vocabulary, in cache;
//! `[texts, tokens, vocab]` never exists.

mod packed;
mod plain;
mod screen;
mod screened;
mod tokens;

use std::sync::Arc;

use self::screen::Screen;
use crate::math::log1p;
use crate::output::entries;
use crate::simd::multiversion;
use crate::table::TableWeights;
use crate::{Offsets, Table};

/// How the logits of a text's tokens become one weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolStrategy {
    /// The maximum over the tokens.
    Max,
    /// The sum over the tokens.
    Sum,
}

/// The activation of each logit, before pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolActivation {
    /// ln(1 + relu(x)): what checkpoints call `relu`.
    Relu,
    /// ln(1 + ln(1 + relu(x))): what checkpoints call `log1p_relu`.
    Log1pRelu,
}

impl PoolActivation {
    /// Applies the activation to one logit. It is monotone, so that the maximum may be taken first.
    pub fn apply(self, logit: f32) -> f32 {
        if logit <= 0.0 {
            return 0.0; // Nearly every logit. NaN falls through and stays NaN.
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

/// A decoder over the vocabulary, and its strategy: either one product in its own precision or, if
/// this CPU gains by it, a pass in integers that rules out words which cannot have a weight.
#[derive(Debug)]
pub struct Head {
    decoder: Arc<Table>,
    bias: Vec<f32>,
    screen: Option<Screen>,
}

impl Head {
    /// Prepares a head.
    ///
    /// # Shapes
    /// `decoder` `[vocab, hidden]`, `bias` `[vocab]`, all finite except that a bias may be minus
    /// infinity.
    ///
    /// # Panics
    /// If the lengths do not match.
    #[must_use]
    pub fn new(decoder: Arc<Table>, bias: Vec<f32>) -> Self {
        assert_eq!(bias.len(), decoder.n_rows(), "bias is not [vocab]");
        let screen = Screen::new(&decoder, &bias);
        Self { decoder, bias, screen }
    }

    /// Disables screening: the head always multiplies the whole decoder.
    #[must_use]
    pub fn without_screen(self) -> Self {
        Self { screen: None, ..self }
    }

    /// Whether the head may rule out words by screening.
    pub fn has_screen(&self) -> bool {
        self.screen.is_some()
    }

    /// Length of a row.
    pub fn vocab_size(&self) -> usize {
        self.bias.len()
    }

    /// One weight per vocabulary entry: the activation of each logit, pooled over a text's tokens.
    ///
    /// With [`PoolStrategy::Max`], the maximum of the raw logits is taken and then activated, which
    /// is the same since the activation is monotone. An empty text gives zeros. Screening changes
    /// the result by no more than `f32` rounding.
    ///
    /// # Shapes
    /// `hidden_states` `[tokens, hidden]`, `offsets` `[texts + 1]`; returns `[texts, vocab]`, all
    /// >= 0. If a hidden state of a text is not finite, its row is NaN.
    ///
    /// # Panics
    /// If the lengths do not match.
    ///
    /// # Source
    /// SPLADE v2, arXiv:2109.10086.
    pub fn pool(
        &self,
        hidden_states: &[f32],
        offsets: Offsets<'_>,
        strategy: PoolStrategy,
        activation: PoolActivation,
    ) -> Vec<f32> {
        let Self { decoder, bias, screen } = self;
        let expected = entries(offsets.n_tokens(), decoder.width());
        assert_eq!(hidden_states.len(), expected, "hidden_states is not [tokens, hidden]");
        // Every positive logit contributes to a sum, so its bound would rule out fewer words.
        let screen = screen.as_ref().filter(|_| strategy == PoolStrategy::Max);
        let screened = screen.and_then(|screen| {
            let candidates = screen.candidates(hidden_states, offsets)?;
            Some(screened::pool(hidden_states, decoder, bias, offsets, &candidates, activation))
        });
        let mut pooled = screened.unwrap_or_else(|| match decoder.weights() {
            TableWeights::Plain(weights) => {
                let weights = (&weights[..], decoder.isa());
                plain::pool(hidden_states, weights, bias, offsets, strategy, activation)
            }
            TableWeights::Packed(layer) => {
                packed::pool(hidden_states, layer, bias, offsets, strategy, activation)
            }
        });
        mark_not_finite(hidden_states, offsets, decoder.width(), &mut pooled, bias.len());
        pooled
    }
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

multiversion!(fn max_rows(rows: &[f32], max: &mut [f32]) = max_rows_body);

/// Logits whose activations are computed together.
const LANES: usize = 16;

/// `sum[j] += activation(rows[i][j] + bias[j])` over all rows i, which are `stride` apart.
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
            // Usually no logit is positive. NaN passes the test, and stays NaN.
            if logits.iter().fold(false, |any, logit| any | (*logit > 0.0) | logit.is_nan()) {
                sums.iter_mut().zip(logits).for_each(|(sum, logit)| *sum += activation.lane(logit));
            }
        }
        for ((sum, v), bias) in sums_rest.iter_mut().zip(rest).zip(bias_rest) {
            *sum += activation.lane(v + bias);
        }
    }
}

multiversion!(fn sum_rows(rows: &[f32], stride: usize, bias: &[f32], activation: PoolActivation, sum: &mut [f32]) = sum_rows_body);

/// Comparisons drop NaN, so a text with broken hidden states would look intact. Its row becomes NaN
/// instead, which callers refuse.
fn mark_not_finite(
    hidden_states: &[f32],
    offsets: Offsets<'_>,
    hidden_size: usize,
    pooled: &mut [f32],
    vocab_size: usize,
) {
    for (text, row) in offsets.ranges().zip(pooled.chunks_exact_mut(vocab_size)) {
        let states = &hidden_states[text.start * hidden_size..text.end * hidden_size];
        // The exponent bits of inf and NaN are all ones.
        if states.iter().fold(false, |bad, v| bad | ((v.to_bits() & 0x7f80_0000) == 0x7f80_0000)) {
            row.fill(f32::NAN);
        }
    }
}

#[cfg(test)]
mod tests;
