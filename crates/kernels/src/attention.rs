//! Multi-head self-attention over packed texts.

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
}

/// softmax(scale · Q Kᵀ) V for each text and head; tokens see the tokens of their own text.
///
/// # Shapes
/// `qkv` `[tokens, 3 * hidden]`: each row holds the token's query, key and value;
/// `offsets` `[texts + 1]`, rising from 0 to `tokens`; returns `[tokens, hidden]`.
///
/// # Panics
/// When the lengths do not fit together.
pub fn packed_attention(qkv: &[f32], offsets: &[u32], shape: AttentionShape) -> Vec<f32> {
    let AttentionShape { n_heads, head_dim, scale } = shape;
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
    plan_tasks(offsets, n_heads).into_par_iter().for_each_init(Vec::new, |scores, task| {
        let (start, end) = (task.start, task.end);
        let (q0, q1) = task.queries;
        let (n_queries, n_keys) = (q1 - q0, end - start);
        let part = |token: usize, which: usize, rows: usize| {
            let at = token * 3 * hidden + which * hidden + task.head * head_dim;
            View::rows(&qkv[at..], rows, head_dim, 3 * hidden)
        };
        scores.resize(scores.len().max(n_queries * n_keys), 0.0);
        let weights = &mut scores[..n_queries * n_keys];
        let (q, k) = (part(q0, 0, n_queries), part(start, 1, n_keys));
        Block::whole(weights, n_queries, n_keys).multiply(q, k.transposed(), scale);
        softmax(level, weights, n_keys);
        let columns = task.head * head_dim..(task.head + 1) * head_dim;
        // SAFETY: a task has its own queries of its own head: no two share rows and columns.
        let mut block = unsafe { output.block(q0..q1, columns) };
        block.multiply(View::rows(weights, n_queries, n_keys, n_keys), part(start, 2, n_keys), 1.0);
    });
    out
}

/// Some queries of one head of one text.
struct Task {
    start: usize,
    end: usize,
    queries: (usize, usize),
    head: usize,
}

fn plan_tasks(offsets: &[u32], n_heads: usize) -> Vec<Task> {
    let mut tasks = Vec::new();
    for text in offsets.windows(2) {
        let (start, end) = (text[0] as usize, text[1] as usize);
        assert!(start <= end, "offsets fall");
        for q in (start..end).step_by(QUERIES_PER_TASK) {
            let queries = (q, (q + QUERIES_PER_TASK).min(end));
            tasks.extend((0..n_heads).map(|head| Task { start, end, queries, head }));
        }
    }
    tasks
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

    proptest! {
        #[test]
        fn attention_matches_its_formula(
            lengths in prop::collection::vec(0usize..=67, 0..6),
            n_heads in 1usize..4, head_dim in 1usize..20, seed in any::<u64>(),
        ) {
            check(&lengths, AttentionShape { n_heads, head_dim, scale: 0.7 }, seed)?;
        }
    }

    #[test]
    fn a_long_text_is_attended_whole_though_its_queries_are_split() {
        check(&[3, 300, 129], AttentionShape { n_heads: 2, head_dim: 8, scale: 0.35 }, 7).unwrap();
    }

    fn check(lengths: &[usize], shape: AttentionShape, seed: u64) -> Result<(), TestCaseError> {
        let offsets = reference::offsets(lengths);
        let tokens = lengths.iter().sum::<usize>();
        let qkv = reference::noise(tokens * 3 * shape.n_heads * shape.head_dim, seed);
        let fast = packed_attention(&qkv, &offsets, shape);
        let exact = reference::packed_attention(&qkv, &offsets, shape);
        prop_assert_eq!(fast.len(), exact.len());
        for (a, b) in fast.iter().zip(&exact) {
            prop_assert!((f64::from(*a) - b).abs() < 1e-5, "{a} {b}");
        }
        Ok(())
    }
}
