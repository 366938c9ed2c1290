//! The operations on tensors that live in host memory, by `splade-kernels`: on slices, without
//! copies of the inputs.

use std::borrow::Cow;
use std::sync::Arc;

use splade_kernels::{
    Activation, AttentionShape, Decoder, Finish, HeadScreen, HeadShape, LinearShape, PackedLinear,
    PoolStrategy, Precision, RelativePositions as OnSlices,
};

use crate::{LinearWeights, NormWeights, Pooling, RelativePositions};

/// What the kernels need of a backend's tensor.
pub(super) trait HostTensor: Sized {
    fn dims(&self) -> Vec<usize>;

    /// The values in row-major order; a copy only where the tensor is a view in another order.
    ///
    /// # Panics
    /// When the tensor is not `f32`: these backends hold no tensor in another type (rounded weights are
    /// [`PackedLinear`]s).
    fn values(&self) -> Cow<'_, [f32]>;

    /// A tensor that takes over the allocation.
    fn from_values(values: Vec<f32>, shape: [usize; 2]) -> Self;
}

/// Implements `SpladeBackend` for a backend whose tensors are [`HostTensor`]s.
macro_rules! run_on_kernels {
    ($backend:ty) => {
        impl $crate::SpladeBackend for $backend {
            const KIND: $crate::BackendKind = $crate::BackendKind::Host;

            fn has_precision(precision: $crate::Precision, _device: &Self::Device) -> bool {
                precision.on_cpu().is_some()
            }

            fn pack_linear(
                weight: &[f32],
                bias: Option<&[f32]>,
                shape: splade_kernels::LinearShape,
                precision: $crate::Precision,
            ) -> Option<std::sync::Arc<splade_kernels::PackedLinear>> {
                let precision = precision.on_cpu()?;
                Some($crate::backend::host::pack_linear(weight, bias, shape, precision))
            }

            fn fused_linear(
                x: burn::tensor::ops::FloatTensor<Self>,
                weights: $crate::LinearWeights<'_, burn::tensor::ops::FloatTensor<Self>>,
                activation: $crate::Activation,
            ) -> burn::tensor::ops::FloatTensor<Self> {
                $crate::backend::host::fused_linear(x, weights, activation)
            }

            fn linear_add(
                x: burn::tensor::ops::FloatTensor<Self>,
                weights: $crate::LinearWeights<'_, burn::tensor::ops::FloatTensor<Self>>,
                residual: burn::tensor::ops::FloatTensor<Self>,
                norm: Option<$crate::NormWeights<burn::tensor::ops::FloatTensor<Self>>>,
            ) -> burn::tensor::ops::FloatTensor<Self> {
                $crate::backend::host::linear_add(x, weights, residual, norm)
            }

            fn feed_forward(
                x: burn::tensor::ops::FloatTensor<Self>,
                up: $crate::LinearWeights<'_, burn::tensor::ops::FloatTensor<Self>>,
                activation: $crate::Activation,
                down: $crate::LinearWeights<'_, burn::tensor::ops::FloatTensor<Self>>,
                residual: burn::tensor::ops::FloatTensor<Self>,
                norm: Option<$crate::NormWeights<burn::tensor::ops::FloatTensor<Self>>>,
            ) -> burn::tensor::ops::FloatTensor<Self> {
                $crate::backend::host::feed_forward(x, up, activation, down, residual, norm)
            }

            fn packed_attention(
                qkv: burn::tensor::ops::FloatTensor<Self>,
                offsets: &[u32],
                shape: $crate::AttentionShape,
                positions: $crate::RelativePositions<'_, burn::tensor::ops::FloatTensor<Self>>,
            ) -> burn::tensor::ops::FloatTensor<Self> {
                $crate::backend::host::packed_attention(qkv, offsets, shape, positions)
            }

            fn projected_attention(
                x: burn::tensor::ops::FloatTensor<Self>,
                qkv: $crate::LinearWeights<'_, burn::tensor::ops::FloatTensor<Self>>,
                offsets: &[u32],
                shape: $crate::AttentionShape,
                positions: $crate::RelativePositions<'_, burn::tensor::ops::FloatTensor<Self>>,
            ) -> burn::tensor::ops::FloatTensor<Self> {
                $crate::backend::host::projected_attention(x, qkv, offsets, shape, positions)
            }

            fn rotate(
                qkv: burn::tensor::ops::FloatTensor<Self>,
                offsets: &[u32],
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

            fn head_pool(
                hidden_states: burn::tensor::ops::FloatTensor<Self>,
                decoder: $crate::LinearWeights<'_, burn::tensor::ops::FloatTensor<Self>>,
                bias: burn::tensor::ops::FloatTensor<Self>,
                offsets: &[u32],
                pooling: $crate::Pooling,
                screen: Option<&splade_kernels::HeadScreen>,
            ) -> burn::tensor::ops::FloatTensor<Self> {
                $crate::backend::host::head_pool(
                    hidden_states,
                    decoder,
                    bias,
                    offsets,
                    pooling,
                    screen,
                )
            }

            fn screen_head(
                decoder: $crate::LinearWeights<'_, burn::tensor::ops::FloatTensor<Self>>,
                bias: burn::tensor::ops::FloatTensor<Self>,
            ) -> Option<std::sync::Arc<splade_kernels::HeadScreen>> {
                $crate::backend::host::screen_head(decoder, bias)
            }
        }
    };
}
pub(super) use run_on_kernels;

pub(super) fn pack_linear(
    weight: &[f32],
    bias: Option<&[f32]>,
    shape: LinearShape,
    precision: Precision,
) -> Arc<PackedLinear> {
    Arc::new(PackedLinear::new(weight, bias, shape, precision))
}

pub(super) fn fused_linear<T: HostTensor>(
    x: T,
    weights: LinearWeights<'_, T>,
    activation: Activation,
) -> T {
    with_packed(weights, |layer| {
        let y = layer.forward(&x.values(), Finish::Activate(activation));
        T::from_values(y, [x.dims()[0], layer.shape().out_features])
    })
}

pub(super) fn linear_add<T: HostTensor>(
    x: T,
    weights: LinearWeights<'_, T>,
    residual: T,
    norm: Option<NormWeights<T>>,
) -> T {
    let dims = [x.dims()[0], residual.dims()[1]];
    with_finish(residual, norm, |finish| {
        with_packed(weights, |layer| T::from_values(layer.forward(&x.values(), finish), dims))
    })
}

pub(super) fn feed_forward<T: HostTensor>(
    x: T,
    up: LinearWeights<'_, T>,
    activation: Activation,
    down: LinearWeights<'_, T>,
    residual: T,
    norm: Option<NormWeights<T>>,
) -> T {
    let dims = [x.dims()[0], residual.dims()[1]];
    with_finish(residual, norm, |finish| {
        with_packed(up, |up| {
            with_packed(down, |down| {
                let y = splade_kernels::feed_forward(&x.values(), up, activation, down, finish);
                T::from_values(y, dims)
            })
        })
    })
}

/// A residual, and a norm where there is one, as what follows a product.
fn with_finish<T: HostTensor>(
    residual: T,
    norm: Option<NormWeights<T>>,
    run: impl FnOnce(Finish<'_>) -> T,
) -> T {
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

/// Weights that come as tensors (no model of ours has them so) are packed for this one product.
fn with_packed<T: HostTensor, R>(
    weights: LinearWeights<'_, T>,
    run: impl FnOnce(&PackedLinear) -> R,
) -> R {
    match weights {
        LinearWeights::Packed(layer) => run(layer),
        LinearWeights::Tensors { weight, bias } => {
            let shape =
                LinearShape { in_features: weight.dims()[1], out_features: weight.dims()[0] };
            let bias = bias.as_ref().map(T::values);
            run(&PackedLinear::new(&weight.values(), bias.as_deref(), shape, Precision::F32))
        }
    }
}

pub(super) fn packed_attention<T: HostTensor>(
    qkv: T,
    offsets: &[u32],
    shape: AttentionShape,
    positions: RelativePositions<'_, T>,
) -> T {
    let values = qkv.values();
    let attended = with_positions(&positions, |positions| {
        splade_kernels::packed_attention(&values, offsets, shape, positions)
    });
    T::from_values(attended, [qkv.dims()[0], shape.n_heads * shape.head_dim])
}

pub(super) fn projected_attention<T: HostTensor>(
    x: T,
    qkv: LinearWeights<'_, T>,
    offsets: &[u32],
    shape: AttentionShape,
    positions: RelativePositions<'_, T>,
) -> T {
    let values = x.values();
    let attended = with_positions(&positions, |positions| {
        with_packed(qkv, |qkv| {
            splade_kernels::projected_attention(&values, qkv, offsets, shape, positions)
        })
    });
    T::from_values(attended, [x.dims()[0], shape.n_heads * shape.head_dim])
}

/// Positions on slices.
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

pub(super) fn rotate<T: HostTensor>(qkv: T, offsets: &[u32], table: T, shape: AttentionShape) -> T {
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

pub(super) fn head_pool<T: HostTensor>(
    hidden_states: T,
    decoder: LinearWeights<'_, T>,
    bias: T,
    offsets: &[u32],
    pooling: Pooling,
    screen: Option<&HeadScreen>,
) -> T {
    let (hidden_states, bias) = (hidden_states.values(), bias.values());
    let Pooling { strategy, activation } = pooling;
    // A sum has a part of every positive logit: a bound rules out less.
    let screen = screen.filter(|_| strategy == PoolStrategy::Max);
    let (h, b) = (&hidden_states[..], &bias[..]);
    let screened = |decoder, screen| {
        splade_kernels::head_pool_screened(h, decoder, b, offsets, screen, activation)
    };
    let pooled = match decoder {
        LinearWeights::Packed(layer) => match screen {
            Some(screen) => screened(Decoder::Packed(layer), screen),
            None => splade_kernels::head_pool_packed(h, layer, b, offsets, strategy, activation),
        },
        LinearWeights::Tensors { weight, .. } => {
            let hidden_size = weight.dims()[1];
            let shape = HeadShape { hidden_size, vocab_size: bias.len() };
            let weight = weight.values();
            match screen {
                Some(screen) => screened(Decoder::Plain(&weight), screen),
                None => {
                    splade_kernels::head_pool(h, &weight, b, offsets, shape, strategy, activation)
                }
            }
        }
    };
    T::from_values(pooled, [offsets.len() - 1, bias.len()])
}

pub(super) fn screen_head<T: HostTensor>(
    decoder: LinearWeights<'_, T>,
    bias: T,
) -> Option<Arc<HeadScreen>> {
    let bias = bias.values();
    let screen = match decoder {
        LinearWeights::Packed(layer) => HeadScreen::of_packed(layer, &bias),
        LinearWeights::Tensors { weight, .. } => {
            let shape = HeadShape { hidden_size: weight.dims()[1], vocab_size: bias.len() };
            HeadScreen::new(&weight.values(), &bias, shape)
        }
    };
    screen.map(Arc::new)
}
