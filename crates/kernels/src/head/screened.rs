//! The head with max pooling at the cost of a pass in integers: [`Screen`](super::screen::Screen)
//! rules out most words, and the remaining ones are multiplied in `f32`.

use rayon::prelude::*;

use super::{PoolActivation, TOKEN_BLOCK, max_rows};
use crate::matmul::View;
use crate::output::{Block, entries};
use crate::{Offsets, SimdLevel, Table};

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
    let level = SimdLevel::detect();
    let rows = pooled.par_chunks_exact_mut(vocab_size).zip(candidates).enumerate();
    rows.for_each_init(Scratch::default, |scratch, (text, (row, words))| {
        let text = offsets.range(text);
        if words.is_empty() || text.is_empty() {
            return;
        }
        let Scratch { weights, logits, max } = scratch;
        weights.clear();
        for &word in words {
            decoder.push_row(word as usize, weights);
        }
        let n_words = words.len();
        let w = View::rows(weights, n_words, hidden_size, hidden_size);
        max.clear();
        max.resize(n_words, f32::NEG_INFINITY);
        logits.resize(logits.len().max(TOKEN_BLOCK * n_words), 0.0);
        for block in text.clone().step_by(TOKEN_BLOCK) {
            let n_tokens = (text.end - block).min(TOKEN_BLOCK);
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
    pooled
}

/// Buffers of a thread for the remaining words.
#[derive(Default)]
struct Scratch {
    weights: Vec<f32>,
    logits: Vec<f32>,
    max: Vec<f32>,
}
