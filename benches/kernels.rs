//! Each CPU kernel on the shapes of the tiny model and of BERT-base; products beside the `gemm` crate's.
//!
//! cargo bench -p splade-kernels --bench kernels

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use splade_kernels::reference::{noise, offsets, product_of_gemm};
use splade_kernels::{
    Activation, AttentionShape, Decoder, Finish, HeadScreen, HeadShape, LinearShape, PackedLinear,
    PoolActivation, PoolStrategy, Precision, RelativePositions, add_layer_norm, head_pool,
    head_pool_screened, non_zeros, packed_attention,
};

/// Texts of one batch, 75 tokens each: what passages have on average.
const LENGTHS: [usize; 16] = [75; 16];
const TOKENS: usize = 16 * 75;

fn kernels(criterion: &mut Criterion) {
    for (model, hidden, wide, n_heads) in [("tiny", 128, 512, 2), ("base", 768, 3072, 12)] {
        let mut group = criterion.benchmark_group(model);
        group.sample_size(10);
        let x = noise(TOKENS * hidden, 1);
        let offsets = offsets(&LENGTHS);
        let flops = |n: usize| Throughput::Elements(n as u64);

        let weight = noise(wide * hidden, 2);
        let bias = noise(wide, 3);
        let shape = LinearShape { in_features: hidden, out_features: wide };
        group.throughput(flops(2 * TOKENS * hidden * wide));
        for precision in Precision::ALL {
            let layer = PackedLinear::new(&weight, Some(&bias), shape, precision);
            let gelu = Finish::Activate(Activation::Gelu);
            group.bench_function(format!("linear_gelu/{precision}"), |bencher| {
                bencher.iter(|| layer.forward(&x, gelu));
            });
        }
        // What the layer replaces: the product alone, without bias and activation.
        group.bench_function("linear/gemm crate", |bencher| {
            bencher.iter(|| product_of_gemm(&x, &weight, shape));
        });

        let qkv = noise(TOKENS * 3 * hidden, 4);
        let head_dim = hidden / n_heads;
        group.throughput(flops(4 * TOKENS * 75 * hidden));
        for precision in [Precision::F32, Precision::Bf16] {
            let shape = AttentionShape { n_heads, head_dim, scale: 0.125, window: None, precision };
            group.bench_function(format!("attention/{precision}"), |bencher| {
                bencher.iter(|| packed_attention(&qkv, &offsets, shape, RelativePositions::None));
            });
        }

        let vocab_size = 30522;
        let decoder = noise(vocab_size * hidden, 5);
        let bias = noise(vocab_size, 6);
        let shape = HeadShape { hidden_size: hidden, vocab_size };
        group.throughput(flops(2 * TOKENS * hidden * vocab_size));
        let (max, relu) = (PoolStrategy::Max, PoolActivation::Relu);
        group.bench_function("head_max", |bencher| {
            bencher.iter(|| head_pool(&x, &decoder, &bias, &offsets, shape, max, relu));
        });

        // As sparse as a SPLADE model: a logit is positive at 4 standard deviations.
        let rare = -4.0 * (hidden as f32).sqrt() / 3.0;
        let bias: Vec<f32> = bias.iter().map(|b| b + rare).collect();
        match HeadScreen::new(&decoder, &bias, shape) {
            None => eprintln!("skipped: head_max_screened needs AVX-512 VNNI"),
            Some(screen) => {
                group.bench_function("head_max_screened", |bencher| {
                    bencher.iter(|| {
                        head_pool_screened(
                            &x,
                            Decoder::Plain(&decoder),
                            &bias,
                            &offsets,
                            &screen,
                            relu,
                        )
                    });
                });
            }
        }

        let (gamma, beta) = (noise(hidden, 7), noise(hidden, 8));
        let mut y = x.clone();
        group.throughput(Throughput::Bytes(4 * x.len() as u64));
        group.bench_function("add_layer_norm", |bencher| {
            bencher.iter(|| add_layer_norm(&mut y, &x, &gamma, &beta, 1e-12));
        });
    }

    let row: Vec<f32> = (0..30522).map(|i| if i % 200 == 0 { 1.0 } else { 0.0 }).collect();
    let mut group = criterion.benchmark_group("row");
    group.throughput(Throughput::Elements(row.len() as u64));
    group.bench_function("non_zeros", |bencher| {
        let (mut indices, mut values) = (Vec::new(), Vec::new());
        bencher.iter(|| {
            indices.clear();
            values.clear();
            non_zeros(&row, &mut indices, &mut values);
            indices.len()
        });
    });
}

criterion_group!(benches, kernels);
criterion_main!(benches);
