//! Multi-head self-attention over packed texts.
//!
//! A task handles some queries of one head of one text, one chunk of keys at a time: it multiplies
//! its queries with the keys, takes exponentials relative to the largest score so far, and
//! multiplies these with the values. If a chunk has a larger score, the sums of earlier chunks are
//! scaled down (online softmax: Milakov and Gimelshein, arXiv:1805.02867). So memory does not grow
//! with the length of a text.

mod panels;
mod positions;
mod projected;
mod softmax;
mod task;

use rayon::prelude::*;

pub use self::projected::projected_attention;
use self::task::{Attention, Task, seen};
use crate::output::{Output, Unwritten, entries};
use crate::product::ProductKernel;
use crate::{Arithmetic, Offsets, Precision};

/// Queries per task. Each task packs its own keys.
const QUERIES_PER_TASK: usize = 512;

/// The heads of an attention layer.
#[derive(Clone, Copy, Debug)]
pub struct AttentionShape {
    /// Heads; the hidden size is `n_heads * head_dim`.
    pub n_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// Multiplies scores; usually 1 / sqrt(head_dim).
    pub scale: f32,
    /// A token attends to tokens at most this many positions away; `None` means the whole text.
    pub window: Option<usize>,
    /// Precision and instructions of the products. Unless the precision is `f32`, queries, keys,
    /// values and attention weights are rounded to bf16 if there are instructions for it.
    pub arithmetic: Arithmetic,
}

impl AttentionShape {
    pub(crate) fn hidden(&self) -> usize {
        entries(self.n_heads, self.head_dim)
    }

    fn kernel(&self) -> ProductKernel {
        let Arithmetic { precision, isa } = self.arithmetic;
        let pays = isa.times_f32(Precision::Bf16) >= 2.0;
        let precision = match precision {
            Precision::Bf16 | Precision::Int8 if pays => Precision::Bf16,
            _ => Precision::F32,
        };
        ProductKernel::of(Arithmetic { precision, isa })
    }
}

/// What the relative position of a key and a query adds to their score.
#[derive(Clone, Copy, Debug)]
pub enum RelativePositions<'a> {
    /// Nothing.
    None,
    /// A number per head and distance: `[n_heads, 2 * reach + 1]`, for the distances key - query
    /// from -reach to reach. Larger distances use the outermost numbers. Not scaled.
    Bias(&'a [f32]),
    /// Disentangled attention (DeBERTa): `scale * (query · key[b] + key · query[b])` for the bucket
    /// b of the distance.
    Disentangled {
        /// Keys of the buckets, `[n_buckets, hidden]`, multiplied with the queries of tokens.
        key: Option<&'a [f32]>,
        /// Queries of the buckets, `[n_buckets, hidden]`, multiplied with the keys of tokens.
        query: Option<&'a [f32]>,
        /// The bucket of each distance query - key, from `1 - positions` to `positions - 1`.
        buckets: &'a [u32],
    },
}

/// softmax(scale · Q Kᵀ + positions) V for each text and head; a token attends only to tokens of
/// its own text.
///
/// # Shapes
/// `qkv` `[tokens, 3 * hidden]`: each row holds the token's query, key and value; `offsets`
/// `[texts + 1]`, ending at `tokens`; returns `[tokens, hidden]`.
///
/// # Panics
/// If the lengths do not match, or if a text is longer than `buckets` covers.
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
            // SAFETY: a task owns its queries of its head: no two tasks share rows and columns.
            let mut out = unsafe { output.block(task.queries.clone(), columns) };
            let attention = Attention { qkv, shape, positions, kernel, task: &task };
            attention.run(&mut out);
        });
    };
    // SAFETY: every token is a query of exactly one task per head, which writes its row.
    unsafe { Output::written(tokens, hidden, write) }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{reference, samples};

    /// Random positions of each kind.
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
                let arithmetic = precision.into();
                let shape = AttentionShape { n_heads, head_dim, scale: 0.1, window, arithmetic };
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
                    let arithmetic = precision.into();
                    let shape =
                        AttentionShape { n_heads, head_dim, scale: 0.35, window, arithmetic };
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
            let tolerance = if shape.arithmetic.precision == Precision::F32 { 1e-5 } else { 0.03 };
            prop_assert!((f64::from(*a) - b).abs() < tolerance, "{a} {b}");
        }
        Ok(())
    }
}
