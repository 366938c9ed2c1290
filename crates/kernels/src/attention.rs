//! Multi-head self-attention over packed texts.

use std::ops::Range;

use rayon::prelude::*;

use crate::SimdLevel;
use crate::layer_norm::lane_sum;
use crate::math::exp;
use crate::matmul::{Block, Output, View};
use crate::simd::multiversion;

/// Queries whose scores are held at once: memory grows with the length of a text, not its square.
const QUERIES_PER_TASK: usize = 128;

/// The heads of an attention layer.
#[derive(Clone, Copy, Debug)]
pub struct AttentionShape {
    /// Heads; the hidden size is `n_heads * head_dim`.
    pub n_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// What scores are multiplied by, usually 1 / sqrt(head_dim).
    pub scale: f32,
    /// A token sees the tokens that are at most so many places away; `None` is all of its text.
    pub window: Option<usize>,
}

/// What the place of a key beside its query adds to their score.
#[derive(Clone, Copy, Debug)]
pub enum RelativePositions<'a> {
    /// Nothing.
    None,
    /// A number for each head and distance: `[n_heads, 2 * reach + 1]`, the distance key - query
    /// from -reach to reach, the ends standing for all that is farther away. Not scaled.
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
/// `offsets` `[texts + 1]`, rising from 0 to `tokens`; returns `[tokens, hidden]`.
///
/// # Panics
/// When the lengths do not fit together; when a text is longer than there are buckets for.
pub fn packed_attention(
    qkv: &[f32],
    offsets: &[u32],
    shape: AttentionShape,
    positions: RelativePositions<'_>,
) -> Vec<f32> {
    let AttentionShape { n_heads, head_dim, scale, window } = shape;
    let hidden = n_heads * head_dim;
    assert!(hidden > 0, "attention of hidden size 0");
    assert_eq!(qkv.len() % (3 * hidden), 0, "qkv is not whole rows of 3 * hidden");
    let tokens = qkv.len() / (3 * hidden);
    assert_eq!(
        offsets.last().copied().unwrap_or(0) as usize,
        tokens,
        "offsets do not end at tokens"
    );

    let mut out = vec![0.0; tokens * hidden];
    let output = Output::new(&mut out, tokens, hidden);
    let level = SimdLevel::detect();
    plan_tasks(offsets, shape).into_par_iter().for_each_init(Scratch::default, |scratch, task| {
        let (q0, q1) = (task.queries.start, task.queries.end);
        let (n_queries, n_keys) = (task.queries.len(), task.keys.len());
        let part = |token: usize, which: usize, rows: usize| {
            let at = token * 3 * hidden + which * hidden + task.head * head_dim;
            View::rows(&qkv[at..], rows, head_dim, 3 * hidden)
        };
        let Scratch { scores, by_query, by_key } = scratch;
        let weights = grown(scores, n_queries * n_keys);
        let (q, k) = (part(q0, 0, n_queries), part(task.keys.start, 1, n_keys));
        Block::whole(weights, n_queries, n_keys).multiply(q, k.transposed(), scale);
        match positions {
            RelativePositions::None => {}
            RelativePositions::Bias(bias) => {
                let bias = &bias[task.head * bias.len() / n_heads..][..bias.len() / n_heads];
                add_bias(weights, &task, bias);
            }
            RelativePositions::Disentangled { key, query, buckets } => {
                let n_buckets = key.or(query).map_or(0, |table| table.len() / hidden);
                let table = |table| View::rows(table, n_buckets, hidden, hidden);
                let columns = task.head * head_dim;
                if let Some(key) = key {
                    let scores = grown(by_query, n_queries * n_buckets);
                    let key = table(key).columns(columns, head_dim);
                    Block::whole(scores, n_queries, n_buckets).multiply(q, key.transposed(), scale);
                    add_buckets(weights, &task, buckets, |query, _, bucket| {
                        scores[query * n_buckets + bucket]
                    });
                }
                if let Some(query) = query {
                    let scores = grown(by_key, n_keys * n_buckets);
                    let query = table(query).columns(columns, head_dim);
                    Block::whole(scores, n_keys, n_buckets).multiply(k, query.transposed(), scale);
                    add_buckets(weights, &task, buckets, |_, key, bucket| {
                        scores[key * n_buckets + bucket]
                    });
                }
            }
        }
        if let Some(window) = window {
            hide_beyond(weights, &task, window);
        }
        softmax(level, weights, n_keys);
        let columns = task.head * head_dim..(task.head + 1) * head_dim;
        // SAFETY: a task has its own queries of its own head: no two share rows and columns.
        let mut block = unsafe { output.block(q0..q1, columns) };
        let values = part(task.keys.start, 2, n_keys);
        block.multiply(View::rows(weights, n_queries, n_keys, n_keys), values, 1.0);
    });
    out
}

/// What a thread needs, allocated once.
#[derive(Default)]
struct Scratch {
    /// `[queries, keys]`.
    scores: Vec<f32>,
    /// `[queries, buckets]` and `[keys, buckets]`, where there are buckets.
    by_query: Vec<f32>,
    by_key: Vec<f32>,
}

fn grown(buffer: &mut Vec<f32>, length: usize) -> &mut [f32] {
    buffer.resize(buffer.len().max(length), 0.0);
    &mut buffer[..length]
}

/// Some queries of one head of one text, and the keys that they see; both as packed tokens.
struct Task {
    queries: Range<usize>,
    keys: Range<usize>,
    head: usize,
}

fn plan_tasks(offsets: &[u32], shape: AttentionShape) -> Vec<Task> {
    let mut tasks = Vec::new();
    for text in offsets.windows(2) {
        let (start, end) = (text[0] as usize, text[1] as usize);
        assert!(start <= end, "offsets fall");
        for q in (start..end).step_by(QUERIES_PER_TASK) {
            let queries = q..(q + QUERIES_PER_TASK).min(end);
            let keys = match shape.window {
                None => start..end,
                Some(window) => {
                    let last = (queries.end - 1).saturating_add(window);
                    queries.start.saturating_sub(window).max(start)..last.saturating_add(1).min(end)
                }
            };
            tasks.extend((0..shape.n_heads).map(|head| Task {
                queries: queries.clone(),
                keys: keys.clone(),
                head,
            }));
        }
    }
    tasks
}

/// Adds `bias[key - query]` to each score, distances beyond its reach as its ends.
fn add_bias(scores: &mut [f32], task: &Task, bias: &[f32]) {
    let reach = (bias.len() / 2) as isize;
    for (query, row) in task.queries.clone().zip(scores.chunks_exact_mut(task.keys.len())) {
        for (key, score) in task.keys.clone().zip(row) {
            let distance = (key as isize - query as isize).clamp(-reach, reach);
            *score += bias[(distance + reach) as usize];
        }
    }
}

/// Adds what `score(query, key, bucket)` gives, for the bucket of each distance.
fn add_buckets(
    scores: &mut [f32],
    task: &Task,
    buckets: &[u32],
    score_of: impl Fn(usize, usize, usize) -> f32,
) {
    let middle = buckets.len() / 2;
    let n_keys = task.keys.len();
    for (q, row) in scores.chunks_exact_mut(n_keys).enumerate() {
        let query = task.queries.start + q;
        for (k, score) in row.iter_mut().enumerate() {
            let bucket = buckets[middle + query - (task.keys.start + k)];
            *score += score_of(q, k, bucket as usize);
        }
    }
}

/// Gives keys beyond the window a score that no sum of exponentials sees.
fn hide_beyond(scores: &mut [f32], task: &Task, window: usize) {
    for (query, row) in task.queries.clone().zip(scores.chunks_exact_mut(task.keys.len())) {
        for (key, score) in task.keys.clone().zip(row) {
            if key.abs_diff(query) > window {
                *score = -1e30;
            }
        }
    }
}

/// e^(x - max) / sum for each row, in place.
#[inline(always)]
fn softmax_body(x: &mut [f32], width: usize) {
    for row in x.chunks_exact_mut(width) {
        let max = row.iter().fold(f32::NEG_INFINITY, |m, &v| if v > m { v } else { m });
        for v in row.iter_mut() {
            *v = exp(*v - max);
        }
        let inverse = 1.0 / lane_sum(row, |v| v);
        for v in row.iter_mut() {
            *v *= inverse;
        }
    }
}

multiversion!(fn softmax(x: &mut [f32], width: usize) = softmax_body);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference;

    /// Numbers for positions of each kind, for `positions` places and heads of a shape.
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
                bias: reference::noise(shape.n_heads * 9, seed ^ 1),
                key: reference::noise(n_buckets * hidden, seed ^ 2),
                query: reference::noise(n_buckets * hidden, seed ^ 3),
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
            n_heads in 1usize..4, head_dim in 1usize..20, seed in any::<u64>(),
            window in prop::option::of(0usize..40), kind in 0u8..5,
        ) {
            let shape = AttentionShape { n_heads, head_dim, scale: 0.7, window };
            check(&lengths, shape, kind, seed)?;
        }
    }

    #[test]
    fn a_long_text_is_attended_whole_though_its_queries_are_split() {
        for window in [None, Some(5), Some(200)] {
            for kind in 0..5 {
                let shape = AttentionShape { n_heads: 2, head_dim: 8, scale: 0.35, window };
                check(&[3, 300, 129], shape, kind, 7).unwrap();
            }
        }
    }

    fn check(
        lengths: &[usize],
        shape: AttentionShape,
        kind: u8,
        seed: u64,
    ) -> Result<(), TestCaseError> {
        let offsets = reference::offsets(lengths);
        let tokens = lengths.iter().sum::<usize>();
        let qkv = reference::noise(tokens * 3 * shape.n_heads * shape.head_dim, seed);
        let longest = lengths.iter().copied().max().unwrap_or(0).max(1);
        let positions = Positions::random(shape, longest, seed);
        let positions = positions.of_kind(kind);
        let fast = packed_attention(&qkv, &offsets, shape, positions);
        let exact = reference::packed_attention(&qkv, &offsets, shape, positions);
        prop_assert_eq!(fast.len(), exact.len());
        for (a, b) in fast.iter().zip(&exact) {
            prop_assert!((f64::from(*a) - b).abs() < 1e-5, "{a} {b}");
        }
        Ok(())
    }
}
