//! Multi-head self-attention over packed texts.
//!
//! A task has some queries of one head of one text. It takes the keys a chunk at a time: it multiplies its
//! queries with the chunk's keys, takes exponentials relative to the largest score so far, and multiplies
//! them with the values; a larger score scales down what earlier chunks gave (online softmax: Milakov and
//! Gimelshein, arXiv:1805.02867). So memory does not grow with the length of a text.

mod panels;
mod positions;
mod projected;
mod softmax;

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use self::panels::{KeyPanels, ValuePanels, value_rows};
use self::positions::PositionScores;
pub use self::projected::projected_attention;
use self::softmax::{Running, add_chunk, write_rows};
use crate::output::{Block, Output, Unwritten, entries};
use crate::panels::PANEL;
use crate::product::{ProductKernel, RowOrder, Rows, bits, bits_mut};
use crate::rows::{KernelRows, RowBuffer};
use crate::{Offsets, Precision, SimdLevel, bf16};

/// Queries of a task: each task packs the keys that it needs anew.
const QUERIES_PER_TASK: usize = 512;
/// Queries whose scores are held at once: with a chunk's keys they stay in the second-level cache.
const QUERIES_AT_ONCE: usize = 96;
/// Keys of a chunk: whole panels.
const KEYS_AT_ONCE: usize = 512;

/// The heads of an attention layer.
#[derive(Clone, Copy, Debug)]
pub struct AttentionShape {
    /// Heads; the hidden size is `n_heads * head_dim`.
    pub n_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// What scores are multiplied by, usually 1 / sqrt(head_dim).
    pub scale: f32,
    /// A token sees tokens at most this many positions away; `None` is its whole text.
    pub window: Option<usize>,
    /// Precision of the products. Where it is not `f32`, queries, keys, values and the weights of the keys
    /// are rounded to bf16, if the CPU has instructions for it.
    pub precision: Precision,
}

impl AttentionShape {
    pub(crate) fn hidden(&self) -> usize {
        entries(self.n_heads, self.head_dim)
    }

    fn kernel(&self) -> ProductKernel {
        let bf16 = ProductKernel::detect(Precision::Bf16);
        match self.precision {
            Precision::Bf16 | Precision::Int8 if bf16.is_fast() => bf16,
            _ => ProductKernel::detect(Precision::F32),
        }
    }
}

/// What the positions of a key and its query add to their score.
#[derive(Clone, Copy, Debug)]
pub enum RelativePositions<'a> {
    /// Nothing.
    None,
    /// A number per head and distance: `[n_heads, 2 * reach + 1]`, for the distances key - query from
    /// -reach to reach. The ends also stand for all larger distances. Not scaled.
    Bias(&'a [f32]),
    /// Disentangled attention (DeBERTa): `scale * (query · key[b] + key · query[b])` for the bucket
    /// b of the distance.
    Disentangled {
        /// Keys of the buckets, `[n_buckets, hidden]`, for what a query looks for.
        key: Option<&'a [f32]>,
        /// Queries of the buckets, `[n_buckets, hidden]`, for what a key is looked for by.
        query: Option<&'a [f32]>,
        /// The bucket of each distance query - key, from `1 - positions` to `positions - 1`.
        buckets: &'a [u32],
    },
}

/// softmax(scale · Q Kᵀ + positions) V for each text and head; tokens see the tokens of their own
/// text.
///
/// # Shapes
/// `qkv` `[tokens, 3 * hidden]`: each row holds the token's query, key and value;
/// `offsets` `[texts + 1]`, ending at `tokens`; returns `[tokens, hidden]`.
///
/// # Panics
/// When the lengths do not fit together; when a text is longer than there are buckets for.
pub fn packed_attention(
    qkv: &[f32],
    offsets: Offsets<'_>,
    shape: AttentionShape,
    positions: RelativePositions<'_>,
) -> Vec<f32> {
    let (head_dim, hidden) = (shape.head_dim, shape.hidden());
    let kernel = shape.kernel();
    assert!(hidden > 0, "attention of hidden size 0");
    assert_eq!(qkv.len() % (3 * hidden), 0, "qkv is not whole rows of 3 * hidden");
    let tokens = qkv.len() / (3 * hidden);
    assert_eq!(offsets.n_tokens(), tokens, "offsets do not end at tokens");

    let tasks = plan_tasks(offsets, shape);
    let write = |output: &Output<'_, Unwritten>| {
        tasks.into_par_iter().for_each(|task| {
            let columns = task.head * head_dim..(task.head + 1) * head_dim;
            // SAFETY: a task has its own queries of its own head: no two share rows and columns.
            let mut out = unsafe { output.block(task.queries.clone(), columns) };
            let attention = Attention { qkv, shape, positions, kernel, task: &task };
            SCRATCH.with_borrow_mut(|scratch| attention.run(scratch, &mut out));
        });
    };
    // SAFETY: every token is a query of one task of each head, and each query's row is written.
    unsafe { Output::written(tokens, hidden, write) }
}

/// Some queries of one head of one text, and the keys that they see; both as packed tokens.
struct Task {
    queries: Range<usize>,
    keys: Range<usize>,
    head: usize,
}

fn plan_tasks(offsets: Offsets<'_>, shape: AttentionShape) -> Vec<Task> {
    let mut tasks = Vec::new();
    for text in offsets.ranges() {
        for q in text.clone().step_by(QUERIES_PER_TASK) {
            let queries = q..(q + QUERIES_PER_TASK).min(text.end);
            let keys = seen(&queries, &text, shape.window);
            tasks.extend((0..shape.n_heads).map(|head| Task {
                queries: queries.clone(),
                keys: keys.clone(),
                head,
            }));
        }
    }
    tasks
}

/// Those of some keys that some queries see.
fn seen(queries: &Range<usize>, keys: &Range<usize>, window: Option<usize>) -> Range<usize> {
    let Some(window) = window else { return keys.clone() };
    let first = queries.start.saturating_sub(window).max(keys.start);
    let end = queries.end.saturating_add(window).min(keys.end);
    first.min(end)..end
}

/// A task with what it works on.
struct Attention<'a> {
    qkv: &'a [f32],
    shape: AttentionShape,
    positions: RelativePositions<'a>,
    kernel: ProductKernel,
    task: &'a Task,
}

impl Attention<'_> {
    /// Writes the row of each query.
    fn run(&self, scratch: &mut Scratch, out: &mut Block<'_, Unwritten>) {
        let AttentionShape { head_dim, window, .. } = self.shape;
        let Scratch { keys: key_panels, rows, scores, running, positions, values } = scratch;
        let Task { queries, keys, .. } = self.task;
        let (kernel, stride) = (self.kernel, self.stride());
        running.reset(queries.len(), head_dim);
        for start in keys.clone().step_by(KEYS_AT_ONCE) {
            let chunk = start..(start + KEYS_AT_ONCE).min(keys.end);
            key_panels.pack(kernel, self.part(start, 1), stride, chunk.len(), self.shape);
            if kernel.precision() != Precision::F32 {
                values.packed.pack(self.part(start, 2), stride, chunk.len(), head_dim);
            }
            for q in queries.clone().step_by(QUERIES_AT_ONCE) {
                let queries = q..(q + QUERIES_AT_ONCE).min(queries.end);
                let seen = seen(&queries, &chunk, window);
                if seen.is_empty() {
                    continue;
                }
                // Whole panels of the chunk, and their keys.
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
                add_chunk(scores, block.keys.len(), pitch, running, first..first + count);
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

    /// Adds the values of a block's keys, each times its weight, in `f32`: a panel of keys at a time.
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

    /// From the head's query (0), key (1) or value (2) of a token on.
    fn part(&self, token: usize, which: usize) -> &[f32] {
        let AttentionShape { n_heads, head_dim, .. } = self.shape;
        &self.qkv[token * self.stride() + (which * n_heads + self.task.head) * head_dim..]
    }

    /// From one token to the next.
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

/// The weights of a block's keys as rows of bf16, one for each query.
fn bf16_weights<'a>(
    rows: &'a mut RowBuffer,
    kernel: ProductKernel,
    weights: &[f32],
    block: &ScoreBlock,
) -> KernelRows<'a> {
    let (level, n_keys) = (SimdLevel::detect(), block.keys.len());
    rows.fill(kernel, n_keys, block.queries.len(), |query, out| {
        for (panel, out) in out.chunks_mut(PANEL / 2).enumerate() {
            let weights = &weights[(panel * block.pitch + query) * PANEL..];
            bf16::round_row(level, &weights[..PANEL.min(n_keys - panel * PANEL)], out);
        }
    })
}

/// Scores of some queries with some keys: `[panels of keys, pitch, PANEL]`.
struct ScoreBlock {
    queries: Range<usize>,
    keys: Range<usize>,
    /// Queries, filled up as the kernel wants them.
    pitch: usize,
}

impl ScoreBlock {
    /// Calls `change(query, keys, scores)` for each query and the keys of each panel.
    fn for_each(
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
    /// What a task needs, kept from one to the next.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

#[derive(Default)]
struct Scratch {
    keys: KeyPanels,
    values: Values,
    /// Queries, and after them weights of keys.
    rows: RowBuffer,
    scores: Vec<f32>,
    running: Running,
    positions: PositionScores,
}

/// The values of a chunk: in bf16, or in `f32` where they have to be copied.
#[derive(Default)]
struct Values {
    packed: ValuePanels,
    copy: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{reference, samples};

    /// Numbers for positions of each kind, for `positions` positions and the heads of a shape.
    struct Positions {
        bias: Vec<f32>,
        key: Vec<f32>,
        query: Vec<f32>,
        buckets: Vec<u32>,
    }

    impl Positions {
        fn random(shape: AttentionShape, positions: usize, seed: u64) -> Self {
            let n_buckets = 7;
            let hidden = shape.n_heads * shape.head_dim;
            let bucket = |i: usize| (i * 5 % n_buckets) as u32;
            Self {
                bias: samples::noise(shape.n_heads * 9, seed ^ 1),
                key: samples::noise(n_buckets * hidden, seed ^ 2),
                query: samples::noise(n_buckets * hidden, seed ^ 3),
                buckets: (0..2 * positions - 1).map(bucket).collect(),
            }
        }

        fn of_kind(&self, kind: u8) -> RelativePositions<'_> {
            let (key, query) = (Some(&self.key[..]), Some(&self.query[..]));
            let buckets = &self.buckets[..];
            match kind {
                0 => RelativePositions::None,
                1 => RelativePositions::Bias(&self.bias),
                2 => RelativePositions::Disentangled { key, query: None, buckets },
                3 => RelativePositions::Disentangled { key: None, query, buckets },
                _ => RelativePositions::Disentangled { key, query, buckets },
            }
        }
    }

    proptest! {
        #[test]
        fn attention_matches_its_formula(
            lengths in prop::collection::vec(0usize..=67, 0..6),
            n_heads in 1usize..4, head_dim in 1usize..80, seed in any::<u64>(),
            window in prop::option::of(0usize..40), kind in 0u8..5,
        ) {
            for precision in [Precision::F32, Precision::Bf16] {
                let shape = AttentionShape { n_heads, head_dim, scale: 0.1, window, precision };
                check(&lengths, shape, kind, seed)?;
            }
        }
    }

    #[test]
    fn a_long_text_is_attended_whole_though_its_queries_are_split() {
        for window in [None, Some(5), Some(200)] {
            for kind in 0..5 {
                for precision in [Precision::F32, Precision::Bf16] {
                    let (n_heads, head_dim) = (2, 8);
                    let shape =
                        AttentionShape { n_heads, head_dim, scale: 0.35, window, precision };
                    check(&[3, 300, 129], shape, kind, 7).unwrap();
                    check(&[700, 2, 1100], shape, kind, 8).unwrap();
                }
            }
        }
    }

    fn check(
        lengths: &[usize],
        shape: AttentionShape,
        kind: u8,
        seed: u64,
    ) -> Result<(), TestCaseError> {
        let offsets = samples::offsets(lengths);
        let offsets = Offsets::new(&offsets);
        let tokens = lengths.iter().sum::<usize>();
        let qkv = samples::noise(tokens * 3 * shape.n_heads * shape.head_dim, seed);
        let longest = lengths.iter().copied().max().unwrap_or(0).max(1);
        let positions = Positions::random(shape, longest, seed);
        let positions = positions.of_kind(kind);
        let fast = packed_attention(&qkv, offsets, shape, positions);
        let exact = reference::packed_attention(&qkv, offsets, shape, positions);
        prop_assert_eq!(fast.len(), exact.len());
        for (a, b) in fast.iter().zip(&exact) {
            let tolerance = if shape.precision == Precision::F32 { 1e-5 } else { 0.03 };
            prop_assert!((f64::from(*a) - b).abs() < tolerance, "{a} {b}");
        }
        Ok(())
    }
}
