//! The matrix products that a GPU has, at the sizes of a BERT-base model: which are right, and how
//! fast. `splade_gpu::product` takes the best of them.
//!
//! cargo bench -p splade-gpu --bench gpu_products --features cuda -- cuda
//! cargo bench -p splade-gpu --bench gpu_products --features wgpu -- wgpu
#![cfg_attr(
    not(any(feature = "wgpu", feature = "cuda")),
    expect(dead_code, reason = "without a backend there is nothing to measure")
)]
#![recursion_limit = "256"]

use std::time::Instant;

use burn::tensor::ops::FloatTensorOps;
use burn::tensor::{DType, TensorData};
use burn_cubecl::kernel::cast;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime, FloatElement, IntElement};
use cubek_matmul::components::tile::TileMatmulKind;
use cubek_matmul::launch::Strategy;
use cubek_matmul::routines::BlueprintStrategy::Inferred;
use cubek_matmul::routines::TileSizeSelection;
use cubek_matmul::routines::double_unit::DoubleUnitSelectionArgs;
use cubek_matmul::routines::ordered_double_buffering::OrderedSelectionArgs;
use cubek_matmul::routines::simple::SimpleArgs;
use cubek_matmul::routines::simple_unit::SimpleUnitSelectionArgs;
use splade_gpu::{Products, Verdict};

#[path = "../crates/kernels/src/samples.rs"]
mod samples;

use samples::noise;

/// Tokens, inner and outer width: the layers of BERT-base with many and few tokens, a part of its
/// head, and sizes that match no tile.
const SIZES: [[usize; 3]; 7] = [
    [16_384, 768, 2304],
    [8192, 768, 768],
    [8192, 768, 3072],
    [8192, 3072, 768],
    [8192, 768, 8192],
    [12, 768, 3072],
    [1000, 40, 264],
];
const ROUNDS: u32 = 20;

fn strategies() -> Vec<(&'static str, Strategy)> {
    let simple = |multi_rows, tile_matmul| Inferred(SimpleArgs { multi_rows, tile_matmul });
    let ordered = |rows, tile_matmul| {
        Inferred(OrderedSelectionArgs {
            partition_k: Some(2),
            row_count: Some(rows),
            rows_per_plane: Some(2),
            tile_matmul,
        })
    };
    let (cmma, mma) = (TileMatmulKind::Cmma, TileMatmulKind::Mma);
    let unit = |tile_size| Inferred(SimpleUnitSelectionArgs { tile_size });
    let double = |tile_size| Inferred(DoubleUnitSelectionArgs { tile_size });
    let (largest, smallest) = (TileSizeSelection::MaxTileSize, TileSizeSelection::MinTileSize);
    vec![
        ("naive", Strategy::Naive),
        ("simple unit, large tiles", Strategy::SimpleUnit(unit(largest))),
        ("simple unit, small tiles", Strategy::SimpleUnit(unit(smallest))),
        ("double unit, large tiles", Strategy::DoubleUnit(double(largest))),
        ("double unit, small tiles", Strategy::DoubleUnit(double(smallest))),
        ("simple cyclic cmma", Strategy::SimpleCyclicCmma(simple(false, cmma))),
        ("simple cyclic cmma, rows", Strategy::SimpleCyclicCmma(simple(true, cmma))),
        ("simple cyclic mma", Strategy::SimpleCyclicMma(simple(false, mma))),
        ("simple cyclic mma, rows", Strategy::SimpleCyclicMma(simple(true, mma))),
        (
            "simple tma mma",
            Strategy::SimpleTmaMma(Inferred(SimpleArgs { multi_rows: false, tile_matmul: mma })),
        ),
        (
            "simple tma mma, rows",
            Strategy::SimpleTmaMma(Inferred(SimpleArgs { multi_rows: true, tile_matmul: mma })),
        ),
        (
            "simple async cyclic mma",
            Strategy::SimpleAsyncCyclicMma(Inferred(SimpleArgs {
                multi_rows: true,
                tile_matmul: mma,
            })),
        ),
        ("double cyclic cmma", Strategy::DoubleCyclicCmma(Default::default())),
        (
            "double cyclic mma",
            Strategy::DoubleCyclicMma(Inferred(
                cubek_matmul::routines::double_buffering::DoubleBufferingArgs {
                    specialized: false,
                    tile_matmul: mma,
                },
            )),
        ),
        (
            "double cyclic mma, specialised",
            Strategy::DoubleCyclicMma(Inferred(
                cubek_matmul::routines::double_buffering::DoubleBufferingArgs {
                    specialized: true,
                    tile_matmul: mma,
                },
            )),
        ),
        ("double async cyclic mma", Strategy::DoubleAsyncCyclicMma(Default::default())),
        ("double tma mma", Strategy::DoubleTmaMma(Default::default())),
        ("ordered double cmma, 4", Strategy::OrderedDoubleCmma(ordered(4, cmma))),
        ("ordered double mma, 4", Strategy::OrderedDoubleMma(ordered(4, mma))),
        ("ordered double mma, 8", Strategy::OrderedDoubleMma(ordered(8, mma))),
        ("ordered double cmma, 8", Strategy::OrderedDoubleCmma(ordered(8, cmma))),
        ("specialised cyclic mma", Strategy::SpecializedCyclicMma(Default::default())),
        ("specialised strided mma", Strategy::SpecializedStridedMma(Default::default())),
        ("specialised tma mma", Strategy::SpecializedTmaMma(Default::default())),
    ]
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test --benches` runs this too, without a device.
    #[cfg(feature = "cuda")]
    if arguments.iter().any(|argument| argument == "cuda") {
        run::<_, f32, i32, u8>(
            |device: &burn_cuda::CudaDevice| {
                burn_cuda::Cuda::<f32, i32>::float_from_data(one(), device)
            },
            &Default::default(),
        );
    }
    #[cfg(feature = "wgpu")]
    if arguments.iter().any(|argument| argument == "wgpu") {
        run::<_, f32, i32, u32>(
            |device: &burn_wgpu::WgpuDevice| {
                burn_wgpu::Wgpu::<f32, i32>::float_from_data(one(), device)
            },
            &Default::default(),
        );
    }
    let _ = arguments;
}

fn one() -> TensorData {
    TensorData::new(vec![1.0f32], [1])
}

/// `any` makes a tensor, which selects the runtime.
fn run<R: CubeRuntime, F: FloatElement, I: IntElement, BT: BoolElement>(
    any: impl Fn(&R::Device) -> CubeTensor<R>,
    device: &R::Device,
) where
    CubeBackend<R, F, I, BT>: FloatTensorOps<CubeBackend<R, F, I, BT>>,
    R::Device: burn::tensor::backend::DeviceOps,
{
    let client = any(device).client;
    let wait = || cubecl::future::block_on(client.sync()).map_err(|error| format!("{error:?}"));
    for dtype in [DType::F32, DType::BF16] {
        println!("{dtype:?}: TFLOP/s, and the relative error where it is above rounding");
        // Matrix units multiply f32 in tf32 or f16, which is not f32 precision.
        let wanted = |name: &str| name.contains("mma") != (dtype == DType::F32);
        let mut kernels: Vec<(&str, Option<Strategy>)> = strategies()
            .into_iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, strategy)| (name, Some(strategy)))
            .collect();
        match splade_gpu::check_hopper::<R>(device, dtype, "name a strategy") {
            Ok(Verdict::Proven { .. }) => kernels.push(("ours for Hopper cards", None)),
            Ok(Verdict::Refused { why }) => println!("ours for Hopper cards: {why}"),
            Err(why) => println!("ours for Hopper cards: {why}"),
        }
        for (name, strategy) in kernels {
            print!("{name:32}");
            for [tokens, depth, width] in SIZES {
                let (x, weight) = (noise(tokens * depth, 1), noise(width * depth, 2));
                let tensor = |values: &[f32], shape: [usize; 2]| {
                    let data = TensorData::new(values.to_vec(), shape);
                    let tensor = CubeBackend::<R, F, I, BT>::float_from_data(data, device);
                    if dtype == DType::F32 { tensor } else { cast(tensor, dtype) }
                };
                let (x_tensor, weight_tensor) =
                    (tensor(&x, [tokens, depth]), tensor(&weight, [width, depth]));
                let multiply = || {
                    let (x, weight) = (x_tensor.clone(), weight_tensor.clone());
                    match &strategy {
                        Some(strategy) => splade_gpu::product_with(x, weight, DType::F32, strategy),
                        None => Ok(splade_gpu::product(x, weight, dtype, Products::Hopper)),
                    }
                };
                let first = match multiply().and_then(|y| wait().map(|()| y)) {
                    Ok(first) if first.dtype == DType::F32 => first,
                    Ok(first) => cast(first, DType::F32),
                    Err(_) => {
                        print!(" {:>8}", "-");
                        continue;
                    }
                };
                let bytes = match client.read_one(first.handle.clone()) {
                    Ok(bytes) => bytes,
                    Err(_) => {
                        print!(" {:>8}", "failed");
                        continue;
                    }
                };
                let found: &[f32] = bytemuck::cast_slice(&bytes);
                let error = error(found, &x, &weight, [tokens, depth, width], dtype);
                let start = Instant::now();
                for _ in 0..ROUNDS {
                    let _ = multiply();
                }
                let _ = wait();
                let seconds = start.elapsed().as_secs_f64() / f64::from(ROUNDS);
                let speed = 2.0 * (tokens * depth * width) as f64 / seconds / 1e12;
                // Ours rounds its results.
                match error > if strategy.is_some() { 1e-5 } else { 4e-3 } {
                    true => print!(" {speed:5.1}!{error:.0e}"),
                    false => print!(" {speed:8.2}"),
                }
            }
            println!();
        }
    }
}

/// The largest error of some sums, relative to the size of their terms.
fn error(
    found: &[f32],
    x: &[f32],
    weight: &[f32],
    [tokens, depth, width]: [usize; 3],
    dtype: DType,
) -> f64 {
    let held = |value: f32| match dtype {
        DType::BF16 => half::bf16::from_f32(value).to_f64(),
        DType::F16 => half::f16::from_f32(value).to_f64(),
        _ => f64::from(value),
    };
    let mut largest = 0.0f64;
    for probe in 0..200 {
        let (row, column) = (probe * 7919 % tokens, probe * 104_729 % width);
        let terms = (0..depth).map(|k| held(x[row * depth + k]) * held(weight[column * depth + k]));
        let (sum, size) =
            terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()));
        let error = (f64::from(found[row * width + column]) - sum).abs() / size;
        largest = if error.is_nan() { f64::INFINITY } else { largest.max(error) };
    }
    largest
}
