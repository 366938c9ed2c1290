//! The operations on tensors in host memory, by `splade-kernels`: on slices, without copying the
//! inputs.

use std::borrow::Cow;
use std::sync::Arc;

use burn::tensor::ops::FloatTensor;
use splade_kernels::{
    Activation, Arithmetic, AttentionShape, Finish, Head, LinearShape, Offsets, PackedLinear,
    RelativePositions as OnSlices, Table,
};

use crate::{
    DecoderOps, LinearOps, Matrix, NormWeights, Pooling, RelativePositions, SpladeBackend, TableOps,
};

/// What the kernels need from a backend's tensor.
pub(super) trait HostTensor: Sized {
    fn dims(&self) -> Vec<usize>;

    /// The values in row-major order, copied only if the tensor is a view in another order.
    ///
    /// # Panics
    /// If the tensor is not `f32`. These backends hold no other type; rounded weights belong to the
    /// kernels.
    fn values(&self) -> Cow<'_, [f32]>;

    /// Makes a tensor that takes over the allocation.
    fn from_values(values: Vec<f32>, shape: [usize; 2]) -> Self;
}

/// Implements `SpladeBackend` for a backend whose tensors are [`HostTensor`]s.
macro_rules! run_on_kernels {
    ($backend:ty) => {
        impl $crate::SpladeBackend for $backend {
            const KIND: $crate::BackendKind = $crate::BackendKind::Host;

            type Linear = splade_kernels::PackedLinear;
            type Table = std::sync::Arc<splade_kernels::Table>;
            type Decoder = splade_kernels::Head;

            fn has_precision(precision: $crate::Precision, _device: &Self::Device) -> bool {
                precision.on_cpu().is_some()
            }

            fn packed_attention(
                qkv: burn::tensor::ops::FloatTensor<Self>,
                offsets: $crate::Offsets<'_>,
                shape: $crate::AttentionShape,
                positions: $crate::RelativePositions<'_, burn::tensor::ops::FloatTensor<Self>>,
            ) -> burn::tensor::ops::FloatTensor<Self> {
                $crate::backend::host::packed_attention(qkv, offsets, shape, positions)
            }

            fn rotate(
                qkv: burn::tensor::ops::FloatTensor<Self>,
                offsets: $crate::Offsets<'_>,
                table: burn::tensor::ops::FloatTensor<Self>,
                shape: $crate::AttentionShape,
            ) -> burn::tensor::ops::FloatTensor<Self> {
                $crate::backend::host::rotate(qkv, offsets, table, shape)
            }

            fn gate(
                x: burn::tensor::ops::FloatTensor<Self>,
                activation: $crate::Activation,
            ) -> burn::tensor::ops::FloatTensor<Self> {
                $crate::backend::host::gate(x, activation)
            }

            fn add_layer_norm(
                x: burn::tensor::ops::FloatTensor<Self>,
                residual: Option<burn::tensor::ops::FloatTensor<Self>>,
                norm: $crate::NormWeights<burn::tensor::ops::FloatTensor<Self>>,
            ) -> burn::tensor::ops::FloatTensor<Self> {
                $crate::backend::host::add_layer_norm(x, residual, norm)
            }
        }
    };
}
pub(super) use run_on_kernels;

/// The kernels' name of an arithmetic.
fn on_cpu(arithmetic: crate::Arithmetic) -> Arithmetic {
    let precision = arithmetic.precision.on_cpu();
    let precision = precision.expect("a model is loaded in a precision that its device has");
    Arithmetic { precision, isa: arithmetic.isa }
}

impl<B> LinearOps<B> for PackedLinear
where
    B: SpladeBackend<FloatTensorPrimitive: HostTensor>,
{
    fn prepare(weight: Matrix<'_>, bias: Option<Vec<f32>>, _device: &B::Device) -> Self {
        let [out_features, in_features] = weight.shape;
        let shape = LinearShape { in_features, out_features };
        Self::new(&weight.values, bias.as_deref(), shape, on_cpu(weight.arithmetic))
    }

    fn forward(&self, x: FloatTensor<B>, activation: Activation) -> FloatTensor<B> {
        let y = self.forward(&x.values(), Finish::Activate(activation));
        HostTensor::from_values(y, [x.dims()[0], self.shape().out_features])
    }

    fn forward_added(
        &self,
        x: FloatTensor<B>,
        residual: FloatTensor<B>,
        norm: Option<NormWeights<FloatTensor<B>>>,
    ) -> FloatTensor<B> {
        let dims = [x.dims()[0], self.shape().out_features];
        let y = with_finish(residual, norm, |finish| self.forward(&x.values(), finish));
        HostTensor::from_values(y, dims)
    }

    fn feed_forward(
        &self,
        x: FloatTensor<B>,
        activation: Activation,
        down: &Self,
        residual: FloatTensor<B>,
        norm: Option<NormWeights<FloatTensor<B>>>,
    ) -> FloatTensor<B> {
        let dims = [x.dims()[0], down.shape().out_features];
        let y = with_finish(residual, norm, |finish| {
            splade_kernels::feed_forward(&x.values(), self, activation, down, finish)
        });
        HostTensor::from_values(y, dims)
    }

    fn attention(
        &self,
        x: FloatTensor<B>,
        offsets: Offsets<'_>,
        shape: AttentionShape,
        positions: RelativePositions<'_, FloatTensor<B>>,
    ) -> FloatTensor<B> {
        let values = x.values();
        let attended = with_positions(&positions, |positions| {
            splade_kernels::projected_attention(&values, self, offsets, shape, positions)
        });
        HostTensor::from_values(attended, [x.dims()[0], shape.n_heads * shape.head_dim])
    }
}

impl<B> TableOps<B> for Arc<Table>
where
    B: SpladeBackend<FloatTensorPrimitive: HostTensor>,
{
    fn prepare(weights: Matrix<'_>, _device: &B::Device) -> Self {
        Self::new(Table::new(weights.values, weights.shape, on_cpu(weights.arithmetic)))
    }

    fn rows(&self, ids: &[u32], _device: &B::Device) -> FloatTensor<B> {
        HostTensor::from_values(Table::rows(self, ids), [ids.len(), self.width()])
    }
}

impl<B> DecoderOps<B> for Head
where
    B: SpladeBackend<FloatTensorPrimitive: HostTensor, Table = Arc<Table>>,
{
    fn prepare(table: &Arc<Table>, bias: Vec<f32>, _device: &B::Device) -> Self {
        Self::new(Arc::clone(table), bias)
    }

    fn pool(
        &self,
        hidden_states: FloatTensor<B>,
        offsets: Offsets<'_>,
        pooling: Pooling,
    ) -> FloatTensor<B> {
        let Pooling { strategy, activation } = pooling;
        let pooled = self.pool(&hidden_states.values(), offsets, strategy, activation);
        HostTensor::from_values(pooled, [offsets.n_texts(), self.vocab_size()])
    }
}

/// Turns a residual and an optional norm into the epilogue of a product.
fn with_finish<T: HostTensor, R>(
    residual: T,
    norm: Option<NormWeights<T>>,
    run: impl FnOnce(Finish<'_>) -> R,
) -> R {
    let residual = residual.values();
    match norm {
        None => run(Finish::Add(&residual)),
        Some(NormWeights { gamma, beta, eps }) => {
            let (gamma, beta) = (gamma.values(), beta.values());
            let (gamma, beta) = (&gamma[..], &beta[..]);
            run(Finish::AddNorm { residual: &residual, gamma, beta, eps })
        }
    }
}

pub(super) fn packed_attention<T: HostTensor>(
    qkv: T,
    offsets: Offsets<'_>,
    shape: AttentionShape,
    positions: RelativePositions<'_, T>,
) -> T {
    let values = qkv.values();
    let attended = with_positions(&positions, |positions| {
        splade_kernels::packed_attention(&values, offsets, shape, positions)
    });
    T::from_values(attended, [qkv.dims()[0], shape.n_heads * shape.head_dim])
}

/// Calls `run` with the positions as slices.
fn with_positions<T: HostTensor, R>(
    positions: &RelativePositions<'_, T>,
    run: impl FnOnce(OnSlices<'_>) -> R,
) -> R {
    match positions {
        RelativePositions::None => run(OnSlices::None),
        RelativePositions::Bias(bias) => run(OnSlices::Bias(&bias.values())),
        RelativePositions::Disentangled { key, query, buckets } => {
            let key = key.as_ref().map(T::values);
            let query = query.as_ref().map(T::values);
            run(OnSlices::Disentangled { key: key.as_deref(), query: query.as_deref(), buckets })
        }
    }
}

pub(super) fn rotate<T: HostTensor>(
    qkv: T,
    offsets: Offsets<'_>,
    table: T,
    shape: AttentionShape,
) -> T {
    let mut turned = qkv.values().into_owned();
    splade_kernels::rotate(&mut turned, offsets, &table.values(), shape);
    T::from_values(turned, [qkv.dims()[0], qkv.dims()[1]])
}

pub(super) fn gate<T: HostTensor>(x: T, activation: Activation) -> T {
    let (tokens, width) = (x.dims()[0], x.dims()[1] / 2);
    T::from_values(splade_kernels::gate(&x.values(), width, activation), [tokens, width])
}

pub(super) fn add_layer_norm<T: HostTensor>(x: T, residual: Option<T>, norm: NormWeights<T>) -> T {
    let NormWeights { gamma, beta, eps } = norm;
    let mut y = x.values().into_owned();
    let (gamma, beta) = (gamma.values(), beta.values());
    match residual {
        Some(r) => splade_kernels::add_layer_norm(&mut y, &r.values(), &gamma, &beta, eps),
        None => splade_kernels::layer_norm(&mut y, &gamma, &beta, eps),
    }
    T::from_values(y, [x.dims()[0], gamma.len()])
}
