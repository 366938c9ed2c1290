//! The epilogue of a product, bias and activation, in one pass; and the gate of gated feed-forward
//! blocks.

use burn_cubecl::CubeRuntime;
use burn_cubecl::cubecl;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use splade_kernels::Activation;

use crate::launch::{dims, elementwise, empty_like, is_f32, optional, vector_size};

/// Whether the kernels here support the activation. Others are left to stock operations.
pub fn has_activation(activation: Activation) -> bool {
    use Activation::{Gelu, GeluTanh, Linear, Relu, Sigmoid, Silu, Tanh};
    matches!(activation, Gelu | GeluTanh | Linear | Relu | Sigmoid | Silu | Tanh)
}

/// `activation(y + bias)`, in place if `y` has no other owner.
///
/// # Shapes
/// `y` `[tokens, out]` of any float type, `bias` `[out]` `f32`; returns `[tokens, out]`.
///
/// # Panics
/// If the shapes do not match, or if [`has_activation`] is false.
pub fn add_bias<R: CubeRuntime>(
    y: CubeTensor<R>,
    bias: Option<CubeTensor<R>>,
    activation: Activation,
) -> CubeTensor<R> {
    assert!(has_activation(activation), "no kernel has {activation:?}");
    let y = into_contiguous(y);
    let [tokens, width] = dims(&y);
    if tokens * width == 0 || bias.is_none() && activation == Activation::Linear {
        return y;
    }
    let bias = bias.map(into_contiguous);
    assert!(bias.as_ref().is_none_or(|bias| bias.meta.shape()[0] == width), "bias is not [out]");
    assert!(is_f32(bias.as_ref()), "bias is not f32");
    let client = y.client.clone();
    let vector = vector_size(width);
    let units = tokens * width / vector;
    let (count, dim) = elementwise(&client, units);
    let out = if y.can_mut() { y.clone() } else { empty_like(&y, [tokens, width], y.dtype) };
    let (has_bias, dtype) = (bias.is_some(), y.dtype.into());
    // SAFETY: a unit reads and writes one vector below the `units` of `y`, and reads one of the
    // bias below its columns.
    unsafe {
        bias_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector,
            y.clone().into_array_arg(),
            optional(bias, &y),
            out.clone().into_array_arg(),
            units as u32,
            (width / vector) as u32,
            has_bias,
            activation,
            dtype,
        );
    }
    out
}

/// `activation(a) * b` for the halves (a, b) of each row.
///
/// # Shapes
/// `x` `[tokens, 2 * width]` of any float type; returns `[tokens, width]`.
///
/// # Panics
/// If [`has_activation`] is false.
pub fn gate<R: CubeRuntime>(x: CubeTensor<R>, activation: Activation) -> CubeTensor<R> {
    assert!(has_activation(activation), "no kernel has {activation:?}");
    let x = into_contiguous(x);
    let [tokens, both] = dims(&x);
    let width = both / 2;
    let out = empty_like(&x, [tokens, width], x.dtype);
    if tokens * width == 0 {
        return out;
    }
    let client = x.client.clone();
    let vector = vector_size(width);
    let units = tokens * width / vector;
    let (count, dim) = elementwise(&client, units);
    let dtype = x.dtype.into();
    // SAFETY: a unit below `units` reads two vectors of its row of `x` and writes one of `out`.
    unsafe {
        gate_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector,
            x.into_array_arg(),
            out.clone().into_array_arg(),
            units as u32,
            (width / vector) as u32,
            activation,
            dtype,
        );
    }
    out
}

#[cube(launch_unchecked)]
fn bias_kernel<F: Float, N: Size>(
    y: &Array<Vector<F, N>>,
    bias: &Array<Vector<f32, N>>,
    out: &mut Array<Vector<F, N>>,
    units: u32,
    columns: u32,
    #[comptime] has_bias: bool,
    #[comptime] activation: Activation,
    #[define(F)] _dtype: StorageType,
) {
    if ABSOLUTE_POS >= units as usize {
        terminate!();
    }
    let mut x = Vector::<f32, N>::cast_from(y[ABSOLUTE_POS]);
    if comptime!(has_bias) {
        x += bias[ABSOLUTE_POS % columns as usize];
    }
    out[ABSOLUTE_POS] = Vector::cast_from(activate::<N>(x, activation));
}

#[cube(launch_unchecked)]
fn gate_kernel<F: Float, N: Size>(
    x: &Array<Vector<F, N>>,
    out: &mut Array<Vector<F, N>>,
    units: u32,
    columns: u32,
    #[comptime] activation: Activation,
    #[define(F)] _dtype: StorageType,
) {
    if ABSOLUTE_POS >= units as usize {
        terminate!();
    }
    let columns = columns as usize;
    let at = ABSOLUTE_POS / columns * 2 * columns + ABSOLUTE_POS % columns;
    let a = activate::<N>(Vector::<f32, N>::cast_from(x[at]), activation);
    out[ABSOLUTE_POS] = Vector::cast_from(a * Vector::<f32, N>::cast_from(x[at + columns]));
}

#[cube]
pub(crate) fn activate<N: Size>(
    x: Vector<f32, N>,
    #[comptime] activation: Activation,
) -> Vector<f32, N> {
    let one = Vector::<f32, N>::new(1.0f32);
    let half = Vector::<f32, N>::new(0.5f32);
    // CubeCL 0.10 cannot negate vectors in CUDA.
    let zero = Vector::<f32, N>::new(0.0f32);
    if comptime!(activation == Activation::Gelu) {
        x * half * (one + Vector::erf(x * Vector::new(0.707_106_77f32)))
    } else if comptime!(activation == Activation::GeluTanh) {
        let cube = x * x * x;
        let inner = (x + cube * Vector::new(0.044715f32)) * Vector::new(0.797_884_6f32);
        x * half * (one + tanh::<N>(inner))
    } else if comptime!(activation == Activation::Relu) {
        max(x, zero)
    } else if comptime!(activation == Activation::Silu) {
        x / (one + Vector::exp(zero - x))
    } else if comptime!(activation == Activation::Sigmoid) {
        one / (one + Vector::exp(zero - x))
    } else if comptime!(activation == Activation::Tanh) {
        tanh::<N>(x)
    } else {
        x
    }
}

/// Clamped to [-15, 15], beyond which tanh is ±1: some drivers' `tanh` of large numbers is NaN.
#[cube]
fn tanh<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    let (low, high) = (Vector::<f32, N>::new(-15.0f32), Vector::<f32, N>::new(15.0f32));
    Vector::tanh(max(min(x, high), low))
}
