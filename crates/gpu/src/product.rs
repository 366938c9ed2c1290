//! Products with the transposed weights of a layer.
//!
//! Products of a few tokens have their own kernel, as does `f32`; 16-bit types use CubeCL's kernels
//! for matrix units, or our own on Hopper cards. `benches/gpu_products.rs` measures them.

mod few;
pub(crate) mod tile;

use burn_cubecl::CubeRuntime;
use burn_cubecl::cubecl;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_std::DType;
use cubecl::prelude::*;
use cubek_matmul::components::tile::TileMatmulKind;
use cubek_matmul::definition::{MatmulElems, MatmulGlobalElems};
use cubek_matmul::launch::{Strategy, launch_ref};
use cubek_matmul::routines::BlueprintStrategy;
use cubek_matmul::routines::double_buffering::DoubleBufferingArgs;
use cubek_std::InputBinding;
use splade_kernels::Activation;

use self::tile::{FOUR, TILE};
use crate::activate::add_bias;
use crate::hopper;
use crate::launch::{cubes, dims, empty_like, is_f32, optional};

/// Multiples of this are an even number of tiles in CubeCL's kernels that load one tile ahead. With
/// an odd number, these give wrong results (cubek-matmul 0.2).
const EVEN_DEPTH: usize = 128;

/// Which kernels multiply 16-bit types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Products {
    /// CubeCL's.
    #[default]
    CubeCl,
    /// Our own for Hopper cards, where it supports the shapes; CubeCL's elsewhere, and after a
    /// check of the kernel has failed.
    Hopper,
}

/// What the check of the kernel for Hopper cards found.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The kernel's results are right.
    Proven {
        /// What the check took.
        seconds: f64,
    },
    /// They are not, or it failed, here or on another card of this process.
    Refused {
        /// What was wrong.
        why: String,
    },
}

/// `activation(x · weightᵀ + bias)`.
///
/// # Shapes
/// `x` `[tokens, in]`, `weight` `[out, in]`, of the same float type, `bias` `[out]` `f32`; returns
/// `[tokens, out]` of that type.
///
/// # Panics
/// If the shapes or types do not match, or if [`has_activation`](crate::has_activation) is false.
pub fn linear<R: CubeRuntime>(
    x: CubeTensor<R>,
    weight: CubeTensor<R>,
    bias: Option<CubeTensor<R>>,
    activation: Activation,
    products: Products,
) -> CubeTensor<R> {
    if has_tiles(&x, &weight) {
        return on_tiles(x, weight, bias, activation);
    }
    if let Some(y) = on_hopper(&x, &weight, bias.as_ref(), activation, products) {
        return y;
    }
    let dtype = x.dtype;
    add_bias(product(x, weight, dtype, Products::CubeCl), bias, activation)
}

/// `x · weightᵀ`, summed in `f32`.
///
/// # Shapes
/// `x` `[tokens, in]`, `weight` `[out, in]`, of the same float type; returns `[tokens, out]` of
/// type `out`.
///
/// # Panics
/// If the shapes or types do not match, or if no kernel can be launched.
pub fn product<R: CubeRuntime>(
    x: CubeTensor<R>,
    weight: CubeTensor<R>,
    out: DType,
    products: Products,
) -> CubeTensor<R> {
    assert_eq!(x.dtype, weight.dtype, "x and weight differ in type");
    let depth = x.meta.shape()[1];
    assert_eq!(depth, weight.meta.shape()[1], "x and weight differ in width");
    if depth.is_multiple_of(FOUR) && x.meta.shape()[0] <= few::MOST {
        return of_few(x, weight, out);
    }
    if has_tiles(&x, &weight) && out == DType::F32 {
        return on_tiles(x, weight, None, Activation::Linear);
    }
    let products = if out == x.dtype { products } else { Products::CubeCl };
    if let Some(y) = on_hopper(&x, &weight, None, Activation::Linear, products) {
        return y;
    }
    let mut failures = Vec::new();
    for strategy in strategies(x.dtype, depth) {
        match product_with(x.clone(), weight.clone(), out, &strategy) {
            Ok(y) => return y,
            Err(error) => failures.push(format!("{strategy}: {error}")),
        }
    }
    panic!("no matrix product can be launched here: {}", failures.join("; "));
}

/// Whether the product runs on the `f32` kernel of tiles, and not on the kernel of few tokens.
fn has_tiles<R: CubeRuntime>(x: &CubeTensor<R>, weight: &CubeTensor<R>) -> bool {
    let (tokens, [columns, depth]) =
        (x.meta.shape()[0], [0, 1].map(|dim| weight.meta.shape()[dim]));
    let fits = columns.is_multiple_of(FOUR) && depth.is_multiple_of(FOUR);
    is_f32(Some(x)) && is_f32(Some(weight)) && fits && tokens > few::MOST
}

/// The product by the kernel for Hopper cards, if that is to be used for it.
fn on_hopper<R: CubeRuntime>(
    x: &CubeTensor<R>,
    weight: &CubeTensor<R>,
    bias: Option<&CubeTensor<R>>,
    activation: Activation,
    products: Products,
) -> Option<CubeTensor<R>> {
    match products {
        // The kernel of few tokens reads the weights as fast, and has no tile to fill.
        Products::Hopper if dims(x)[0] > few::MOST => hopper::layer(x, weight, bias, activation),
        _ => None,
    }
}

fn on_tiles<R: CubeRuntime>(
    x: CubeTensor<R>,
    weight: CubeTensor<R>,
    bias: Option<CubeTensor<R>>,
    activation: Activation,
) -> CubeTensor<R> {
    let (x, weight, bias) =
        (into_contiguous(x), into_contiguous(weight), bias.map(into_contiguous));
    let [tokens, depth] = dims(&x);
    let columns = weight.meta.shape()[0];
    assert_eq!(depth, weight.meta.shape()[1], "x and weight differ in width");
    assert!(bias.as_ref().is_none_or(|bias| bias.meta.shape()[0] == columns), "bias is not [out]");
    assert!(is_f32(bias.as_ref()), "bias is not f32");
    let y = empty_like(&x, [tokens, columns], DType::F32);
    let (client, has_bias) = (x.client.clone(), bias.is_some());
    // SAFETY: rows and columns that are read or written are below `tokens` and `columns`, and inner
    // indices below `depth`, which are the arrays' sizes.
    unsafe {
        tile::layer_kernel::launch_unchecked(
            &client,
            CubeCount::Static(columns.div_ceil(TILE) as u32, tokens.div_ceil(TILE) as u32, 1),
            CubeDim::new_1d(tile::UNITS as u32),
            x.clone().into_array_arg(),
            weight.into_array_arg(),
            optional(bias, &x),
            y.clone().into_array_arg(),
            tokens as u32,
            columns as u32,
            depth as u32,
            has_bias,
            activation,
        );
    }
    y
}

fn of_few<R: CubeRuntime>(x: CubeTensor<R>, weight: CubeTensor<R>, out: DType) -> CubeTensor<R> {
    let (x, weight) = (into_contiguous(x), into_contiguous(weight));
    let [tokens, depth] = dims(&x);
    let columns = weight.meta.shape()[0];
    let y = empty_like(&x, [tokens, columns], out);
    if tokens * columns == 0 {
        return y;
    }
    let (client, dtype) = (x.client.clone(), x.dtype.into());
    // SAFETY: tokens are below the number of rows, columns and inner indices below the arrays'
    // sizes.
    unsafe {
        few::kernel::launch_unchecked(
            &client,
            cubes(columns.div_ceil(few::COLUMNS)),
            CubeDim::new_1d(few::UNITS as u32),
            x.into_array_arg(),
            weight.into_array_arg(),
            y.clone().into_array_arg(),
            columns as u32,
            depth as u32,
            tokens,
            dtype,
            out.into(),
        );
    }
    y
}

/// CubeCL's strategies, best first. `f32` is multiplied in `f32`, not in tf32 or f16, which
/// excludes matrix units.
fn strategies(dtype: DType, depth: usize) -> Vec<Strategy> {
    let units = [Strategy::SimpleUnit(Default::default()), Strategy::Naive];
    if dtype == DType::F32 {
        return units.into();
    }
    let double = DoubleBufferingArgs { specialized: false, tile_matmul: TileMatmulKind::Mma };
    let double = Strategy::DoubleCyclicMma(BlueprintStrategy::Inferred(double));
    let double = depth.is_multiple_of(EVEN_DEPTH).then_some(double);
    let single = [
        Strategy::SimpleCyclicMma(Default::default()),
        Strategy::SimpleCyclicCmma(Default::default()),
    ];
    double.into_iter().chain(single).chain(units).collect()
}

/// `product` by one of CubeCL's strategies.
///
/// # Errors
/// The device does not support it.
pub fn product_with<R: CubeRuntime>(
    x: CubeTensor<R>,
    mut weight: CubeTensor<R>,
    out: DType,
    strategy: &Strategy,
) -> Result<CubeTensor<R>, String> {
    let y = empty_like(&x, [x.meta.shape()[0], weight.meta.shape()[0]], out);
    weight.meta.swap(0, 1);
    let dtype = x.dtype.into();
    let mut elements =
        MatmulElems::from_globals(&MatmulGlobalElems { lhs: dtype, rhs: dtype, out: out.into() });
    let client = x.client.clone();
    let (x, weight) =
        (InputBinding::new(x.binding(), dtype), InputBinding::new(weight.binding(), dtype));
    launch_ref(strategy, &client, x, weight, y.clone().binding(), &mut elements)
        .map_err(|error| format!("{error:?}"))?;
    Ok(y)
}
