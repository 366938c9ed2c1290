//! The layers that architectures are made of.

use burn::module::{Module, Param, ParamId};
use burn::tensor::backend::Backend;
use burn::tensor::{DType, Int, Tensor, TensorData};
use std::borrow::Cow;
use std::sync::Arc;

use splade_kernels::{Activation, LinearShape, PackedLinear};

use crate::weights::Weights;
use crate::{LinearWeights, ModelError, NormWeights, Precision, SpladeBackend};

/// activation(x · weightᵀ + bias).
#[derive(Module, Debug)]
pub(crate) struct Linear<B: Backend> {
    /// `None` where the backend has packed them.
    weight: Option<Param<Tensor<B, 2>>>,
    bias: Option<Param<Tensor<B, 1>>>,
    #[module(skip)]
    packed: Option<Arc<PackedLinear>>,
}

impl<B: SpladeBackend> Linear<B> {
    /// Takes `path.weight` `[out, in]` and `path.bias` `[out]` of one layer, or of several of one
    /// size which share their input, as one: their outputs stand side by side. One product of three
    /// times the width beats three products.
    pub(crate) fn load_with(
        weights: &mut Weights,
        paths: &[&str],
        [out, in_features]: [usize; 2],
        has_bias: bool,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        // Of what is missing, the weight is named first.
        paths.iter().try_for_each(|path| weights.require(&format!("{path}.weight")))?;
        let mut bias = Vec::new();
        if has_bias {
            for path in paths {
                bias.append(&mut weights.take(&format!("{path}.bias"), &[out])?);
            }
        }
        let (shape, precision) = ([out * paths.len(), in_features], weights.precision());
        let layer = |weight: Cow<'_, [f32]>| Self::of(weight, bias, shape, precision, device);
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

    /// Takes one layer, its output's halves changed over.
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
        Ok(Self::of(weight.into(), bias, [out, in_features], weights.precision(), device))
    }

    /// Takes the kernel `[out, in, size]` of a convolution as a layer over `size` neighbours side by
    /// side, `[out, size * in]`.
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
        Ok(Self::of(weight.into(), bias, [out, size * in_features], weights.precision(), device))
    }

    /// A layer of these numbers; without bias where there are none.
    fn of(
        weight: Cow<'_, [f32]>,
        bias: Vec<f32>,
        shape: [usize; 2],
        precision: Precision,
        device: &B::Device,
    ) -> Self {
        let sizes = LinearShape { in_features: shape[1], out_features: shape[0] };
        let has_bias = !bias.is_empty();
        let packed = B::pack_linear(&weight, has_bias.then_some(&bias[..]), sizes, precision);
        match packed {
            Some(_) => Self { weight: None, bias: None, packed },
            None => {
                let bias = has_bias.then(|| param(bias, [shape[0]], device));
                let weight = weight_in(precision, weight.into_owned(), shape, device);
                Self { weight: Some(weight), bias, packed }
            }
        }
    }

    /// # Shapes
    /// `x` `[tokens, in]`; returns `[tokens, out]`.
    pub(crate) fn forward(&self, x: Tensor<B, 2>, activation: Activation) -> Tensor<B, 2> {
        wrap(B::fused_linear(unwrap(x), self.weights(), activation))
    }

    /// `x · weightᵀ + bias + residual`, through `norm` where there is one.
    pub(crate) fn forward_added(
        &self,
        x: Tensor<B, 2>,
        residual: Tensor<B, 2>,
        norm: Option<&LayerNorm<B>>,
    ) -> Tensor<B, 2> {
        let (x, residual) = (unwrap(x), unwrap(residual));
        wrap(B::linear_add(x, self.weights(), residual, norm.map(LayerNorm::weights)))
    }

    /// `down(activation(self(x))) + residual`, through `norm` where there is one.
    pub(crate) fn forward_through(
        &self,
        down: &Self,
        x: Tensor<B, 2>,
        activation: Activation,
        residual: Tensor<B, 2>,
        norm: Option<&LayerNorm<B>>,
    ) -> Tensor<B, 2> {
        let (up, down, norm) = (self.weights(), down.weights(), norm.map(LayerNorm::weights));
        wrap(B::feed_forward(unwrap(x), up, activation, down, unwrap(residual), norm))
    }

    pub(crate) fn weights(&self) -> LinearWeights<'_, B::FloatTensorPrimitive> {
        held(&self.packed, &self.weight, self.bias.as_ref())
    }
}

/// (x - mean) / sqrt(var + eps) · gamma + beta, over the last dimension.
#[derive(Module, Debug)]
pub(crate) struct LayerNorm<B: Backend> {
    gamma: Param<Tensor<B, 1>>,
    beta: Param<Tensor<B, 1>>,
    eps: f64,
}

impl<B: SpladeBackend> LayerNorm<B> {
    /// Takes `path.weight` and `path.bias`, both `[width]`; without a bias beta is 0.
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
        Ok(Self { gamma: param(gamma, [width], device), beta: param(beta, [width], device), eps })
    }

    /// Where its weights are.
    pub(crate) fn device(&self) -> B::Device {
        self.gamma.val().device()
    }

    /// Normalises `x`, or `x + residual`.
    pub(crate) fn forward(&self, x: Tensor<B, 2>, residual: Option<Tensor<B, 2>>) -> Tensor<B, 2> {
        wrap(B::add_layer_norm(unwrap(x), residual.map(unwrap), self.weights()))
    }

    fn weights(&self) -> NormWeights<B::FloatTensorPrimitive> {
        let (gamma, beta) = (unwrap(self.gamma.val()), unwrap(self.beta.val()));
        NormWeights { gamma, beta, eps: self.eps as f32 }
    }
}

/// A table with a row for each id.
#[derive(Module, Debug)]
pub(crate) struct Embedding<B: Backend> {
    /// `None` where it is packed.
    table: Option<Param<Tensor<B, 2>>>,
    #[module(skip)]
    packed: Option<Arc<PackedLinear>>,
}

impl<B: SpladeBackend> Embedding<B> {
    /// Takes `path` `[rows, width]`.
    pub(crate) fn load(
        weights: &mut Weights,
        path: &str,
        rows_width: [usize; 2],
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let table = weights.take(path, &rows_width)?;
        Ok(Self { table: Some(param(table, rows_width, device)), packed: None })
    }

    /// As [`load`](Self::load), for a table that is a decoder too: held in the precision of the
    /// products, where that is not `f32`.
    pub(crate) fn load_words(
        weights: &mut Weights,
        path: &str,
        [rows, width]: [usize; 2],
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let precision = weights.precision();
        if precision == Precision::F32 {
            return Self::load(weights, path, [rows, width], device);
        }
        let shape = LinearShape { in_features: width, out_features: rows };
        weights.take_with(path, &[rows, width], |table| {
            let packed = B::pack_linear(table, None, shape, precision);
            let table = packed
                .is_none()
                .then(|| weight_in(precision, table.to_vec(), [rows, width], device));
            Self { table, packed }
        })
    }

    /// The rows of `ids`, which must be within the table: `[ids, width]`, `f32`.
    pub(crate) fn forward(&self, ids: &[u32], device: &B::Device) -> Tensor<B, 2> {
        match self.weights() {
            LinearWeights::Packed(table) => {
                let width = table.shape().in_features;
                let mut rows = vec![0.0; ids.len() * width];
                let places = ids.iter().zip(rows.chunks_exact_mut(width));
                places.for_each(|(&id, row)| table.column(id as usize, row));
                Tensor::from_data(TensorData::new(rows, [ids.len(), width]), device)
            }
            LinearWeights::Tensors { weight, .. } => {
                let ids: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
                let shape = [ids.len()];
                let ids = Tensor::<B, 1, Int>::from_data(TensorData::new(ids, shape), device);
                in_f32(wrap::<B, 2>(weight).select(0, ids))
            }
        }
    }

    /// The whole table, as a decoder without bias.
    pub(crate) fn weights(&self) -> LinearWeights<'_, B::FloatTensorPrimitive> {
        held(&self.packed, &self.table, None)
    }
}

/// Weights as whichever of the two holds them.
fn held<'a, B: Backend>(
    packed: &'a Option<Arc<PackedLinear>>,
    weight: &Option<Param<Tensor<B, 2>>>,
    bias: Option<&Param<Tensor<B, 1>>>,
) -> LinearWeights<'a, B::FloatTensorPrimitive> {
    match (packed, weight) {
        (Some(packed), _) => LinearWeights::Packed(packed),
        (None, Some(weight)) => {
            let bias = bias.map(|bias| unwrap(bias.val()));
            LinearWeights::Tensors { weight: unwrap(weight.val()), bias }
        }
        (None, None) => unreachable!("weights are kept as the one or the other"),
    }
}

/// A parameter on the device.
pub(crate) fn param<B: Backend, const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &B::Device,
) -> Param<Tensor<B, D>> {
    let tensor = Tensor::from_data(TensorData::new(values, shape), device);
    Param::initialized(ParamId::new(), tensor)
}

/// A matrix of weights on the device, as its backend's products of `precision` take it.
fn weight_in<B: SpladeBackend>(
    precision: Precision,
    values: Vec<f32>,
    shape: [usize; 2],
    device: &B::Device,
) -> Param<Tensor<B, 2>> {
    let tensor = Tensor::<B, 2>::from_data(TensorData::new(values, shape), device);
    Param::initialized(ParamId::new(), wrap(B::hold(unwrap(tensor), precision)))
}

/// A matrix in `f32`, whatever its backend keeps it in.
pub(crate) fn in_f32<B: Backend>(tensor: Tensor<B, 2>) -> Tensor<B, 2> {
    if tensor.dtype() == DType::F32 { tensor } else { tensor.cast(DType::F32) }
}

pub(crate) fn unwrap<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> B::FloatTensorPrimitive {
    tensor.into_primitive().tensor()
}

pub(crate) fn wrap<B: Backend, const D: usize>(primitive: B::FloatTensorPrimitive) -> Tensor<B, D> {
    Tensor::from_primitive(burn::tensor::TensorPrimitive::Float(primitive))
}
