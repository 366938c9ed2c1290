//! Each operation of [`SpladeBackend`](crate::SpladeBackend), with weights as plain tensors, in
//! stock burn operations: the implementation for backends without kernels, and the oracle of those
//! with kernels.

mod attention;
mod groups;
mod head;
mod linear;
mod table;

#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub(super) use groups::index;

pub use attention::{packed_attention, rotate};
pub use head::{TensorDecoder, head_pool};
pub use linear::TensorLinear;
pub use table::TensorTable;

use burn::tensor::Tensor;
use burn::tensor::activation::{gelu, mish, relu, sigmoid, silu};
use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use splade_kernels::Activation;

use crate::NormWeights;
use crate::layers::{unwrap, wrap};

/// ln(1 + x) for 0 <= x <= 1, with a relative error of at most 1e-7: 2 artanh(x / (x + 2)), as a
/// series of eight terms. On GPUs `log1p` is computed as ln(1 + x), which is 0 for small x; a
/// square root would amplify that error.
fn log1p_to_one<B: Backend>(x: Tensor<B, 2>) -> Tensor<B, 2> {
    let z = x.clone() / x.add_scalar(2.0);
    let square = z.clone() * z.clone();
    let mut sum = square.clone().mul_scalar(1.0 / 15.0);
    for odd in [13.0, 11.0, 9.0, 7.0, 5.0, 3.0] {
        sum = sum.add_scalar(1.0 / odd) * square.clone();
    }
    sum.add_scalar(1.0) * z.mul_scalar(2.0)
}

#[allow(clippy::approx_constant, reason = "the reference's own digits")]
const LAPLACE_MEAN: f64 = 0.707107;

/// Applies an activation to each number.
pub(in crate::backend) fn activate<B: Backend>(
    x: Tensor<B, 2>,
    activation: Activation,
) -> Tensor<B, 2> {
    match activation {
        Activation::Gelu => gelu(x),
        Activation::GeluTanh => {
            let inner = (x.clone() + x.clone().powi_scalar(3).mul_scalar(0.044715))
                .mul_scalar((2.0 / std::f64::consts::PI).sqrt());
            x.mul_scalar(0.5) * (inner.tanh() + 1.0)
        }
        Activation::Gelu10 => gelu(x).clamp(-10.0, 10.0),
        Activation::LeakyRelu => x.clone().clamp_min(0.0) + x.clamp_max(0.0).mul_scalar(0.01),
        Activation::HardSwish => x.clone() * x.add_scalar(3.0).clamp(0.0, 6.0).div_scalar(6.0),
        Activation::Laplace => {
            let standard =
                x.sub_scalar(LAPLACE_MEAN).div_scalar(0.282095 * std::f64::consts::SQRT_2);
            standard.erf().add_scalar(1.0).mul_scalar(0.5)
        }
        Activation::SqrtSoftplus => (relu(x.clone()) + log1p_to_one(x.abs().neg().exp())).sqrt(),
        Activation::QuickGelu => x.clone() * sigmoid(x.mul_scalar(1.702)),
        Activation::Relu => relu(x),
        Activation::Relu2 => relu(x).powi_scalar(2),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Silu => silu(x),
        Activation::Sigmoid => sigmoid(x),
        Activation::Tanh => x.tanh(),
        Activation::Mish => mish(x),
        Activation::Linear => x,
        // PROOF: the arms cover every variant, which `every_activation_is_its_stock_body` checks.
        other => unreachable!("activation {other:?} is parsed but has no stock body"),
    }
}

/// The body of [`SpladeBackend::add_layer_norm`](crate::SpladeBackend::add_layer_norm).
pub fn add_layer_norm<B: Backend>(
    x: FloatTensor<B>,
    residual: Option<FloatTensor<B>>,
    norm: NormWeights<FloatTensor<B>>,
) -> FloatTensor<B> {
    let NormWeights { gamma, beta, eps } = norm;
    let mut x = wrap::<B, 2>(x);
    if let Some(residual) = residual {
        x = x + wrap(residual);
    }
    let centred = x.clone() - x.mean_dim(1);
    let variance = centred.clone().powi_scalar(2).mean_dim(1);
    let normalised = centred / (variance + eps).sqrt();
    unwrap(normalised * wrap::<B, 1>(gamma).unsqueeze() + wrap::<B, 1>(beta).unsqueeze())
}

/// The body of [`SpladeBackend::gate`](crate::SpladeBackend::gate).
pub fn gate<B: Backend>(x: FloatTensor<B>, activation: Activation) -> FloatTensor<B> {
    let x = wrap::<B, 2>(x);
    let [tokens, both] = x.dims();
    let a = x.clone().slice([0..tokens, 0..both / 2]);
    let b = x.slice([0..tokens, both / 2..both]);
    unwrap(activate(a, activation) * b)
}
