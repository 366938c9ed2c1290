//! Operations in f16 and bf16, on devices that support them, are close to those in f32.

use burn::tensor::{DType, Tensor, TensorData, TensorPrimitive};
use splade_model::{
    Activation, Arithmetic, BackendKind, DecoderOps, GpuProducts, LinearOps, Matrix, NormWeights,
    Offsets, Precision, RelativePositions, SpladeBackend, TableOps,
};

use crate::cases::{POOLINGS, PositionKind, long_attention};
use crate::samples::{self, noise};
use crate::suite::matrix;

/// A precision, and the tolerated difference from f32: a few roundings, relative to the largest
/// value.
const PRECISIONS: [(Precision, f32); 2] = [(Precision::F16, 4e-3), (Precision::Bf16, 3e-2)];

/// Checks each operation in both precisions, as far as the device supports them.
pub(crate) fn check<B: SpladeBackend>() {
    let device = B::Device::default();
    for (precision, tolerance) in PRECISIONS {
        if B::KIND == BackendKind::Host || !B::has_precision(precision, &device) {
            continue; // The CPU's bf16 is tested elsewhere.
        }
        let near = |what: &str, at: &dyn Fn(Precision) -> Vec<f32>| {
            let (exact, found) = (at(Precision::F32), at(precision));
            let largest = exact.iter().fold(1.0f32, |largest, value| largest.max(value.abs()));
            for (entry, (found, exact)) in found.iter().zip(&exact).enumerate() {
                let error = (found - exact).abs() / largest;
                assert!(error <= tolerance, "{what}, {precision}, {entry}: {found}, f32 {exact}");
            }
        };
        for case in long_attention() {
            let hidden = case.shape.n_heads * case.shape.head_dim;
            let offsets = samples::offsets(&case.lengths);
            let offsets = Offsets::new(&offsets);
            let tokens = case.lengths.iter().sum::<usize>();
            let attention = |precision| {
                let qkv =
                    held::<B>(&noise(tokens * 3 * hidden, 1), [tokens, 3 * hidden], precision);
                let positions = match case.kind {
                    PositionKind::Bias => RelativePositions::Bias(held::<B>(
                        &noise(case.shape.n_heads * 9, 2),
                        [case.shape.n_heads, 9],
                        Precision::F32,
                    )),
                    _ => RelativePositions::None,
                };
                values::<B>(B::packed_attention(qkv, offsets, case.shape, positions))
            };
            near(&format!("{case:?}"), &attention);
        }
        for ([tokens, depth, width], products) in shapes_and_products::<B>(precision) {
            let (x, weight) = (noise(tokens * depth, 3), noise(width * depth, 4));
            let (bias, residual) = (noise(width, 5), noise(tokens * width, 6));
            // Scaled, since sums of many noise products are larger than those of a real layer.
            let weight: Vec<f32> = weight.iter().map(|w| w / (depth as f32).sqrt()).collect();
            let vector = |values: &[f32]| {
                let data = TensorData::new(values.to_vec(), [width]);
                Tensor::<B, 1>::from_data(data, &device).into_primitive().tensor()
            };
            let layer = |precision| {
                let weight = multiplied_by(products, matrix(&weight, [width, depth], precision));
                B::Linear::prepare(weight, Some(bias.clone()), &device)
            };
            let input = || held::<B>(&x, [tokens, depth], Precision::F32);
            let sizes = format!("{tokens} x {depth} x {width}, {products}");
            near(&sizes, &|p| values::<B>(layer(p).forward(input(), Activation::Gelu)));
            let added = |precision| {
                let norm = NormWeights { gamma: vector(&bias), beta: vector(&bias), eps: 1e-5 };
                let residual = held::<B>(&residual, [tokens, width], precision);
                values::<B>(layer(precision).forward_added(input(), residual, Some(norm)))
            };
            near(&sizes, &added);
            let offsets = [0, tokens as u32 / 2, tokens as u32];
            let offsets = Offsets::new(&offsets);
            near(&sizes, &|precision| {
                let table = matrix(&weight, [width, depth], precision);
                let table = B::Table::prepare(multiplied_by(products, table), &device);
                let head = B::Decoder::prepare(&table, bias.clone(), &device);
                values::<B>(head.pool(input(), offsets, POOLINGS[0]))
            });
        }
    }
}

/// Tokens, inner and outer width, with each choice of kernels that the device has.
fn shapes_and_products<B: SpladeBackend>(precision: Precision) -> Vec<([usize; 3], GpuProducts)> {
    let shapes = [[1, 64, 24], [70, 128, 96], [130, 768, 512], [33, 40, 72], [513, 200, 264]];
    let device = B::Device::default();
    let has = |products: &GpuProducts| {
        B::settle_products(*products, precision, &device).is_ok_and(|settled| settled == *products)
    };
    let products = [GpuProducts::CubeCl, GpuProducts::Hopper].into_iter().filter(has);
    products.flat_map(|products| shapes.map(|shape| (shape, products))).collect()
}

fn multiplied_by(gpu_products: GpuProducts, matrix: Matrix<'_>) -> Matrix<'_> {
    Matrix { arithmetic: Arithmetic { gpu_products, ..matrix.arithmetic }, ..matrix }
}

type Primitive<B> = burn::tensor::ops::FloatTensor<B>;

/// A tensor in the type that a model of this precision holds its states in.
fn held<B: SpladeBackend>(values: &[f32], shape: [usize; 2], precision: Precision) -> Primitive<B> {
    let data = TensorData::new(values.to_vec(), shape);
    let tensor = Tensor::<B, 2>::from_data(data, &B::Device::default());
    let dtype = match precision {
        Precision::F16 => DType::F16,
        Precision::Bf16 => DType::BF16,
        _ => DType::F32,
    };
    tensor.cast(dtype).into_primitive().tensor()
}

fn values<B: SpladeBackend>(result: Primitive<B>) -> Vec<f32> {
    let result = Tensor::<B, 2>::from_primitive(TensorPrimitive::Float(result));
    result.cast(DType::F32).into_data().into_vec().expect("it was cast to f32")
}
