//! Weights on a GPU, and the operations that use them. A kernel's own layout of weights belongs
//! here and is read nowhere else.

use burn::tensor::{DType, Slice, TensorData, TensorMetadata};
use burn_cubecl::CubeRuntime;
use burn_cubecl::tensor::CubeTensor;
use splade_gpu::{
    Pool, Products, add_norm, has_activation, has_fused_head, largest_logits, linear, product,
};
use splade_kernels::{Activation, AttentionShape, Offsets, PoolActivation, PoolStrategy};

use super::attention::attention;
use super::products::products_of;
use super::{dtype_of, held_as, norm_of, stock};
use crate::layers::{unwrap, wrap};
use crate::{
    DecoderOps, LinearOps, Matrix, NormWeights, Pooling, RelativePositions, SpladeBackend, TableOps,
};

/// Logits that the head holds at a time: 64 MiB.
const TILE_LOGITS: usize = 1 << 24;
/// The words of a tile are a multiple of this, so that a tile of the decoder is a view, not a copy.
const TILE_STEP: usize = 64;

/// A linear layer, with its weight in the model's precision.
#[derive(Debug)]
pub struct CubeLinear<R: CubeRuntime> {
    /// `[out, in]`.
    weight: CubeTensor<R>,
    /// `[out]`, `f32`.
    bias: Option<CubeTensor<R>>,
    products: Products,
}

impl<R: CubeRuntime> CubeLinear<R> {
    /// `x · weightᵀ` in the type of the weight, and the bias, which is not added yet.
    fn product(&self, x: CubeTensor<R>) -> (CubeTensor<R>, Option<CubeTensor<R>>) {
        let dtype = self.weight.dtype;
        let y = product(held_as(x, dtype), self.weight.clone(), dtype, self.products);
        (y, self.bias.clone())
    }
}

impl<B, R> LinearOps<B> for CubeLinear<R>
where
    R: CubeRuntime,
    B: SpladeBackend<FloatTensorPrimitive = CubeTensor<R>>,
{
    fn prepare(weight: Matrix<'_>, bias: Option<Vec<f32>>, device: &B::Device) -> Self {
        let bias = bias.map(|bias| {
            let shape = [bias.len()];
            B::float_from_data(TensorData::new(bias, shape), device)
        });
        let products = products_of(weight.arithmetic.gpu_products);
        Self { weight: held_matrix::<B, R>(weight, device), bias, products }
    }

    fn forward(&self, x: CubeTensor<R>, activation: Activation) -> CubeTensor<R> {
        let (weight, bias, dtype) = (self.weight.clone(), self.bias.clone(), self.weight.dtype);
        let x = held_as(x, dtype);
        if has_activation(activation) {
            return linear(x, weight, bias, activation, self.products);
        }
        let y = linear(x, weight, bias, Activation::Linear, self.products);
        let y = held_as(y, DType::F32);
        let y = stock::activate::<B>(wrap(y), activation);
        held_as(unwrap(y), dtype)
    }

    fn forward_added(
        &self,
        x: CubeTensor<R>,
        residual: CubeTensor<R>,
        norm: Option<NormWeights<CubeTensor<R>>>,
    ) -> CubeTensor<R> {
        let (y, bias) = self.product(x);
        add_norm(y, bias, Some(residual), norm.map(norm_of))
    }

    fn attention(
        &self,
        x: CubeTensor<R>,
        offsets: Offsets<'_>,
        shape: AttentionShape,
        positions: RelativePositions<'_, CubeTensor<R>>,
    ) -> CubeTensor<R> {
        let (qkv, bias) = self.product(x);
        attention::<B, R>(qkv, bias, offsets, shape, positions)
    }
}

/// A table in the model's precision.
#[derive(Clone, Debug)]
pub struct CubeTable<R: CubeRuntime> {
    /// `[rows, width]`.
    weights: CubeTensor<R>,
    /// Of a decoder that is made from it.
    products: Products,
}

impl<B, R> TableOps<B> for CubeTable<R>
where
    R: CubeRuntime,
    B: SpladeBackend<FloatTensorPrimitive = CubeTensor<R>>,
{
    fn prepare(weights: Matrix<'_>, device: &B::Device) -> Self {
        let products = products_of(weights.arithmetic.gpu_products);
        Self { weights: held_matrix::<B, R>(weights, device), products }
    }

    fn rows(&self, ids: &[u32], device: &B::Device) -> CubeTensor<R> {
        let rows = wrap::<B, 2>(self.weights.clone());
        let ids = stock::index(ids.iter().map(|&id| id as i32).collect(), device);
        held_as(unwrap(rows.select(0, ids)), DType::F32)
    }
}

/// A decoder in the model's precision.
#[derive(Debug)]
pub struct CubeDecoder<R: CubeRuntime> {
    /// `[vocab, hidden]`.
    weights: CubeTensor<R>,
    /// `[vocab]`, `f32`.
    bias: CubeTensor<R>,
    products: Products,
}

impl<B, R> DecoderOps<B> for CubeDecoder<R>
where
    R: CubeRuntime,
    B: SpladeBackend<FloatTensorPrimitive = CubeTensor<R>, Table = CubeTable<R>>,
{
    fn prepare(table: &CubeTable<R>, bias: Vec<f32>, device: &B::Device) -> Self {
        let shape = [bias.len()];
        let bias = TensorData::new(bias, shape);
        let bias = B::float_from_data(bias, device);
        Self { weights: table.weights.clone(), bias, products: table.products }
    }

    /// In `f32`, and on the kernel for Hopper cards, max pooling happens inside the product.
    /// Otherwise, and for sums, each tile of the vocabulary is one product followed by one pooling
    /// kernel. Neither holds `[tokens, vocab]`, and nothing is padded.
    fn pool(
        &self,
        hidden_states: CubeTensor<R>,
        offsets: Offsets<'_>,
        pooling: Pooling,
    ) -> CubeTensor<R> {
        let (weight, bias) = (self.weights.clone(), self.bias.clone());
        let hidden_states = held_as(hidden_states, weight.dtype);
        let [vocab, hidden_size] = [weight.shape()[0], weight.shape()[1]];
        let sum = pooling.strategy == PoolStrategy::Sum;
        let twice = pooling.activation == PoolActivation::Log1pRelu;
        if !sum && has_fused_head(&hidden_states, &weight, self.products) {
            return largest_logits(hidden_states, weight, bias, offsets, twice);
        }
        let tokens = hidden_states.shape()[0];
        let pool = Pool::new(bias, vocab, offsets, sum, twice);
        let words = (TILE_LOGITS / tokens.max(1) / TILE_STEP * TILE_STEP).max(TILE_STEP);
        for first_word in (0..vocab).step_by(words) {
            let end = (first_word + words).min(vocab);
            let tile = [Slice::from(first_word..end), Slice::from(0..hidden_size)];
            let tile = B::float_slice(weight.clone(), &tile);
            let logits = product(hidden_states.clone(), tile, DType::F32, Products::CubeCl);
            pool.add(logits, first_word);
        }
        pool.into_pooled()
    }
}

/// A matrix on a device, in the type of its precision.
fn held_matrix<B, R>(matrix: Matrix<'_>, device: &B::Device) -> CubeTensor<R>
where
    R: CubeRuntime,
    B: SpladeBackend<FloatTensorPrimitive = CubeTensor<R>>,
{
    let Matrix { values, shape, arithmetic } = matrix;
    let dtype = dtype_of(arithmetic.precision)
        .expect("a model is loaded in a precision that its device has");
    let data = TensorData::new(values.into_owned(), shape);
    held_as(B::float_from_data(data, device), dtype)
}
