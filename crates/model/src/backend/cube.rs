//! The CubeCL backends, burn-wgpu and burn-cuda: their operations by the kernels of splade-gpu.
//!
//! Weights, and the states between layers, are held in the precision that the model was loaded in; a
//! kernel reads and writes that and computes in `f32`.

use burn::tensor::backend::DeviceOps;
use burn::tensor::ops::{FloatTensor, FloatTensorOps};
use burn::tensor::{DType, Slice, Tensor, TensorMetadata};
use burn_cubecl::cubecl::prelude::StorageType;
use burn_cubecl::kernel::cast;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime, FloatElement, IntElement};
use splade_gpu::{
    Norm, Pool, Positions, add_bias, add_norm, attention_fits, has_activation, largest_logits,
    linear, packed_attention, product,
};
use splade_kernels::{
    Activation, AttentionShape, HeadScreen, PoolActivation, PoolStrategy, SparseRows,
};

use super::stock;
use crate::layers::{unwrap, wrap};
use crate::{
    BackendKind, DeviceThreads, LinearWeights, ModelError, NormWeights, Pooling, Precision,
    RelativePositions, SpladeBackend,
};

/// Logits that the head holds at once: 64 MiB.
const TILE_LOGITS: usize = 1 << 24;
/// Words of a tile are a multiple of this, so that a tile of the decoder is a view, not a copy.
const TILE_STEP: usize = 64;

impl<R, F, I, BT> SpladeBackend for CubeBackend<R, F, I, BT>
where
    R: CubeRuntime,
    R::Device: DeviceOps,
    F: FloatElement,
    I: IntElement,
    BT: BoolElement,
{
    const KIND: BackendKind = BackendKind::Gpu;

    fn has_precision(precision: Precision, device: &R::Device) -> bool {
        dtype_of(precision)
            .map(StorageType::from)
            .is_some_and(|dtype| R::client(device).properties().supports_type(dtype))
    }

    fn device_threads(device: &R::Device) -> Option<DeviceThreads> {
        let id = device.id();
        Some(DeviceThreads { kind: id.type_id, number: id.index_id })
    }

    fn hold(weight: FloatTensor<Self>, precision: Precision) -> FloatTensor<Self> {
        let dtype = dtype_of(precision).expect("the model has asked for a precision that is there");
        held_as(weight, dtype)
    }

    fn fused_linear(
        x: FloatTensor<Self>,
        weights: LinearWeights<'_, FloatTensor<Self>>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let LinearWeights::Tensors { weight, bias } = weights else {
            unreachable!("this backend packs no weights");
        };
        let dtype = weight.dtype;
        let x = held_as(x, dtype);
        if has_activation(activation) {
            return linear(x, weight, bias, activation);
        }
        let y = held_as(linear(x, weight, bias, Activation::Linear), DType::F32);
        held_as(unwrap(stock::activate::<Self>(wrap(y), activation)), dtype)
    }

    fn linear_add(
        x: FloatTensor<Self>,
        weights: LinearWeights<'_, FloatTensor<Self>>,
        residual: FloatTensor<Self>,
        norm: Option<NormWeights<FloatTensor<Self>>>,
    ) -> FloatTensor<Self> {
        let (y, bias) = product_of(x, weights);
        add_norm(y, bias, Some(residual), norm.map(norm_of))
    }

    fn packed_attention(
        qkv: FloatTensor<Self>,
        offsets: &[u32],
        shape: AttentionShape,
        positions: RelativePositions<'_, FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        attention::<Self, R>(qkv, None, offsets, shape, positions)
    }

    fn projected_attention(
        x: FloatTensor<Self>,
        qkv: LinearWeights<'_, FloatTensor<Self>>,
        offsets: &[u32],
        shape: AttentionShape,
        positions: RelativePositions<'_, FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        let (qkv, bias) = product_of(x, qkv);
        attention::<Self, R>(qkv, bias, offsets, shape, positions)
    }

    fn rotate(
        qkv: FloatTensor<Self>,
        offsets: &[u32],
        table: FloatTensor<Self>,
        shape: AttentionShape,
    ) -> FloatTensor<Self> {
        splade_gpu::rotate(qkv, offsets, table, shape)
    }

    fn gate(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        if has_activation(activation) {
            return splade_gpu::gate(x, activation);
        }
        let dtype = x.dtype;
        held_as(stock::gate::<Self>(held_as(x, DType::F32), activation), dtype)
    }

    fn add_layer_norm(
        x: FloatTensor<Self>,
        residual: Option<FloatTensor<Self>>,
        norm: NormWeights<FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        add_norm(x, None, residual, Some(norm_of(norm)))
    }

    /// In `f32` the largest logits are found where they are made; else, and for sums, a product for each
    /// tile of the vocabulary and the pooling of its logits: nothing of `[tokens, vocab]`, nothing padded.
    fn head_pool(
        hidden_states: FloatTensor<Self>,
        decoder: LinearWeights<'_, FloatTensor<Self>>,
        bias: FloatTensor<Self>,
        offsets: &[u32],
        pooling: Pooling,
        _screen: Option<&HeadScreen>,
    ) -> FloatTensor<Self> {
        let LinearWeights::Tensors { weight, .. } = decoder else {
            unreachable!("this backend packs no weights");
        };
        let hidden_states = held_as(hidden_states, weight.dtype);
        let [vocab, hidden_size] = [weight.shape()[0], weight.shape()[1]];
        let sum = pooling.strategy == PoolStrategy::Sum;
        let twice = pooling.activation == PoolActivation::Log1pRelu;
        if weight.dtype == DType::F32 && !sum && hidden_size.is_multiple_of(4) {
            return largest_logits(hidden_states, weight, bias, offsets, twice);
        }
        let tokens = hidden_states.shape()[0];
        let pool = Pool::new(bias, vocab, offsets, sum, twice);
        let words = (TILE_LOGITS / tokens.max(1) / TILE_STEP * TILE_STEP).max(TILE_STEP);
        for first_word in (0..vocab).step_by(words) {
            let end = (first_word + words).min(vocab);
            let tile = [Slice::from(first_word..end), Slice::from(0..hidden_size)];
            let tile = Self::float_slice(weight.clone(), &tile);
            let logits = product(hidden_states.clone(), tile, DType::F32);
            pool.add(logits, first_word);
        }
        pool.into_pooled()
    }

    fn gather_non_zeros(
        rows: FloatTensor<Self>,
        capacity: usize,
        keep: Option<usize>,
    ) -> Result<Option<SparseRows>, ModelError> {
        splade_gpu::compact(rows, capacity, keep).map_err(|reason| ModelError::Device { reason })
    }
}

/// What a precision's weights and states are held in, where these backends have it.
fn dtype_of(precision: Precision) -> Option<DType> {
    match precision {
        Precision::F32 => Some(DType::F32),
        Precision::F16 => Some(DType::F16),
        Precision::Bf16 => Some(DType::BF16),
        Precision::Int8 => None,
    }
}

fn held_as<R: CubeRuntime>(tensor: CubeTensor<R>, dtype: DType) -> CubeTensor<R> {
    if tensor.dtype == dtype { tensor } else { cast(tensor, dtype) }
}

/// `x · weightᵀ`, in the type of the weight, and the bias that it lacks.
fn product_of<R: CubeRuntime>(
    x: CubeTensor<R>,
    weights: LinearWeights<'_, CubeTensor<R>>,
) -> (CubeTensor<R>, Option<CubeTensor<R>>) {
    let LinearWeights::Tensors { weight, bias } = weights else {
        unreachable!("this backend packs no weights");
    };
    let dtype = weight.dtype;
    (product(held_as(x, dtype), weight, dtype), bias)
}

fn norm_of<R: CubeRuntime>(norm: NormWeights<CubeTensor<R>>) -> Norm<R> {
    let NormWeights { gamma, beta, eps } = norm;
    Norm { gamma, beta, eps }
}

/// Attention by the kernel; by the stock body where heads are too wide for a device's shared memory.
fn attention<B, R>(
    qkv: CubeTensor<R>,
    bias: Option<CubeTensor<R>>,
    offsets: &[u32],
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

/// Zeros behind each head, which change no product: `[rows, parts * hidden]`, wider.
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

/// Heads of their own width again.
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

/// The stock body, in `f32`: its numbers for hidden places are none of f16's.
fn stock_attention<B, R>(
    qkv: CubeTensor<R>,
    offsets: &[u32],
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
