//! The head of a packed decoder in a rounded precision, which may also be the word embeddings.

use super::{PoolActivation, PoolStrategy, sum_rows};
use crate::output::{Output, entries};
use crate::panels::PANEL;
use crate::texts::{TextGrid, rows_of};
use crate::{LinearShape, Offsets, PackedLinear};

/// See [`Head::pool`](super::Head::pool). The row of a text whose hidden states are not finite is
/// unspecified.
pub(super) fn pool(
    hidden_states: &[f32],
    decoder: &PackedLinear,
    bias: &[f32],
    offsets: Offsets<'_>,
    strategy: PoolStrategy,
    activation: PoolActivation,
) -> Vec<f32> {
    let LinearShape { in_features: hidden_size, out_features: vocab_size } = decoder.shape();
    let texts = offsets.n_texts();
    let mut pooled = vec![0.0; entries(texts, vocab_size)];
    let output = Output::new(&mut pooled, texts, vocab_size);
    let grid = TextGrid::plan(offsets, decoder.n_panels(), decoder.blocking().max_rows);
    grid.run(|texts, panels| {
        let words = panels.start * PANEL..(panels.end * PANEL).min(vocab_size);
        // SAFETY: the tasks are the cells of a grid over texts and panels: no two share an entry.
        let mut out = unsafe { output.block(texts.clone(), words.clone()) };
        let tokens = offsets.tokens(texts.clone());
        let states = &hidden_states[tokens.start * hidden_size..tokens.end * hidden_size];
        let rows = rows_of(offsets, texts.clone());
        decoder.for_each_panel(states, panels.clone(), |panel, products| {
            let columns = (panel - panels.start) * PANEL;
            let bias = &bias[panel * PANEL..vocab_size.min((panel + 1) * PANEL)];
            match strategy {
                PoolStrategy::Max => {
                    for (text, rows) in rows.clone() {
                        let out = &mut out.row(text - texts.start)[columns..][..bias.len()];
                        for ((out, max), bias) in out.iter_mut().zip(products.max(rows)).zip(bias) {
                            *out = activation.apply(max + bias);
                        }
                    }
                }
                PoolStrategy::Sum => {
                    let (level, values) = (decoder.kernel().level(), products.values());
                    for (text, rows) in rows.clone() {
                        let out = &mut out.row(text - texts.start)[columns..][..bias.len()];
                        let rows = &values[rows.start * PANEL..rows.end * PANEL];
                        sum_rows(level, rows, PANEL, bias, activation, out);
                    }
                }
            }
        });
    });
    pooled
}
