//! One task of attention: some queries of one head, and the keys that they attend to.

use std::cell::RefCell;
use std::ops::Range;

use super::panels::{KeyPanels, ValuePanels, value_rows};
use super::positions::{self, PositionScores};
use super::softmax::{Running, add_chunk, write_rows};
use super::{AttentionShape, RelativePositions};
use crate::output::{Block, Unwritten};
use crate::panels::PANEL;
use crate::product::{ProductKernel, RowOrder, Rows, bits, bits_mut};
use crate::rows::{KernelRows, RowBuffer};
use crate::{Precision, bf16};

/// Queries whose scores are held at a time: with a chunk's keys they fit in the second-level cache.
const QUERIES_AT_ONCE: usize = 96;
/// Keys per chunk: a multiple of a panel's width.
const KEYS_AT_ONCE: usize = 512;

/// Some queries of one head of one text, and the keys that they attend to, as ranges of packed
/// tokens.
pub(super) struct Task {
    pub(super) queries: Range<usize>,
    pub(super) keys: Range<usize>,
    pub(super) head: usize,
}

/// The part of `keys` that `queries` attend to.
pub(super) fn seen(
    queries: &Range<usize>,
    keys: &Range<usize>,
    window: Option<usize>,
) -> Range<usize> {
    let Some(window) = window else { return keys.clone() };
    let first = queries.start.saturating_sub(window).max(keys.start);
    let end = queries.end.saturating_add(window).min(keys.end);
    first.min(end)..end
}

/// A task and its inputs.
pub(super) struct Attention<'a> {
    pub(super) qkv: &'a [f32],
    pub(super) shape: AttentionShape,
    pub(super) positions: RelativePositions<'a>,
    pub(super) kernel: ProductKernel,
    pub(super) task: &'a Task,
}

impl Attention<'_> {
    /// Writes the row of each query.
    pub(super) fn run(&self, out: &mut Block<'_, Unwritten>) {
        SCRATCH.with_borrow_mut(|scratch| self.run_with(scratch, out));
    }

    fn run_with(&self, scratch: &mut Scratch, out: &mut Block<'_, Unwritten>) {
        let AttentionShape { head_dim, window, .. } = self.shape;
        let Scratch { keys: key_panels, rows, scores, running, positions, values } = scratch;
        let Task { queries, keys, .. } = self.task;
        let (kernel, stride) = (self.kernel, self.stride());
        running.reset(queries.len(), head_dim);
        for start in keys.clone().step_by(KEYS_AT_ONCE) {
            let chunk = start..(start + KEYS_AT_ONCE).min(keys.end);
            key_panels.pack(kernel, self.part(start, 1), stride, chunk.len(), self.shape);
            if kernel.precision() != Precision::F32 {
                values.packed.pack(kernel, self.part(start, 2), stride, chunk.len(), head_dim);
            }
            for q in queries.clone().step_by(QUERIES_AT_ONCE) {
                let queries = q..(q + QUERIES_AT_ONCE).min(queries.end);
                let seen = seen(&queries, &chunk, window);
                if seen.is_empty() {
                    continue;
                }
                // The range of whole panels within the chunk, and its keys.
                let panels =
                    (seen.start - chunk.start) / PANEL..(seen.end - chunk.start).div_ceil(PANEL);
                let keys = chunk.start + panels.start * PANEL
                    ..(chunk.start + panels.end * PANEL).min(chunk.end);
                let pitch = kernel.order().filled(queries.len());
                let block = ScoreBlock { queries, keys, pitch };
                scores.resize(scores.len().max(panels.len() * pitch * PANEL), 0.0);
                let scores = &mut scores[..panels.len() * pitch * PANEL];
                let count = block.queries.len();
                let q =
                    rows.take(kernel, self.part(block.queries.start, 0), stride, head_dim, count);
                for (scores, panel) in scores.chunks_exact_mut(pitch * PANEL).zip(panels.clone()) {
                    let panel = key_panels.panel(panel);
                    let q = q.part(0..key_panels.groups());
                    kernel.multiply(q, panel, bits_mut(scores), false);
                }
                self.add_positions(scores, &block, positions);
                if let Some(window) = window {
                    positions::hide_beyond(scores, &block, window);
                }
                let first = block.queries.start - self.task.queries.start;
                let queries = first..first + count;
                add_chunk(kernel.level(), scores, block.keys.len(), pitch, running, queries);
                let sums = running.sums(first..first + pitch);
                match kernel.precision() {
                    Precision::F32 => {
                        let first = panels.start * PANEL;
                        self.add_values(scores, &block, chunk.start, first, &mut values.copy, sums);
                    }
                    _ => {
                        let weights = bf16_weights(rows, kernel, scores, &block);
                        let groups = panels.start * PANEL / 2;
                        let groups = groups..groups + weights.groups();
                        for (column, sums) in sums.enumerate() {
                            let values = values.packed.panel(groups.clone(), column);
                            let weights = weights.part(0..groups.len());
                            kernel.multiply(weights, values, bits_mut(sums), true);
                        }
                    }
                }
            }
        }
        write_rows(running, out);
    }

    /// Adds the weighted values of a block's keys in `f32`, a panel of keys at a time.
    fn add_values<'s>(
        &self,
        weights: &[f32],
        block: &ScoreBlock,
        chunk_start: usize,
        first_key: usize,
        copy: &mut Vec<f32>,
        sums: impl Iterator<Item = &'s mut [f32]>,
    ) {
        let (head_dim, stride) = (self.shape.head_dim, self.stride());
        let count = block.keys.end - chunk_start;
        let values = value_rows(self.part(chunk_start, 2), stride, count, head_dim, copy);
        for (column, sums) in sums.enumerate() {
            for (k, weights) in weights.chunks_exact(block.pitch * PANEL).enumerate() {
                let start = first_key + k * PANEL;
                let end = (start + PANEL).min(count);
                let (data, order) = (bits(weights), RowOrder::Rows);
                let (count, groups) = (block.queries.len(), end - start);
                let rows = Rows { data, order, stride: PANEL, count, groups };
                self.kernel.multiply(rows, values.panel(start..end, column), bits_mut(sums), true);
            }
        }
    }

    /// The data from a token's query (0), key (1) or value (2) of this head on.
    fn part(&self, token: usize, which: usize) -> &[f32] {
        let AttentionShape { n_heads, head_dim, .. } = self.shape;
        &self.qkv[token * self.stride() + (which * n_heads + self.task.head) * head_dim..]
    }

    /// Numbers from one token to the next.
    fn stride(&self) -> usize {
        3 * self.shape.n_heads * self.shape.head_dim
    }

    fn add_positions(&self, scores: &mut [f32], block: &ScoreBlock, scratch: &mut PositionScores) {
        let (n_heads, head_dim) = (self.shape.n_heads, self.shape.head_dim);
        match self.positions {
            RelativePositions::None => {}
            RelativePositions::Bias(bias) => {
                let reach = bias.len() / n_heads;
                positions::add_bias(scores, block, &bias[self.task.head * reach..][..reach]);
            }
            RelativePositions::Disentangled { key, query, buckets } => {
                let head = positions::Head {
                    queries: self.part(block.queries.start, 0),
                    keys: self.part(block.keys.start, 1),
                    stride: self.stride(),
                    columns: self.task.head * head_dim..(self.task.head + 1) * head_dim,
                    hidden: n_heads * head_dim,
                    scale: self.shape.scale,
                };
                scratch.add_disentangled(scores, block, &head, [key, query], buckets);
            }
        }
    }
}

/// The attention weights of a block as rows of bf16, one per query.
fn bf16_weights<'a>(
    rows: &'a mut RowBuffer,
    kernel: ProductKernel,
    weights: &[f32],
    block: &ScoreBlock,
) -> KernelRows<'a> {
    let (level, n_keys) = (kernel.level(), block.keys.len());
    rows.fill(kernel, n_keys, block.queries.len(), |query, out| {
        for (panel, out) in out.chunks_mut(PANEL / 2).enumerate() {
            let weights = &weights[(panel * block.pitch + query) * PANEL..];
            bf16::round_row(level, &weights[..PANEL.min(n_keys - panel * PANEL)], out);
        }
    })
}

/// Scores of some queries with some keys: `[panels of keys, pitch, PANEL]`.
pub(super) struct ScoreBlock {
    pub(super) queries: Range<usize>,
    pub(super) keys: Range<usize>,
    /// Number of queries, padded as the kernel requires.
    pitch: usize,
}

impl ScoreBlock {
    /// Calls `change(query, keys, scores)` for each query and each panel of keys.
    pub(super) fn for_each(
        &self,
        scores: &mut [f32],
        mut change: impl FnMut(usize, Range<usize>, &mut [f32]),
    ) {
        let panels = scores.chunks_exact_mut(self.pitch * PANEL);
        for (start, panel) in self.keys.clone().step_by(PANEL).zip(panels) {
            let keys = start..(start + PANEL).min(self.keys.end);
            for (query, scores) in self.queries.clone().zip(panel.chunks_exact_mut(PANEL)) {
                change(query, keys.clone(), &mut scores[..keys.len()]);
            }
        }
    }
}

thread_local! {
    /// Buffers of a task, kept for the thread's next one.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

#[derive(Default)]
struct Scratch {
    keys: KeyPanels,
    values: Values,
    /// Queries first, then attention weights.
    rows: RowBuffer,
    scores: Vec<f32>,
    running: Running,
    positions: PositionScores,
}

/// The values of a chunk: packed as bf16, or as `f32` if they must be copied.
#[derive(Default)]
struct Values {
    packed: ValuePanels,
    copy: Vec<f32>,
}
