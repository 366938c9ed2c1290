//! Bias, residual and layer norm of each row, in one pass.

use burn_cubecl::CubeRuntime;
use burn_cubecl::cubecl;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use crate::launch::{cubes, dims, empty_like, is_f32, optional, vector_size};

/// Units that share a row.
const UNITS: u32 = 128;

/// The weights of a layer norm, `[width]` `f32` each.
#[derive(Clone, Debug)]
pub struct Norm<R: CubeRuntime> {
    /// Multiplied with the normalised row.
    pub gamma: CubeTensor<R>,
    /// Added last.
    pub beta: CubeTensor<R>,
    /// Added to the variance.
    pub eps: f32,
}

/// `x + bias + residual`, or the layer norm of that, computed in `f32`. The norm has the type of
/// `x`; the sum has the type of the residual, if there is one.
///
/// # Shapes
/// `x` and `residual` `[tokens, width]` of any float types, `bias` `[width]` `f32`; returns
/// `[tokens, width]`.
///
/// # Panics
/// If the shapes do not match.
pub fn add_norm<R: CubeRuntime>(
    x: CubeTensor<R>,
    bias: Option<CubeTensor<R>>,
    residual: Option<CubeTensor<R>>,
    norm: Option<Norm<R>>,
) -> CubeTensor<R> {
    let x = into_contiguous(x);
    let [tokens, width] = dims(&x);
    let (bias, residual) = (bias.map(into_contiguous), residual.map(into_contiguous));
    let is_row = |row: &CubeTensor<R>| row.meta.shape()[0] == width && is_f32(Some(row));
    assert!(bias.as_ref().is_none_or(is_row), "bias is not [width] of f32");
    assert!(
        norm.as_ref().is_none_or(|norm| is_row(&norm.gamma) && is_row(&norm.beta)),
        "norm is not [width] of f32"
    );
    let is_like = |other: &CubeTensor<R>| other.meta.shape() == x.meta.shape();
    assert!(residual.as_ref().is_none_or(is_like), "residual does not have the shape of x");
    let dtype = match (&norm, &residual) {
        (None, Some(residual)) => residual.dtype,
        _ => x.dtype,
    };
    let out = empty_like(&x, [tokens, width], dtype);
    if tokens * width == 0 {
        return out;
    }
    let client = x.client.clone();
    let vector = vector_size(width);
    let columns = width / vector;
    let per_unit = columns.div_ceil(UNITS as usize);
    let (has_bias, has_residual, has_norm) = (bias.is_some(), residual.is_some(), norm.is_some());
    let residual_dtype = residual.as_ref().map_or(x.dtype, |residual| residual.dtype);
    let eps = norm.as_ref().map_or(0.0, |norm| norm.eps);
    let (gamma, beta) =
        norm.map(|norm| (into_contiguous(norm.gamma), into_contiguous(norm.beta))).unzip();
    // SAFETY: the cube of a row reads and writes only vectors of that row, and reads those of
    // `bias`, `gamma` and `beta` below `columns`; the asserts ensure that all have them.
    unsafe {
        norm_kernel::launch_unchecked(
            &client,
            cubes(tokens),
            CubeDim::new_1d(UNITS),
            vector,
            x.clone().into_array_arg(),
            optional(bias, &x),
            optional(residual, &x),
            optional(gamma, &x),
            optional(beta, &x),
            out.clone().into_array_arg(),
            tokens as u32,
            columns as u32,
            eps,
            per_unit,
            has_bias,
            has_residual,
            has_norm,
            x.dtype.into(),
            residual_dtype.into(),
            dtype.into(),
        );
    }
    out
}

/// One cube per row, whose vectors its units share.
#[cube(launch_unchecked)]
fn norm_kernel<X: Float, S: Float, Z: Float, N: Size>(
    x: &Array<Vector<X, N>>,
    bias: &Array<Vector<f32, N>>,
    residual: &Array<Vector<S, N>>,
    gamma: &Array<Vector<f32, N>>,
    beta: &Array<Vector<f32, N>>,
    out: &mut Array<Vector<Z, N>>,
    rows: u32,
    columns: u32,
    eps: f32,
    #[comptime] per_unit: usize,
    #[comptime] has_bias: bool,
    #[comptime] has_residual: bool,
    #[comptime] has_norm: bool,
    #[define(X)] _type_of_x: StorageType,
    #[define(S)] _type_of_residual: StorageType,
    #[define(Z)] _type_of_out: StorageType,
) {
    if CUBE_POS >= rows as usize {
        terminate!();
    }
    let columns = columns as usize;
    let start = CUBE_POS * columns;
    let unit = UNIT_POS as usize;
    let mut values = Array::<Vector<f32, N>>::new(per_unit);
    let mut sum = Vector::<f32, N>::new(0.0f32);
    #[unroll]
    for i in 0..per_unit {
        let column = i * UNITS as usize + unit;
        let mut value = Vector::<f32, N>::new(0.0f32);
        if column < columns {
            value = Vector::cast_from(x[start + column]);
            if comptime!(has_bias) {
                value += bias[column];
            }
            if comptime!(has_residual) {
                value += Vector::cast_from(residual[start + column]);
            }
        }
        values[i] = value;
        sum += value;
    }
    if comptime!(has_norm) {
        let width = (columns * sum.vector_size()) as f32;
        let mut shared = SharedMemory::<f32>::new(UNITS as usize);
        let mean = Vector::<f32, N>::new(cube_sum::<N>(sum, &mut shared) / width);
        let mut squares = Vector::<f32, N>::new(0.0f32);
        #[unroll]
        for i in 0..per_unit {
            if i * UNITS as usize + unit < columns {
                let centred = values[i] - mean;
                squares += centred * centred;
            }
        }
        let variance = cube_sum::<N>(squares, &mut shared) / width;
        let deviation = Vector::<f32, N>::new((variance + eps).sqrt());
        #[unroll]
        for i in 0..per_unit {
            let column = i * UNITS as usize + unit;
            if column < columns {
                let normalised = (values[i] - mean) / deviation;
                out[start + column] = Vector::cast_from(normalised * gamma[column] + beta[column]);
            }
        }
    } else {
        #[unroll]
        for i in 0..per_unit {
            let column = i * UNITS as usize + unit;
            if column < columns {
                out[start + column] = Vector::cast_from(values[i]);
            }
        }
    }
}

/// The sum over a cube's units and the lanes of their vectors.
#[cube]
fn cube_sum<N: Size>(value: Vector<f32, N>, shared: &mut SharedMemory<f32>) -> f32 {
    let unit = UNIT_POS as usize;
    let mut own = 0.0f32;
    #[unroll]
    for part in 0..value.vector_size() {
        own += value[part];
    }
    shared[unit] = own;
    sync_cube();
    #[unroll]
    for halving in 1..=UNITS.ilog2() {
        let span = comptime!(UNITS as usize >> halving);
        if unit < span {
            let other = shared[unit + span];
            shared[unit] += other;
        }
        sync_cube();
    }
    let sum = shared[0];
    sync_cube();
    sum
}
