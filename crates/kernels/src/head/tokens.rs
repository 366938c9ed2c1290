//! Hidden states as the right operand of products with a row-major `f32` decoder: words are rows,
//! tokens are columns. So the decoder, which is by far the larger one, is never packed.

use rayon::prelude::*;

use crate::panels::{PANEL, STRIP};
use crate::product::{PanelView, ProductKernel, RowOrder, Rows, bits, bits_mut};

/// Groups of a panel per product: they fit in the second-level cache, beside the words.
const MAX_GROUPS: usize = 768;

/// Panels of a task that packs them.
const MIN_PANELS: usize = 4;

/// Tokens in panels of 64: `[panels, strips of 16 tokens, hidden, 16]`.
#[derive(Default)]
pub(super) struct TokenPanels {
    groups: Vec<u32>,
    n_tokens: usize,
    hidden_size: usize,
}

impl TokenPanels {
    /// Packs `hidden_states` `[tokens, hidden]`, in parallel if there are several panels.
    pub(super) fn pack(&mut self, hidden_states: &[f32], hidden_size: usize) {
        self.hidden_size = hidden_size;
        self.n_tokens = hidden_states.len() / hidden_size;
        let filled = self.n_panels() * PANEL * hidden_size;
        self.groups.resize(self.groups.len().max(filled), 0);
        let panels = self.groups[..filled].par_chunks_exact_mut(PANEL * hidden_size);
        let panels = panels.zip(hidden_states.par_chunks(PANEL * hidden_size));
        panels.with_min_len(MIN_PANELS).for_each(|(panel, states)| {
            let strips = panel.chunks_exact_mut(STRIP * hidden_size);
            for (strip, states) in strips.zip(states.chunks(STRIP * hidden_size)) {
                let lines = strip.as_chunks_mut::<STRIP>().0;
                for (lane, state) in states.chunks_exact(hidden_size).enumerate() {
                    lines.iter_mut().zip(state).for_each(|(line, v)| line[lane] = v.to_bits());
                }
            }
        });
    }

    pub(super) fn n_panels(&self) -> usize {
        self.n_tokens.div_ceil(PANEL)
    }

    /// Tokens of a panel.
    pub(super) fn tokens_of(&self, panel: usize) -> usize {
        (self.n_tokens - panel * PANEL).min(PANEL)
    }

    /// Logits of some words for a panel's tokens: `[words, PANEL]`. Those beyond its tokens are
    /// unspecified.
    ///
    /// # Shapes
    /// `words` `[words, hidden]`, `logits` `[words, PANEL]`.
    pub(super) fn multiply(
        &self,
        kernel: ProductKernel,
        words: &[f32],
        panel: usize,
        logits: &mut [f32],
    ) {
        let width = self.hidden_size;
        let (strip, order) = (STRIP * width, RowOrder::Rows);
        let data = &self.groups[panel * PANEL * width..][..PANEL * width];
        let columns = self.tokens_of(panel);
        for first in (0..width).step_by(MAX_GROUPS) {
            let groups = (width - first).min(MAX_GROUPS);
            let (data, ahead) = (&data[first * STRIP..], 0);
            let panel = PanelView { data, stride: STRIP, strip, ahead, columns };
            let (data, count) = (bits(&words[first..]), words.len() / width);
            let rows = Rows { data, order, stride: width, count, groups };
            kernel.multiply(rows, panel, bits_mut(logits), first > 0);
        }
    }
}
