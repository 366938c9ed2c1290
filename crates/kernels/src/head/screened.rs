//! The head with max pooling at the cost of a pass in integers: [`Screen`](super::screen::Screen)
//! rules out most words, and the remaining ones are multiplied in `f32`.

use rayon::prelude::*;

use super::tokens::TokenPanels;
use super::{LANES, PoolActivation};
use crate::output::entries;
use crate::panels::PANEL;
use crate::product::ProductKernel;
use crate::simd::multiversion;
use crate::{Arithmetic, Offsets, Precision, Table};

/// See [`Head::pool`](super::Head::pool). The row of a text whose hidden states are not finite is
/// unspecified. `candidates` lists the words of each text that may have a weight; all others are 0.
pub(super) fn pool(
    hidden_states: &[f32],
    decoder: &Table,
    bias: &[f32],
    offsets: Offsets<'_>,
    candidates: &[Vec<u32>],
    activation: PoolActivation,
) -> Vec<f32> {
    let (hidden_size, vocab_size) = (decoder.width(), bias.len());
    let mut pooled = vec![0.0; entries(candidates.len(), vocab_size)];
    let (precision, level) = (Precision::F32, decoder.isa().level());
    let kernel = ProductKernel::of(Arithmetic { precision, isa: decoder.isa() });
    let rows = pooled.par_chunks_exact_mut(vocab_size).zip(candidates).enumerate();
    rows.for_each_init(Scratch::default, |scratch, (text, (row, words))| {
        let text = offsets.range(text);
        if words.is_empty() || text.is_empty() {
            return;
        }
        let Scratch { weights, tokens, logits } = scratch;
        weights.clear();
        for &word in words {
            decoder.push_row(word as usize, weights);
        }
        tokens.pack(&hidden_states[text.start * hidden_size..text.end * hidden_size], hidden_size);
        logits.resize(logits.len().max(WORDS * PANEL), 0.0);
        for (words, weights) in words.chunks(WORDS).zip(weights.chunks(WORDS * hidden_size)) {
            let mut max = [f32::NEG_INFINITY; WORDS];
            for panel in 0..tokens.n_panels() {
                let logits = &mut logits[..words.len() * PANEL];
                tokens.multiply(kernel, weights, panel, logits);
                max_columns(level, logits, tokens.tokens_of(panel), &mut max);
            }
            for (&word, max) in words.iter().zip(max) {
                row[word as usize] = activation.apply(max + bias[word as usize]);
            }
        }
    });
    pooled
}

/// `max[i] = max(max[i], logits[i][j])` over the first `n_tokens` columns j.
#[inline(always)]
fn max_columns_body(logits: &mut [f32], n_tokens: usize, max: &mut [f32]) {
    for (max, logits) in max.iter_mut().zip(logits.as_chunks_mut::<PANEL>().0) {
        logits[n_tokens..].fill(f32::NEG_INFINITY);
        let mut lanes = [*max; LANES];
        for logits in logits.as_chunks::<LANES>().0 {
            lanes.iter_mut().zip(logits).for_each(|(m, &v)| *m = if v > *m { v } else { *m });
        }
        *max = lanes.iter().fold(*max, |m, &v| if v > m { v } else { m });
    }
}

multiversion!(fn max_columns(logits: &mut [f32], n_tokens: usize, max: &mut [f32]) = max_columns_body);

/// Words that are multiplied with a panel of tokens at a time.
const WORDS: usize = 192;

/// Buffers of a thread for the remaining words.
#[derive(Default)]
struct Scratch {
    /// `[words, hidden]`.
    weights: Vec<f32>,
    tokens: TokenPanels,
    /// `[WORDS, PANEL]`.
    logits: Vec<f32>,
}
