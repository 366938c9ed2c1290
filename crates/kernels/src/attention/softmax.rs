//! Online softmax over chunks of keys.

use std::ops::Range;

use crate::SimdLevel;
use crate::layer_norm::sum_of_lanes;
use crate::math::exp;
use crate::output::{Block, Unwritten};
use crate::panels::PANEL;
use crate::product::RowOrder;
use crate::simd::multiversion;

/// Exponentials per loop iteration, which fill vectors.
const LANES: usize = 16;
/// The score of a masked key: its exponential is 0.
pub(super) const HIDDEN: f32 = -1e30;

/// State of each query of a task over the keys so far: the maximum score, the sum of exponentials
/// relative to it, and the sum of values weighted by these.
#[derive(Default)]
pub(super) struct Running {
    max: Vec<f32>,
    sum: Vec<f32>,
    /// `[panels of the head, queries, PANEL]`, with the queries padded to whole tiles.
    values: Vec<f32>,
}

/// Number of queries including padding.
fn filled(queries: usize) -> usize {
    RowOrder::Tiles.filled(queries)
}

impl Running {
    pub(super) fn reset(&mut self, queries: usize, head_dim: usize) {
        self.max.clear();
        self.max.resize(queries, f32::NEG_INFINITY);
        self.sum.clear();
        self.sum.resize(queries, 0.0);
        self.values.clear();
        self.values.resize(head_dim.div_ceil(PANEL) * filled(queries) * PANEL, 0.0);
    }

    /// The value sums of some queries, one panel of the head at a time.
    pub(super) fn sums(&mut self, queries: Range<usize>) -> impl Iterator<Item = &mut [f32]> {
        let panel = filled(self.max.len()) * PANEL;
        let rows = queries.start * PANEL..queries.end * PANEL;
        self.values.chunks_exact_mut(panel).map(move |panel| &mut panel[rows.clone()])
    }
}

/// Replaces the scores `[panels, pitch, PANEL]` of some queries with `n_keys` keys by exponentials
/// relative to each query's maximum so far, and rescales the running sums to the new maximum.
pub(super) fn add_chunk(
    level: SimdLevel,
    scores: &mut [f32],
    n_keys: usize,
    pitch: usize,
    running: &mut Running,
    queries: Range<usize>,
) {
    for (row, query) in queries.enumerate() {
        let before = running.max[query];
        let (max, sum) = exponentials(level, scores, row, pitch, n_keys, before);
        let shrink = if max > before { exp(before - max) } else { 1.0 };
        running.max[query] = max;
        running.sum[query] = running.sum[query] * shrink + sum;
        if shrink != 1.0 && before > f32::NEG_INFINITY {
            for values in running.sums(query..query + 1) {
                values.iter_mut().for_each(|v| *v *= shrink);
            }
        }
    }
}

/// Writes `values / sum` of each query to its row of `out`, which is as wide as the head.
pub(super) fn write_rows(running: &Running, out: &mut Block<'_, Unwritten>) {
    let queries = filled(running.max.len());
    for (query, sum) in running.sum.iter().enumerate() {
        let inverse = 1.0 / sum;
        for (panel, out) in out.row(query).chunks_mut(PANEL).enumerate() {
            let values = &running.values[(panel * queries + query) * PANEL..][..PANEL];
            out.iter_mut().zip(values).for_each(|(out, v)| *out = Unwritten::new(v * inverse));
        }
    }
}

/// Replaces one query's scores by e^(score - max), where `max` is the larger of their maximum and
/// `before`. Returns `max` and the sum of the exponentials; padding in the last lanes becomes 0.
#[inline(always)]
fn exponentials_body(
    scores: &mut [f32],
    row: usize,
    pitch: usize,
    n_keys: usize,
    before: f32,
) -> (f32, f32) {
    let panels = n_keys.div_ceil(PANEL);
    let offset = |panel: usize| (panel * pitch + row) * PANEL;
    let filled = |panel: usize| (n_keys - panel * PANEL).min(PANEL);
    let last = &mut scores[offset(panels - 1)..][..PANEL];
    last[filled(panels - 1)..].fill(HIDDEN);
    let mut lanes = [before; LANES];
    for panel in 0..panels {
        let width = filled(panel).next_multiple_of(LANES);
        for chunk in scores[offset(panel)..][..width].as_chunks::<LANES>().0 {
            // NaN compares as not greater here; it propagates through its exponential.
            lanes.iter_mut().zip(chunk).for_each(|(m, &v)| *m = if v > *m { v } else { *m });
        }
    }
    let max = lanes.iter().fold(f32::NEG_INFINITY, |m, &v| if v > m { v } else { m });
    let mut sums = [0.0; LANES];
    for panel in 0..panels {
        let width = filled(panel).next_multiple_of(LANES);
        for chunk in scores[offset(panel)..][..width].as_chunks_mut::<LANES>().0 {
            for (sum, v) in sums.iter_mut().zip(chunk) {
                *v = exp(*v - max);
                *sum += *v;
            }
        }
    }
    (max, sum_of_lanes(sums))
}

multiversion!(fn exponentials(scores: &mut [f32], row: usize, pitch: usize, n_keys: usize, before: f32) -> (f32, f32) = exponentials_body);
