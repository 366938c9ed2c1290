//! The head of a row-major `f32` decoder, by products of the `gemm` crate.

use rayon::prelude::*;

use super::{PoolActivation, PoolStrategy, TOKEN_BLOCK, max_rows, sum_rows};
use crate::matmul::View;
use crate::output::{Block, Output, entries};
use crate::{Offsets, SimdLevel};

/// Vocabulary entries per task. With [`TOKEN_BLOCK`] tokens their logits take half a megabyte,
/// which fits in the second-level cache.
const VOCAB_TILE: usize = 512;

/// See [`Head::pool`](super::Head::pool). The row of a text whose hidden states are not finite is
/// unspecified.
pub(super) fn pool(
    hidden_states: &[f32],
    decoder: &[f32],
    bias: &[f32],
    offsets: Offsets<'_>,
    strategy: PoolStrategy,
    activation: PoolActivation,
) -> Vec<f32> {
    let vocab_size = bias.len();
    let hidden_size = decoder.len() / vocab_size;
    let (tokens, texts) = (offsets.n_tokens(), offsets.n_texts());
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
        // SAFETY: each task owns its columns.
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
                while offsets.range(text).end <= token {
                    text += 1;
                }
                let end = offsets.range(text).end.min(block_end);
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
    pooled
}
