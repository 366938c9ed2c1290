//! The head of a decoder that is held in one rounded form, which is its word embeddings too.

use crate::head::{mark_not_finite, sum_rows};
use crate::output::{Output, entries};
use crate::panels::PANEL;
use crate::texts::{TextGrid, rows_of};
use crate::{HeadShape, LinearShape, PackedLinear, PoolActivation, PoolStrategy, SimdLevel};

/// [`head_pool`](crate::head_pool) with the decoder as a layer, in its precision; the layer's own bias
/// is not looked at.
///
/// # Shapes
/// As [`head_pool`](crate::head_pool).
///
/// # Panics
/// When the lengths do not fit the layer.
pub fn head_pool_packed(
    hidden_states: &[f32],
    decoder: &PackedLinear,
    bias: &[f32],
    offsets: &[u32],
    strategy: PoolStrategy,
    activation: PoolActivation,
) -> Vec<f32> {
    let LinearShape { in_features: hidden_size, out_features: vocab_size } = decoder.shape();
    HeadShape { hidden_size, vocab_size }.check(hidden_states, bias, offsets);
    let texts = offsets.len().saturating_sub(1);
    let mut pooled = vec![0.0; entries(texts, vocab_size)];
    let output = Output::new(&mut pooled, texts, vocab_size);
    let grid = TextGrid::plan(offsets, decoder.n_panels(), decoder.blocking().max_rows);
    grid.run(|texts, panels| {
        let words = panels.start * PANEL..(panels.end * PANEL).min(vocab_size);
        // SAFETY: the tasks are the cells of a grid over texts and panels: no two share an entry.
        let mut out = unsafe { output.block(texts.clone(), words.clone()) };
        let tokens = offsets[texts.start] as usize..offsets[texts.end] as usize;
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
                    let (level, values) = (SimdLevel::detect(), products.values());
                    for (text, rows) in rows.clone() {
                        let out = &mut out.row(text - texts.start)[columns..][..bias.len()];
                        let rows = &values[rows.start * PANEL..rows.end * PANEL];
                        sum_rows(level, rows, PANEL, bias, activation, out);
                    }
                }
            }
        });
    });
    mark_not_finite(hidden_states, offsets, hidden_size, &mut pooled, vocab_size);
    pooled
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Precision, reference};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn it_is_the_head_of_the_rounded_decoder(
            lengths in prop::collection::vec(0usize..=67, 0..7), hidden_size in 1usize..=67, vocab_size in 1usize..300,
            sum in any::<bool>(), twice in any::<bool>(), seed in any::<u64>(),
        ) {
            let strategy = if sum { PoolStrategy::Sum } else { PoolStrategy::Max };
            let activation = if twice { PoolActivation::Log1pRelu } else { PoolActivation::Relu };
            let shape = HeadShape { hidden_size, vocab_size };
            let offsets = reference::offsets(&lengths);
            let hidden = reference::noise(lengths.iter().sum::<usize>() * hidden_size, seed);
            let weight = reference::noise(vocab_size * hidden_size, seed ^ 1);
            let bias = reference::noise(vocab_size, seed ^ 2);
            let exact = reference::head_pool(&hidden, &weight, &bias, &offsets, shape, strategy, activation);
            let size = LinearShape { in_features: hidden_size, out_features: vocab_size };
            for precision in Precision::ALL {
                let decoder = PackedLinear::new(&weight, None, size, precision);
                let fast = head_pool_packed(&hidden, &decoder, &bias, &offsets, strategy, activation);
                prop_assert_eq!(fast.len(), exact.len());
                let error = match precision {
                    Precision::F32 => 1e-5,
                    _ => 0.02 * (hidden_size as f64).sqrt() + 0.02,
                };
                let n_tokens = if sum { 67.0 } else { 1.0 };
                for (a, b) in fast.iter().zip(&exact) {
                    prop_assert!((f64::from(*a) - b).abs() < error * n_tokens, "{precision} {a} {b}");
                }
            }
        }
    }

    #[test]
    fn broken_hidden_states_are_nan_in_each_precision() {
        let size = LinearShape { in_features: 2, out_features: 3 };
        for precision in Precision::ALL {
            let decoder = PackedLinear::new(&[1.0; 6], None, size, precision);
            let (max, relu) = (PoolStrategy::Max, PoolActivation::Relu);
            let hidden = [1.0, 1.0, f32::NAN, 1.0];
            let pooled = head_pool_packed(&hidden, &decoder, &[0.0; 3], &[0, 1, 2], max, relu);
            assert!(pooled[..3].iter().all(|v| v.is_finite()));
            assert!(pooled[3..].iter().all(|v| v.is_nan()));
        }
    }
}
