//! The speed of matrix products on one thread, in each precision, on each instruction set of this
//! CPU: `cargo run --release -p splade-kernels --example products`.
//!
//! Sets and precisions take turns; each number is the best of its rounds.
#![forbid(unsafe_code)]

use std::time::Instant;

use splade_kernels::{Activation, Arithmetic, Finish, Isa, LinearShape, PackedLinear, Precision};

const ROUNDS: usize = 7;
/// Rows, in, out.
const SHAPES: [[usize; 3]; 6] = [
    [768, 768, 2304],
    [768, 768, 3072],
    [768, 3072, 768],
    [9, 768, 3072],
    [24, 768, 3072],
    [48, 768, 3072],
];

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread starts");
    pool.install(|| {
        for [rows, in_features, out_features] in SHAPES {
            println!("{rows} x {in_features} x {out_features}, billions of operations a second:");
            measure(rows, LinearShape { in_features, out_features });
        }
    });
}

fn measure(rows: usize, shape: LinearShape) {
    let LinearShape { in_features, out_features } = shape;
    let numbers =
        |count: usize| -> Vec<f32> { (0..count).map(|i| (i % 97) as f32 / 97.0 - 0.5).collect() };
    let (x, weight) = (numbers(rows * in_features), numbers(in_features * out_features));
    let kinds: Vec<Arithmetic> = Isa::available()
        .iter()
        .flat_map(|&isa| Precision::ALL.map(|precision| Arithmetic { precision, isa }))
        .filter(|kind| kind.isa.for_products(kind.precision) == kind.isa)
        .collect();
    let layers: Vec<PackedLinear> =
        kinds.iter().map(|kind| PackedLinear::new(&weight, None, shape, *kind)).collect();
    let mut best = vec![f64::INFINITY; kinds.len()];
    for _ in 0..ROUNDS {
        for (best, layer) in best.iter_mut().zip(&layers) {
            let times = 2000_usize.div_ceil(rows).min(50);
            let start = Instant::now();
            for _ in 0..times {
                std::hint::black_box(layer.forward(&x, Finish::Activate(Activation::Linear)));
            }
            *best = best.min(start.elapsed().as_secs_f64() / times as f64);
        }
    }
    for (kind, best) in kinds.iter().zip(best) {
        let operations = 2.0 * (rows * in_features * out_features) as f64;
        println!(
            "  {:<12} {:<5} {:6.1}",
            kind.isa.name(),
            kind.precision.to_string(),
            operations / best / 1e9
        );
    }
}
