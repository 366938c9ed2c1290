//! A backend's attention and rotation against their stock bodies and the formulas in f64.

use proptest::prelude::*;
use splade_kernels::{Activation, AttentionShape, LinearShape, Offsets};
use splade_model::stock::{self, TensorLinear};
use splade_model::{LinearOps, Precision, RelativePositions, SpladeBackend};

use crate::cases::{AttentionCase, PositionKind, numbers};
use crate::suite::{compare, matrix, tensor, values};
use crate::{reference, samples};

pub(crate) fn check_attention<B: SpladeBackend>(
    case: &AttentionCase,
    tolerance: f64,
) -> Result<(), TestCaseError> {
    let AttentionShape { n_heads, head_dim, .. } = case.shape;
    let offsets = samples::offsets(&case.lengths);
    let offsets = Offsets::new(&offsets);
    let (tokens, hidden) = (case.lengths.iter().sum::<usize>(), n_heads * head_dim);
    if tokens == 0 {
        return Ok(()); // Not every backend has tensors without entries; models never make them.
    }
    let longest = case.lengths.iter().copied().max().unwrap_or(0);
    let n_buckets = 7;
    let bias = numbers(n_heads * 9, case.seed ^ 1);
    let key = numbers(n_buckets * hidden, case.seed ^ 2);
    let query = numbers(n_buckets * hidden, case.seed ^ 3);
    let buckets: Vec<u32> =
        (0..2 * longest - 1).map(|distance| (distance * 5 % n_buckets) as u32).collect();
    let of_buckets = |table: &Vec<f32>| tensor::<B, 2>(table, [n_buckets, hidden]);
    let positions = || match case.kind {
        PositionKind::None => RelativePositions::None,
        PositionKind::Bias => RelativePositions::Bias(tensor::<B, 2>(&bias, [n_heads, 9])),
        PositionKind::Disentangled { key: has_key, query: has_query } => {
            RelativePositions::Disentangled {
                key: has_key.then(|| of_buckets(&key)),
                query: has_query.then(|| of_buckets(&query)),
                buckets: &buckets,
            }
        }
    };
    let plain = match case.kind {
        PositionKind::None => splade_kernels::RelativePositions::None,
        PositionKind::Bias => splade_kernels::RelativePositions::Bias(&bias),
        PositionKind::Disentangled { key: has_key, query: has_query } => {
            splade_kernels::RelativePositions::Disentangled {
                key: has_key.then_some(&key[..]),
                query: has_query.then_some(&query[..]),
                buckets: &buckets,
            }
        }
    };
    let qkv = numbers(tokens * 3 * hidden, case.seed);
    let input = || tensor::<B, 2>(&qkv, [tokens, 3 * hidden]);
    let shape = [tokens, hidden];
    let found = B::packed_attention(input(), offsets, case.shape, positions());
    let found = values::<B>(found, shape)?;
    let stock = stock::packed_attention::<B>(input(), offsets, case.shape, positions());
    let stock = values::<B>(stock, shape)?;
    let exact = reference::packed_attention(&qkv, offsets, case.shape, plain);
    compare::<B>(&found, &stock, &exact, tolerance)
}

pub(crate) fn check_projected_attention<B: SpladeBackend>(
    case: &AttentionCase,
    tolerance: f64,
) -> Result<(), TestCaseError> {
    const WIDTH: usize = 5;
    let AttentionShape { n_heads, head_dim, .. } = case.shape;
    let offsets = samples::offsets(&case.lengths);
    let offsets = Offsets::new(&offsets);
    let (tokens, hidden) = (case.lengths.iter().sum::<usize>(), n_heads * head_dim);
    if tokens == 0 {
        return Ok(()); // As above.
    }
    let x = numbers(tokens * WIDTH, case.seed);
    let weight = numbers(3 * hidden * WIDTH, case.seed ^ 1);
    let sizes = LinearShape { in_features: WIDTH, out_features: 3 * hidden };
    let weights = || matrix(&weight, [3 * hidden, WIDTH], Precision::F32);
    let device = B::Device::default();
    let layer = B::Linear::prepare(weights(), None, &device);
    let input = || tensor::<B, 2>(&x, [tokens, WIDTH]);
    let none = || RelativePositions::None;
    let found = layer.attention(input(), offsets, case.shape, none());
    let qkv = TensorLinear::<B>::prepare(weights(), None, &device);
    let qkv = qkv.forward(input(), Activation::Linear);
    let stock = stock::packed_attention::<B>(qkv, offsets, case.shape, none());
    let shape = [tokens, hidden];
    let (found, stock) = (values::<B>(found, shape)?, values::<B>(stock, shape)?);
    let qkv = reference::linear(&x, &weight, None, Activation::Linear, sizes);
    let qkv: Vec<f32> = qkv.into_iter().map(|value| value as f32).collect();
    let none = splade_kernels::RelativePositions::None;
    let exact = reference::packed_attention(&qkv, offsets, case.shape, none);
    compare::<B>(&found, &stock, &exact, 2.0 * tolerance)
}

pub(crate) fn check_rotation<B: SpladeBackend>(
    case: &AttentionCase,
    tolerance: f64,
) -> Result<(), TestCaseError> {
    let AttentionShape { n_heads, head_dim, .. } = case.shape;
    let offsets = samples::offsets(&case.lengths);
    let offsets = Offsets::new(&offsets);
    let tokens = case.lengths.iter().sum::<usize>();
    if tokens == 0 {
        return Ok(());
    }
    let shape = [tokens, 3 * n_heads * head_dim];
    let qkv = numbers(shape[0] * shape[1], case.seed);
    let table = numbers(150 * head_dim, case.seed ^ 1);
    let input = || tensor::<B, 2>(&qkv, shape);
    let angles = || tensor::<B, 2>(&table, [150, head_dim]);
    let found = values::<B>(B::rotate(input(), offsets, angles(), case.shape), shape)?;
    let stock = stock::rotate::<B>(input(), offsets, angles(), case.shape);
    let stock = values::<B>(stock, shape)?;
    let exact = reference::rotate(&qkv, offsets, &table, case.shape);
    compare::<B>(&found, &stock, &exact, tolerance)
}
