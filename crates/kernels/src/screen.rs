//! Which words of the vocabulary can have a weight in a text: a pass over the decoder in 8-bit
//! integers, with a rigorous bound on what their rounding may hide.
//!
//! A SPLADE row has a few hundred of thirty thousand entries. Words whose upper bound is not positive
//! are zero for certain; the others are computed in `f32` as before, so the result is that of the
//! whole product in `f32`, at about the cost of one in integers.
//!
//! For a token h and a word w with their rounded forms ĥ and ŵ,
//! |h·w - ĥ·ŵ| <= ‖h - ĥ‖ ‖w‖ + ‖ĥ‖ ‖w - ŵ‖ (Cauchy-Schwarz).

mod rounding;
mod tile;

use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use self::rounding::{Rounded, Tokens, round, up};
use self::tile::{TileView, is_available};
use crate::HeadShape;
use crate::int8::{self, ZERO_GROUP};
use crate::panels::{PANEL, Panels};

/// Vocabularies below this are not worth two passes.
const MIN_VOCAB: usize = 2048;
/// Of ‖h‖ ‖w‖: more than what `f32` rounding adds to any of the sums.
pub(crate) const SLACK: f32 = 4e-6;
/// Screening has failed where more than one word in so many is left.
const WORST_SELECTIVITY: usize = 8;
/// So many batches in a row for which it has failed end it for good.
const MAX_FAILURES: u32 = 3;

/// A decoder in 8-bit integers, made once from its weights.
#[derive(Debug)]
pub struct HeadScreen {
    shape: HeadShape,
    /// The words' integers, as `PackedLinear` holds them.
    panels: Panels,
    /// Of each word: what its integers are multiplied by; ‖w‖; ‖w - ŵ‖; its bias.
    scale: Vec<f32>,
    norm: Vec<f32>,
    error: Vec<f32>,
    bias: Vec<f32>,
    /// Batches in a row that had too many words left.
    n_failures: AtomicU32,
}

impl HeadScreen {
    /// Rounds a decoder. `None` where this CPU has no instructions for it, or the vocabulary is too
    /// small to gain anything.
    ///
    /// # Shapes
    /// `decoder` `[vocab_size, hidden_size]`, `bias` `[vocab_size]`, all finite but for a bias of
    /// minus infinity.
    ///
    /// # Panics
    /// When the lengths do not fit `shape`.
    #[must_use]
    pub fn new(decoder: &[f32], bias: &[f32], shape: HeadShape) -> Option<Self> {
        let HeadShape { hidden_size, vocab_size } = shape;
        assert_eq!(decoder.len(), vocab_size * hidden_size, "decoder is not [vocab, hidden]");
        assert_eq!(bias.len(), vocab_size, "bias is not [vocab]");
        if !is_available() || vocab_size < MIN_VOCAB {
            return None;
        }
        let groups = hidden_size.div_ceil(4);
        let (panels, rounded) = Panels::pack(vocab_size, groups, ZERO_GROUP, |word, out| {
            let rounded = round(&decoder[word * hidden_size..][..hidden_size], out);
            int8::add_128(out);
            rounded
        });
        let filled = panels.n_panels() * PANEL;
        let of_words = |number: fn(&Rounded) -> f32| {
            let mut numbers: Vec<f32> = rounded.iter().map(number).collect();
            numbers.resize(filled, 0.0);
            numbers
        };
        // Words that fill up the last panel are never left.
        let mut bias = bias.to_vec();
        bias.resize(filled, f32::NEG_INFINITY);
        Some(Self {
            shape,
            panels,
            scale: of_words(|word| word.scale),
            norm: of_words(|word| up(word.norm)),
            error: of_words(|word| up(word.error)),
            bias,
            n_failures: AtomicU32::new(0),
        })
    }

    /// Bytes that it holds.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.panels.memory_bytes() + 4 * size_of::<f32>() * self.bias.len()
    }

    pub(crate) fn shape(&self) -> HeadShape {
        self.shape
    }

    /// For each text the words that may have a weight, rising; `None` where so many are left that
    /// the pass was in vain, and without one where the last few were: the checkpoint is not sparse.
    pub(crate) fn candidates(
        &self,
        hidden_states: &[f32],
        offsets: &[u32],
    ) -> Option<Vec<Vec<u32>>> {
        if self.n_failures.load(Ordering::Relaxed) >= MAX_FAILURES {
            return None;
        }
        let tokens = Tokens::round(hidden_states, self.shape.hidden_size);
        let n_tiles = self.panels.n_panels();
        let texts = offsets.len() - 1;
        let n_tasks = (4 * rayon::current_num_threads()).min(n_tiles);
        let task = |task: usize| {
            let tiles = n_tiles * task / n_tasks..n_tiles * (task + 1) / n_tasks;
            let mut found = vec![Vec::new(); texts];
            tiles.for_each(|tile| self.screen_tile(tile, &tokens, offsets, &mut found));
            found
        };
        let found: Vec<Vec<Vec<u32>>> = (0..n_tasks).into_par_iter().map(task).collect();
        let n_found: usize = found.iter().flatten().map(Vec::len).sum();
        let n_texts = offsets.windows(2).filter(|text| text[0] < text[1]).count();
        if n_found * WORST_SELECTIVITY > n_texts * self.shape.vocab_size {
            self.n_failures.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.n_failures.store(0, Ordering::Relaxed);
        let of_text = |text: usize| found.iter().flat_map(|task| &task[text]).copied().collect();
        Some((0..texts).map(of_text).collect())
    }

    fn tile(&self, tile: usize) -> TileView<'_> {
        let words = tile * PANEL..(tile + 1) * PANEL;
        TileView {
            packed: self.panels.panel(tile, 0..self.panels.groups()).data,
            scale: &self.scale[words.clone()],
            norm: &self.norm[words.clone()],
            error: &self.error[words],
        }
    }

    /// Adds the words of a tile that may have a weight in each text.
    fn screen_tile(&self, tile: usize, tokens: &Tokens, offsets: &[u32], found: &mut [Vec<u32>]) {
        let words = tile * PANEL..(tile + 1) * PANEL;
        let tile = self.tile(tile);
        let bias = &self.bias[words.clone()];
        for (text, found) in offsets.windows(2).zip(found) {
            if text[0] == text[1] {
                continue;
            }
            let bounds = tile.upper_bounds(tokens, text[0] as usize..text[1] as usize);
            for (word, (bound, bias)) in words.clone().zip(bounds.iter().zip(bias)) {
                if bound + bias + SLACK * bias.abs() > 0.0 {
                    found.push(word as u32);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference::noise;

    /// A decoder whose words are mostly negative, as a SPLADE model's are.
    fn screen(hidden_size: usize, seed: u64) -> Option<(HeadScreen, Vec<f32>)> {
        let shape = HeadShape { hidden_size, vocab_size: MIN_VOCAB + 37 };
        let decoder = noise(shape.vocab_size * hidden_size, seed);
        let bias: Vec<f32> = noise(shape.vocab_size, seed ^ 1).iter().map(|b| b - 2.0).collect();
        HeadScreen::new(&decoder, &bias, shape).map(|screen| (screen, decoder))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn vectors_give_what_the_obvious_form_gives(
            hidden_size in 1usize..70, n_tokens in 1usize..20, seed in any::<u64>(),
        ) {
            let Some((screen, _)) = screen(hidden_size, seed) else { return Ok(()) };
            let hidden = noise(n_tokens * hidden_size, seed ^ 2);
            let tokens = Tokens::round(&hidden, hidden_size);
            for tile in [0, 3, screen.bias.len() / PANEL - 1] {
                let tile = screen.tile(tile);
                let fast = tile.upper_bounds(&tokens, 0..n_tokens);
                let plain = tile.upper_bounds_plain(&tokens, 0..n_tokens);
                for (a, b) in fast.iter().zip(plain) {
                    prop_assert!((a - b).abs() <= 1e-5 * (1.0 + b.abs()), "{a} {b}");
                }
            }
        }

        #[test]
        fn a_bound_is_never_below_the_product(
            hidden_size in 1usize..70, seed in any::<u64>(), size in -20i32..20,
        ) {
            let Some((screen, decoder)) = screen(hidden_size, seed) else { return Ok(()) };
            let factor = 2f32.powi(size);
            let hidden: Vec<f32> = noise(hidden_size, seed ^ 2).iter().map(|h| h * factor).collect();
            let tokens = Tokens::round(&hidden, hidden_size);
            for (word, row) in decoder.chunks_exact(hidden_size).enumerate() {
                let exact: f64 =
                    row.iter().zip(&hidden).map(|(w, h)| f64::from(*w) * f64::from(*h)).sum();
                let view = screen.tile(word / PANEL);
                if word % PANEL == 0 || word + 1 == screen.shape.vocab_size {
                    let bounds = view.upper_bounds(&tokens, 0..1);
                    prop_assert!(f64::from(bounds[word % PANEL]) >= exact, "{word}");
                }
            }
        }
    }
}
