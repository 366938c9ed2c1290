//! Attention on a GPU: the kernel, with heads padded to a width that it supports, or the stock
//! body.

use burn::tensor::{DType, Tensor, TensorMetadata};
use burn_cubecl::CubeRuntime;
use burn_cubecl::tensor::CubeTensor;
use splade_gpu::{Positions, add_bias, attention_fits, packed_attention};
use splade_kernels::{Activation, AttentionShape, Offsets};

use super::{held_as, stock};
use crate::layers::{unwrap, wrap};
use crate::{RelativePositions, SpladeBackend};

/// Runs the kernel, or the stock body if heads are too wide for the device's shared memory.
pub(super) fn attention<B, R>(
    qkv: CubeTensor<R>,
    bias: Option<CubeTensor<R>>,
    offsets: Offsets<'_>,
    shape: AttentionShape,
    positions: RelativePositions<'_, CubeTensor<R>>,
) -> CubeTensor<R>
where
    R: CubeRuntime,
    B: SpladeBackend<FloatTensorPrimitive = CubeTensor<R>>,
{
    let shared_memory = qkv.client.properties().hardware.max_shared_memory_size;
    let padded = AttentionShape { head_dim: shape.head_dim.next_multiple_of(4), ..shape };
    let is_bucketed = matches!(positions, RelativePositions::Disentangled { .. });
    if !attention_fits(padded.head_dim, shared_memory) {
        let qkv = add_bias(qkv, bias, Activation::Linear);
        return stock_attention::<B, R>(qkv, offsets, shape, positions);
    }
    let (qkv, bias) = match is_bucketed || padded.head_dim != shape.head_dim {
        true => (add_bias(qkv, bias, Activation::Linear), None),
        false => (qkv, bias),
    };
    let pad = |tensor, parts| pad_heads::<B, R>(tensor, parts, shape, padded.head_dim);
    let positions = match positions {
        RelativePositions::None => Positions::default(),
        RelativePositions::Bias(table) => {
            Positions { distances: Some(table), ..Positions::default() }
        }
        RelativePositions::Disentangled { key, query, buckets } => Positions {
            keys: key.map(|table| held_as(pad(table, 1), DType::F32)),
            queries: query.map(|table| held_as(pad(table, 1), DType::F32)),
            buckets: buckets.to_vec(),
            ..Positions::default()
        },
    };
    let attended = packed_attention(pad(qkv, 3), bias, offsets, padded, positions);
    cut_heads::<B, R>(attended, shape, padded.head_dim)
}

/// Appends zeros to each head, which change no product: `[rows, parts * hidden]` becomes wider.
fn pad_heads<B, R>(
    tensor: CubeTensor<R>,
    parts: usize,
    shape: AttentionShape,
    head_dim: usize,
) -> CubeTensor<R>
where
    R: CubeRuntime,
    B: SpladeBackend<FloatTensorPrimitive = CubeTensor<R>>,
{
    if head_dim == shape.head_dim {
        return tensor;
    }
    let (rows, heads) = (tensor.shape()[0], parts * shape.n_heads);
    let tensor = wrap::<B, 2>(tensor).reshape([rows, heads, shape.head_dim]);
    let zeros =
        tensor.clone().slice([0..rows, 0..heads, 0..head_dim - shape.head_dim]).zeros_like();
    unwrap(Tensor::cat(vec![tensor, zeros], 2).reshape([rows, heads * head_dim]))
}

/// Cuts heads back to their own width.
fn cut_heads<B, R>(tensor: CubeTensor<R>, shape: AttentionShape, head_dim: usize) -> CubeTensor<R>
where
    R: CubeRuntime,
    B: SpladeBackend<FloatTensorPrimitive = CubeTensor<R>>,
{
    if head_dim == shape.head_dim {
        return tensor;
    }
    let (rows, heads) = (tensor.shape()[0], shape.n_heads);
    let tensor = wrap::<B, 2>(tensor).reshape([rows, heads, head_dim]);
    let tensor = tensor.slice([0..rows, 0..heads, 0..shape.head_dim]);
    unwrap(tensor.reshape([rows, heads * shape.head_dim]))
}

/// The stock body, in `f32`: its fill value for masked scores overflows f16.
fn stock_attention<B, R>(
    qkv: CubeTensor<R>,
    offsets: Offsets<'_>,
    shape: AttentionShape,
    positions: RelativePositions<'_, CubeTensor<R>>,
) -> CubeTensor<R>
where
    R: CubeRuntime,
    B: SpladeBackend<FloatTensorPrimitive = CubeTensor<R>>,
{
    let wide = |tensor: CubeTensor<R>| held_as(tensor, DType::F32);
    let positions = match positions {
        RelativePositions::None => RelativePositions::None,
        RelativePositions::Bias(table) => RelativePositions::Bias(wide(table)),
        RelativePositions::Disentangled { key, query, buckets } => {
            RelativePositions::Disentangled { key: key.map(wide), query: query.map(wide), buckets }
        }
    };
    let dtype = qkv.dtype;
    held_as(stock::packed_attention::<B>(wide(qkv), offsets, shape, positions), dtype)
}
