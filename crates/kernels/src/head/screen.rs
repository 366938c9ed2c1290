//! Screening: finds the words of the vocabulary that can have a weight in a text, by one pass over
//! the decoder in 8-bit integers with a rigorous bound on the rounding error.
//!
//! A SPLADE row has a few hundred entries out of thirty thousand. Words whose upper bound is not
//! positive are certainly zero; only the others are computed in `f32`. So the result is that of the
//! whole product in `f32`, at about the cost of one in integers.
//!
//! For a token h and a word w with rounded forms ĥ and ŵ,
//!
//! |h·w - ĥ·ŵ| <= ‖h - ĥ‖ ‖w‖ + ‖ĥ‖ ‖w - ŵ‖ (Cauchy-Schwarz).

mod rounding;

use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use self::rounding::{Distances, up};
use crate::packed_linear::MAX_INTEGERS;
use crate::panels::PANEL;
use crate::product::RowOrder;
use crate::table::TableWeights;
use crate::texts::{TextGrid, rows_of};
use crate::{Arithmetic, Isa, LinearShape, Offsets, PackedLinear, Precision, Table};

/// Integers must be this many times as fast as `f32`.
const LEAST_GAIN: f32 = 2.0;
/// Smaller vocabularies are not worth two passes.
const MIN_VOCAB: usize = 2048;
/// Relative to ‖h‖ ‖w‖: exceeds the `f32` rounding error of any of the sums.
const SLACK: f32 = 4e-6;
/// A batch fails screening if more than 1 in this many words survives.
const WORST_SELECTIVITY: usize = 8;

/// A decoder in 8-bit integers, prepared once from its weights.
#[derive(Debug)]
pub(super) struct Screen {
    /// The rounded words.
    words: PackedLinear,
    /// For each word: ‖w‖, ‖w - ŵ‖ and its bias.
    norm: Vec<f32>,
    error: Vec<f32>,
    bias: Vec<f32>,
}

impl Screen {
    /// Rounds a decoder. `None` if the CPU has no instructions for it, if the vocabulary is too
    /// small, or if a pass in the decoder's own precision costs no more: int8 decoders, and any on
    /// a CPU with AMX tiles.
    ///
    /// # Shapes
    /// `decoder` `[vocab, hidden]`, `bias` `[vocab]`, all finite except that a bias may be minus
    /// infinity.
    pub(super) fn new(decoder: &Table, bias: &[f32]) -> Option<Self> {
        match decoder.weights() {
            TableWeights::Plain(weights) => Self::of(weights, bias, decoder.width(), decoder.isa()),
            TableWeights::Packed(layer) => {
                let kernel = layer.kernel();
                if kernel.precision() == Precision::Int8 || kernel.order() == RowOrder::Tiles {
                    return None;
                }
                let width = decoder.width();
                let mut rows = vec![0.0; width * decoder.n_rows()];
                let row = |(word, row): (usize, &mut [f32])| layer.column(word, row);
                rows.par_chunks_exact_mut(width).enumerate().for_each(row);
                Self::of(&rows, bias, width, decoder.isa())
            }
        }
    }

    fn of(decoder: &[f32], bias: &[f32], hidden_size: usize, isa: Isa) -> Option<Self> {
        let vocab_size = bias.len();
        let pays = isa.times_f32(Precision::Int8) >= LEAST_GAIN;
        if !pays || vocab_size < MIN_VOCAB || hidden_size > MAX_INTEGERS {
            return None;
        }
        let size = LinearShape { in_features: hidden_size, out_features: vocab_size };
        let words =
            PackedLinear::new(decoder, None, size, Arithmetic { precision: Precision::Int8, isa });
        let level = isa.level();
        let distances: Vec<Distances> =
            decoder.par_chunks_exact(hidden_size).map(|row| Distances::of(level, row)).collect();
        let filled = words.n_panels() * PANEL;
        let of_words = |number: fn(&Distances) -> f64| {
            let mut numbers: Vec<f32> = distances.iter().map(|word| up(number(word))).collect();
            numbers.resize(filled, 0.0);
            numbers
        };
        // The padding words of the last panel never survive.
        let mut bias = bias.to_vec();
        bias.resize(filled, f32::NEG_INFINITY);
        Some(Self {
            words,
            norm: of_words(|word| word.norm),
            error: of_words(|word| word.error),
            bias,
        })
    }

    /// The words of each text that may have a weight, in ascending order. `None` if too many
    /// survive: the batch fails screening.
    ///
    /// Each batch decides for itself. If earlier batches had a say, the bits of a row would depend
    /// on what the process did before. A batch that fails stops once enough words have survived, so
    /// a checkpoint that is not sparse pays for a part of the pass.
    pub(super) fn candidates(
        &self,
        hidden_states: &[f32],
        offsets: Offsets<'_>,
    ) -> Option<Vec<Vec<u32>>> {
        let LinearShape { in_features: hidden_size, out_features: vocab_size } = self.words.shape();
        let n_texts = offsets.ranges().filter(|text| !text.is_empty()).count();
        let limit = n_texts * vocab_size / WORST_SELECTIVITY;
        // Only ever grows: whether it exceeds the limit does not depend on the order of the tasks.
        let n_found = AtomicUsize::new(0);
        let level = self.words.kernel().level();
        let tokens: Vec<Distances> = hidden_states
            .par_chunks_exact(hidden_size)
            .map(|row| Distances::of(level, row))
            .collect();
        let texts = offsets.n_texts();
        let grid = TextGrid::plan(offsets, self.words.n_panels(), self.words.blocking().max_rows);
        let found = grid.run(|texts, panels| {
            if n_found.load(Ordering::Relaxed) > limit {
                return Vec::new();
            }
            let rows = rows_of(offsets, texts.clone());
            let of_texts = offsets.tokens(texts.clone());
            let limits = |(text, rows): (usize, Range<usize>)| {
                let tokens = &tokens[of_texts.clone()][rows.clone()];
                TextLimits { found: Vec::new(), text, rows, slack: Slack::of(tokens) }
            };
            let mut limits: Vec<TextLimits> = rows.map(limits).collect();
            let states = &hidden_states[of_texts.start * hidden_size..of_texts.end * hidden_size];
            self.words.for_panels(states, panels, |panel, products| {
                let mut n = 0;
                for limits in &mut limits {
                    let max = products.max(limits.rows.clone());
                    n += self.add_possible(panel, &max, limits);
                }
                match n_found.fetch_add(n, Ordering::Relaxed) + n > limit {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            });
            limits
        });
        if n_found.into_inner() > limit {
            return None;
        }
        // The tasks of a text arrive in ascending order of words.
        let mut of_texts = vec![Vec::new(); texts];
        for TextLimits { text, found, .. } in found.into_iter().flatten() {
            of_texts[text].extend(found);
        }
        Some(of_texts)
    }

    /// Adds the words of a panel that may have a weight in a text; returns their number.
    fn add_possible(&self, panel: usize, max: &[f32; PANEL], limits: &mut TextLimits) -> usize {
        let words = panel * PANEL..(panel + 1) * PANEL;
        let bounds = self.upper_bounds(panel, max, limits.slack);
        let n_before = limits.found.len();
        for (word, bound) in words.zip(bounds) {
            if bound > 0.0 {
                limits.found.push(word as u32);
            }
        }
        limits.found.len() - n_before
    }

    /// Upper bounds of a text's logits, for each word of a panel.
    fn upper_bounds(&self, panel: usize, max: &[f32; PANEL], slack: Slack) -> [f32; PANEL] {
        let words = panel * PANEL..(panel + 1) * PANEL;
        let (norm, error) = (&self.norm[words.clone()], &self.error[words.clone()]);
        let bias = &self.bias[words];
        std::array::from_fn(|word| {
            let hidden = slack.error * norm[word] + slack.norm * error[word];
            max[word] + hidden + (bias[word] + SLACK * bias[word].abs())
        })
    }
}

/// A text's state within a task.
struct TextLimits {
    text: usize,
    /// Its rows within the task.
    rows: Range<usize>,
    slack: Slack,
    found: Vec<u32>,
}

/// Bounds on the rounding error of a text's tokens, by its worst token.
#[derive(Clone, Copy)]
struct Slack {
    /// ‖ĥ‖.
    norm: f32,
    /// ‖h - ĥ‖, plus more than the `f32` rounding error.
    error: f32,
}

impl Slack {
    fn of(tokens: &[Distances]) -> Self {
        let largest = |of: fn(&Distances) -> f64| tokens.iter().map(of).fold(0.0, f64::max);
        Self {
            norm: up(largest(|token| token.rounded_norm)),
            error: up(largest(|token| token.error + f64::from(SLACK) * token.norm)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples::noise;

    /// A decoder whose words are mostly negative, like a SPLADE model's.
    fn screen(hidden_size: usize, seed: u64) -> Option<(Screen, Vec<f32>)> {
        const VOCAB: usize = MIN_VOCAB + 37;
        let decoder = noise(VOCAB * hidden_size, seed);
        let bias: Vec<f32> = noise(VOCAB, seed ^ 1).iter().map(|b| b - 2.0).collect();
        Screen::of(&decoder, &bias, hidden_size, Isa::detect()).map(|screen| (screen, decoder))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_bound_is_never_below_the_logit(
            hidden_size in 1usize..70, n_tokens in 1usize..20, seed in any::<u64>(), size in -100i32..100,
        ) {
            let Some((screen, decoder)) = screen(hidden_size, seed) else { return Ok(()) };
            let factor = 2f32.powi(size);
            let noise = noise(n_tokens * hidden_size, seed ^ 2);
            let hidden: Vec<f32> = noise.iter().map(|h| h * factor).collect();
            let distances = |row| Distances::of(Isa::detect().level(), row);
            let tokens: Vec<Distances> = hidden.chunks_exact(hidden_size).map(distances).collect();
            let slack = Slack::of(&tokens);
            screen.words.for_each_panel(&hidden, 0..screen.words.n_panels(), |panel, products| {
                let bounds = screen.upper_bounds(panel, &products.max(0..n_tokens), slack);
                let words = decoder.chunks_exact(hidden_size).skip(panel * PANEL);
                for ((row, bias), bound) in words.zip(&screen.bias[panel * PANEL..]).zip(bounds) {
                    for hidden in hidden.chunks_exact(hidden_size) {
                        let pairs = row.iter().zip(hidden);
                        let exact: f64 = pairs.map(|(w, h)| f64::from(*w) * f64::from(*h)).sum();
                        assert!(f64::from(bound) >= exact + f64::from(*bias), "{bound} {exact} {bias}");
                    }
                }
            });
        }
    }
}
