//! Attention, and the positions that it depends on.

use burn::tensor::activation::softmax;
use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Int, Tensor};
use splade_kernels::{AttentionShape, Offsets};

use super::groups::{index, padded_groups};
use crate::RelativePositions;
use crate::layers::{unwrap, wrap};

/// The body of [`SpladeBackend::packed_attention`](crate::SpladeBackend::packed_attention). Texts
/// are padded to the longest of a group, and the padding is removed again.
pub fn packed_attention<B: Backend>(
    qkv: FloatTensor<B>,
    offsets: Offsets<'_>,
    shape: AttentionShape,
    positions: RelativePositions<'_, FloatTensor<B>>,
) -> FloatTensor<B> {
    let qkv = wrap::<B, 2>(qkv);
    let device = qkv.device();
    let AttentionShape { n_heads, head_dim, scale, window, arithmetic: _ } = shape;
    let hidden = n_heads * head_dim;
    let positions = Positions::new(positions, shape, &device);
    let mut attended = Vec::new();
    for group in padded_groups(offsets) {
        let (texts, length) = (group.texts.len(), group.length);
        let padded = qkv.clone().select(0, group.padding_index(offsets, &device));
        let parts = padded.reshape([texts, length, 3, n_heads, head_dim]);
        let part = |which: usize| -> Tensor<B, 4> {
            let one = parts.clone().slice([0..texts, 0..length, which..which + 1]);
            one.squeeze_dim::<4>(2).swap_dims(1, 2)
        };
        let (query, key, value) = (part(0), part(1), part(2));
        let scores = query.clone().matmul(key.clone().swap_dims(2, 3)).mul_scalar(scale);
        let scores = positions.add_to(scores, query, key, scale);
        let mask = group.padding_mask::<B>(offsets, &device);
        let mask = mask.reshape([texts, 1, 1, length]).expand([texts, n_heads, length, length]);
        let mut scores = scores.mask_fill(mask, -1e30);
        if let Some(window) = window {
            let hidden = distances::<B>(length, &device).abs().greater_elem(window as i64);
            let hidden = hidden.reshape([1, 1, length, length]);
            scores = scores.mask_fill(hidden.expand([texts, n_heads, length, length]), -1e30);
        }
        let context = softmax(scores, 3).matmul(value);
        let context = context.swap_dims(1, 2).reshape([texts * length, hidden]);
        attended.push(context.select(0, group.unpadding_index(offsets, &device)));
    }
    match attended.is_empty() {
        true => unwrap(Tensor::<B, 2>::zeros([0, hidden], &device)),
        false => unwrap(Tensor::cat(attended, 0)),
    }
}

/// Query - key for each pair of positions: `[length, length]`, one row per query.
fn distances<B: Backend>(length: usize, device: &B::Device) -> Tensor<B, 2, Int> {
    let positions = Tensor::<B, 1, Int>::arange(0..length as i64, device);
    positions.clone().reshape([length, 1]) - positions.reshape([1, length])
}

/// What positions add to scores, in the shapes of padded texts.
enum Positions<B: Backend> {
    None,
    /// `[heads, 2 * reach + 1]`.
    Bias(Tensor<B, 2>),
    /// Keys and queries `[1, heads, head_dim, buckets]`, and the bucket of each distance.
    Buckets {
        key: Option<Tensor<B, 4>>,
        query: Option<Tensor<B, 4>>,
        buckets: Tensor<B, 1, Int>,
    },
}

impl<B: Backend> Positions<B> {
    fn new(
        positions: RelativePositions<'_, FloatTensor<B>>,
        shape: AttentionShape,
        device: &B::Device,
    ) -> Self {
        let by_head = |table: FloatTensor<B>| {
            let table = wrap::<B, 2>(table);
            let [n_buckets, _] = table.dims();
            let table = table.reshape([1, n_buckets, shape.n_heads, shape.head_dim]);
            table.swap_dims(1, 2).swap_dims(2, 3)
        };
        match positions {
            RelativePositions::None => Self::None,
            RelativePositions::Bias(bias) => Self::Bias(wrap(bias)),
            RelativePositions::Disentangled { key, query, buckets } => Self::Buckets {
                key: key.map(by_head),
                query: query.map(by_head),
                buckets: index(buckets.iter().map(|&bucket| bucket as i32).collect(), device),
            },
        }
    }

    /// `scores` `[texts, heads, length, length]`, `query` and `key`
    /// `[texts, heads, length, head_dim]`.
    fn add_to(
        &self,
        scores: Tensor<B, 4>,
        query: Tensor<B, 4>,
        key: Tensor<B, 4>,
        scale: f32,
    ) -> Tensor<B, 4> {
        let [texts, heads, length, _] = scores.dims();
        let distances = |middle: i64| {
            let distances = distances::<B>(length, &scores.device());
            distances.reshape([length * length]).add_scalar(middle)
        };
        match self {
            Self::None => scores,
            Self::Bias(bias) => {
                let reach = (bias.dims()[1] / 2) as i64;
                // Key - query, so the bias is read backwards.
                let positions = distances(0).neg().clamp(-reach, reach).add_scalar(reach);
                let bias = bias.clone().select(1, positions).reshape([1, heads, length, length]);
                scores + bias
            }
            Self::Buckets { key: key_table, query: query_table, buckets } => {
                let middle = (buckets.dims()[0] / 2) as i64;
                let of_pair = buckets.clone().select(0, distances(middle));
                let of_pair = of_pair.reshape([1, 1, length, length]);
                let of_pair = of_pair.expand([texts, heads, length, length]);
                let mut scores = scores;
                if let Some(table) = key_table {
                    let all = query.matmul(table.clone()).mul_scalar(scale);
                    scores = scores + all.gather(3, of_pair.clone());
                }
                if let Some(table) = query_table {
                    let all = key.matmul(table.clone()).mul_scalar(scale);
                    // Each row is a key: the bucket of query - key is at [key, query].
                    let found = all.gather(3, of_pair.swap_dims(2, 3));
                    scores = scores + found.swap_dims(2, 3);
                }
                scores
            }
        }
    }
}

/// The body of [`SpladeBackend::rotate`](crate::SpladeBackend::rotate).
pub fn rotate<B: Backend>(
    qkv: FloatTensor<B>,
    offsets: Offsets<'_>,
    table: FloatTensor<B>,
    shape: AttentionShape,
) -> FloatTensor<B> {
    let AttentionShape { n_heads, head_dim, .. } = shape;
    let (hidden, half) = (n_heads * head_dim, head_dim / 2);
    let qkv = wrap::<B, 2>(qkv);
    let [tokens, _] = qkv.dims();
    let positions = offsets.positions().map(|position| position as i32).collect();
    let table = wrap::<B, 2>(table).select(0, index(positions, &qkv.device()));
    let angle = |start| table.clone().slice([0..tokens, start..start + half]);
    let wide = |x: Tensor<B, 2>| x.reshape([tokens, 1, half]).expand([tokens, 2 * n_heads, half]);
    let (cos, sin) = (wide(angle(0)), wide(angle(half)));
    let heads = qkv.clone().slice([0..tokens, 0..2 * hidden]);
    let heads = heads.reshape([tokens, 2 * n_heads, head_dim]);
    let part = |start| heads.clone().slice([0..tokens, 0..2 * n_heads, start..start + half]);
    let (a, b) = (part(0), part(half));
    let turned =
        Tensor::cat(vec![a.clone() * cos.clone() - b.clone() * sin.clone(), b * cos + a * sin], 2);
    let values = qkv.slice([0..tokens, 2 * hidden..3 * hidden]);
    unwrap(Tensor::cat(vec![turned.reshape([tokens, 2 * hidden]), values], 1))
}
