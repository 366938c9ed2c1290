//! The layers that architectures are built from.

use std::borrow::Cow;

use burn::tensor::backend::Backend;
use burn::tensor::{DType, Tensor, TensorData};
use splade_kernels::{Activation, AttentionShape, Offsets};

use crate::weights::Weights;
use crate::{
    Arithmetic, LinearOps, Matrix, ModelError, NormWeights, Precision, RelativePositions,
    SpladeBackend, TableOps,
};

/// activation(x · weightᵀ + bias).
#[derive(Debug)]
pub(crate) struct Linear<B: SpladeBackend>(B::Linear);

impl<B: SpladeBackend> Linear<B> {
    /// Takes `path.weight` `[out, in]` and `path.bias` `[out]` of one layer, or of several layers
    /// of the same size with the same input. Several become one layer with concatenated outputs,
    /// since one product of three times the width beats three products.
    pub(crate) fn load_with(
        weights: &mut Weights,
        paths: &[&str],
        [out, in_features]: [usize; 2],
        has_bias: bool,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        // Checked before the biases, so that errors name a missing weight first.
        paths.iter().try_for_each(|path| weights.require(&format!("{path}.weight")))?;
        let mut bias = Vec::new();
        if has_bias {
            for path in paths {
                bias.append(&mut weights.take(&format!("{path}.bias"), &[out])?);
            }
        }
        let (shape, arithmetic) = ([out * paths.len(), in_features], weights.arithmetic());
        let layer = |weight: Cow<'_, [f32]>| Self::of(weight, bias, shape, arithmetic, device);
        if let [path] = paths {
            let path = format!("{path}.weight");
            return weights.take_with(&path, &[out, in_features], |weight| layer(weight.into()));
        }
        let mut weight = Vec::with_capacity(shape[0] * in_features);
        for path in paths {
            weights.take_with(&format!("{path}.weight"), &[out, in_features], |part| {
                weight.extend_from_slice(part);
            })?;
        }
        Ok(layer(weight.into()))
    }

    /// Takes one layer and swaps the halves of its output.
    pub(crate) fn load_swapped(
        weights: &mut Weights,
        path: &str,
        [out, in_features]: [usize; 2],
        has_bias: bool,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let mut weight = weights.take(&format!("{path}.weight"), &[out, in_features])?;
        weight.rotate_left(out / 2 * in_features);
        let mut bias = match has_bias {
            true => weights.take(&format!("{path}.bias"), &[out])?,
            false => Vec::new(),
        };
        let half = bias.len() / 2;
        bias.rotate_left(half);
        Ok(Self::of(weight.into(), bias, [out, in_features], weights.arithmetic(), device))
    }

    /// Takes the kernel `[out, in, size]` of a convolution as a linear layer over `size`
    /// concatenated neighbours, `[out, size * in]`.
    pub(crate) fn load_kernel(
        weights: &mut Weights,
        path: &str,
        [out, in_features, size]: [usize; 3],
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let kernel = weights.take(&format!("{path}.weight"), &[out, in_features, size])?;
        let bias = weights.take(&format!("{path}.bias"), &[out])?;
        let mut weight = Vec::with_capacity(kernel.len());
        for of_out in kernel.chunks_exact(in_features * size) {
            for neighbour in 0..size {
                weight.extend(of_out.iter().skip(neighbour).step_by(size));
            }
        }
        Ok(Self::of(weight.into(), bias, [out, size * in_features], weights.arithmetic(), device))
    }

    /// Makes a layer; an empty `bias` means that it has none.
    fn of(
        values: Cow<'_, [f32]>,
        bias: Vec<f32>,
        shape: [usize; 2],
        arithmetic: Arithmetic,
        device: &B::Device,
    ) -> Self {
        let bias = (!bias.is_empty()).then_some(bias);
        Self(B::Linear::prepare(Matrix { values, shape, arithmetic }, bias, device))
    }

    /// # Shapes
    /// `x` `[tokens, in]`; returns `[tokens, out]`.
    pub(crate) fn forward(&self, x: Tensor<B, 2>, activation: Activation) -> Tensor<B, 2> {
        wrap(self.0.forward(unwrap(x), activation))
    }

    /// `x · weightᵀ + bias + residual`, normalised if `norm` is given.
    pub(crate) fn forward_added(
        &self,
        x: Tensor<B, 2>,
        residual: Tensor<B, 2>,
        norm: Option<&LayerNorm<B>>,
    ) -> Tensor<B, 2> {
        let norm = norm.map(LayerNorm::weights);
        wrap(self.0.forward_added(unwrap(x), unwrap(residual), norm))
    }

    /// `down(activation(self(x))) + residual`, normalised if `norm` is given.
    pub(crate) fn feed_forward(
        &self,
        down: &Self,
        x: Tensor<B, 2>,
        activation: Activation,
        residual: Tensor<B, 2>,
        norm: Option<&LayerNorm<B>>,
    ) -> Tensor<B, 2> {
        let (residual, norm) = (unwrap(residual), norm.map(LayerNorm::weights));
        wrap(self.0.feed_forward(unwrap(x), activation, &down.0, residual, norm))
    }

    /// Attention over the queries, keys and values that this layer computes from `x`.
    pub(crate) fn attention(
        &self,
        x: Tensor<B, 2>,
        offsets: Offsets<'_>,
        shape: AttentionShape,
        positions: RelativePositions<'_, B::FloatTensorPrimitive>,
    ) -> Tensor<B, 2> {
        wrap(self.0.attention(unwrap(x), offsets, shape, positions))
    }
}

/// (x - mean) / sqrt(var + eps) · gamma + beta, over the last dimension.
#[derive(Debug)]
pub(crate) struct LayerNorm<B: Backend> {
    gamma: Tensor<B, 1>,
    beta: Tensor<B, 1>,
    eps: f32,
}

impl<B: SpladeBackend> LayerNorm<B> {
    /// Takes `path.weight` and `path.bias`, both `[width]`; beta is 0 if the layer has no bias.
    pub(crate) fn load_with(
        weights: &mut Weights,
        path: &str,
        width: usize,
        eps: f64,
        has_bias: bool,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let gamma = weights.take(&format!("{path}.weight"), &[width])?;
        let beta = match has_bias {
            true => weights.take(&format!("{path}.bias"), &[width])?,
            false => vec![0.0; width],
        };
        let (gamma, beta) = (tensor(gamma, [width], device), tensor(beta, [width], device));
        Ok(Self { gamma, beta, eps: eps as f32 })
    }

    /// Normalises `x`, or `x + residual`.
    pub(crate) fn forward(&self, x: Tensor<B, 2>, residual: Option<Tensor<B, 2>>) -> Tensor<B, 2> {
        wrap(B::add_layer_norm(unwrap(x), residual.map(unwrap), self.weights()))
    }

    fn weights(&self) -> NormWeights<B::FloatTensorPrimitive> {
        let (gamma, beta) = (unwrap(self.gamma.clone()), unwrap(self.beta.clone()));
        NormWeights { gamma, beta, eps: self.eps }
    }
}

/// A table with a row for each id.
#[derive(Debug)]
pub(crate) struct Embedding<B: SpladeBackend>(B::Table);

impl<B: SpladeBackend> Embedding<B> {
    /// Takes `path` `[rows, width]`, as `f32`.
    pub(crate) fn load(
        weights: &mut Weights,
        path: &str,
        shape: [usize; 2],
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let arithmetic = Arithmetic { precision: Precision::F32, ..weights.arithmetic() };
        Self::load_in(arithmetic, weights, path, shape, device)
    }

    /// Like [`load`](Self::load), but in the precision of the products: for a table that may also
    /// be a decoder.
    pub(crate) fn load_words(
        weights: &mut Weights,
        path: &str,
        shape: [usize; 2],
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        Self::load_in(weights.arithmetic(), weights, path, shape, device)
    }

    fn load_in(
        arithmetic: Arithmetic,
        weights: &mut Weights,
        path: &str,
        shape: [usize; 2],
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        weights.take_with(path, &shape, |values| {
            Self(B::Table::prepare(Matrix { values: values.into(), shape, arithmetic }, device))
        })
    }

    /// The rows of `ids`, which must be within the table: `[ids, width]`, `f32`.
    pub(crate) fn forward(&self, ids: &[u32], device: &B::Device) -> Tensor<B, 2> {
        wrap(self.0.rows(ids, device))
    }

    /// The table as the backend holds it.
    pub(crate) fn table(&self) -> &B::Table {
        &self.0
    }
}

/// Makes a tensor on the device.
pub(crate) fn tensor<B: Backend, const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &B::Device,
) -> Tensor<B, D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Converts a matrix to `f32` if its backend holds it in another type.
pub(crate) fn in_f32<B: Backend>(tensor: Tensor<B, 2>) -> Tensor<B, 2> {
    if tensor.dtype() == DType::F32 { tensor } else { tensor.cast(DType::F32) }
}

pub(crate) fn unwrap<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> B::FloatTensorPrimitive {
    tensor.into_primitive().tensor()
}

pub(crate) fn wrap<B: Backend, const D: usize>(primitive: B::FloatTensorPrimitive) -> Tensor<B, D> {
    Tensor::from_primitive(burn::tensor::TensorPrimitive::Float(primitive))
}
