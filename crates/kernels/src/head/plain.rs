//! The head of a row-major `f32` decoder.

use rayon::prelude::*;

use super::tokens::TokenPanels;
use super::{PoolActivation, PoolStrategy, max_rows, sum_rows};
use crate::output::{Output, entries};
use crate::panels::PANEL;
use crate::product::ProductKernel;
use crate::{Arithmetic, Isa, Offsets, Precision};

/// Vocabulary entries per task.
const VOCAB_TILE: usize = 384;
/// Words that are multiplied with a panel of tokens at a time: a multiple of the rows of every
/// kernel, whose weights fit in the second-level cache beside the panel.
const WORDS: usize = 96;

/// See [`Head::pool`](super::Head::pool). The row of a text whose hidden states are not finite is
/// unspecified.
pub(super) fn pool(
    hidden_states: &[f32],
    (decoder, isa): (&[f32], Isa),
    bias: &[f32],
    offsets: Offsets<'_>,
    strategy: PoolStrategy,
    activation: PoolActivation,
) -> Vec<f32> {
    let vocab_size = bias.len();
    let hidden_size = decoder.len() / vocab_size;
    let texts = offsets.n_texts();
    let mut pooled = vec![0.0; entries(texts, vocab_size)];
    let output = Output::new(&mut pooled, texts, vocab_size);
    let kernel = ProductKernel::of(Arithmetic { precision: Precision::F32, isa });
    let level = isa.level();
    let mut tokens = TokenPanels::default();
    tokens.pack(hidden_states, hidden_size);
    let tile = VOCAB_TILE.min(vocab_size.div_ceil(rayon::current_num_threads()));
    (0..vocab_size.div_ceil(tile)).into_par_iter().for_each_init(
        Scratch::default,
        |scratch, task| {
            let end = ((task + 1) * tile).min(vocab_size);
            for first in (task * tile..end).step_by(WORDS) {
                let words = first..(first + WORDS).min(end);
                let weights = &decoder[words.start * hidden_size..words.end * hidden_size];
                let bias = &bias[words.clone()];
                // SAFETY: each task owns its columns, and takes them a block at a time.
                let mut out = unsafe { output.block(0..texts, words.clone()) };
                if strategy == PoolStrategy::Max {
                    (0..texts).for_each(|text| out.row(text).fill(f32::NEG_INFINITY));
                }
                let Scratch { products, logits } = scratch;
                products.resize(WORDS * PANEL, 0.0);
                logits.resize(PANEL * WORDS, 0.0);
                let mut text = 0;
                for panel in 0..tokens.n_panels() {
                    let products = &mut products[..words.len() * PANEL];
                    tokens.multiply(kernel, weights, panel, products);
                    transpose(products, words.len(), logits);
                    let block = panel * PANEL..panel * PANEL + tokens.tokens_of(panel);
                    let mut token = block.start;
                    while token < block.end {
                        while offsets.range(text).end <= token {
                            text += 1;
                        }
                        let end = offsets.range(text).end.min(block.end);
                        let rows =
                            (token - block.start) * words.len()..(end - block.start) * words.len();
                        let rows = &logits[rows];
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
            }
        },
    );
    pooled
}

/// Buffers of a thread.
#[derive(Default)]
struct Scratch {
    /// `[words, PANEL]`.
    products: Vec<f32>,
    /// `[PANEL, words]`.
    logits: Vec<f32>,
}

/// `[words, PANEL]` to `[PANEL, words]`.
fn transpose(products: &[f32], n_words: usize, logits: &mut [f32]) {
    for (word, row) in products.as_chunks::<PANEL>().0.iter().enumerate() {
        logits[word..].iter_mut().step_by(n_words).zip(row).for_each(|(out, v)| *out = *v);
    }
}
