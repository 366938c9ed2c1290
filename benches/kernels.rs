//! Each CPU kernel on the shapes of the tiny model and of BERT-base, with its obvious twin (on
//! fewer texts, so compare throughput), and linear layers against the `gemm` crate.
//!
//!     cargo bench -p splade-kernels --bench kernels

use std::hint::black_box;
use std::sync::Arc;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use rayon::prelude::*;
use splade_kernels::{
    Activation, AttentionShape, Finish, Head, LinearShape, Offsets, PackedLinear, PoolActivation,
    PoolStrategy, Precision, RelativePositions, Table, activate, add_layer_norm, feed_forward,
    gate, non_zeros, packed_attention, projected_attention, rotate,
};

// The `gemm` crate is called through the library's own views and blocks.
#[allow(dead_code, reason = "the bench needs one product only")]
#[path = "../crates/kernels/src/matmul.rs"]
mod matmul;
#[allow(dead_code, unused_imports, reason = "as above; and its tests run elsewhere")]
#[path = "../crates/kernels/src/output.rs"]
mod output;
#[path = "../crates/kernels/src/reference.rs"]
mod reference;
#[path = "../crates/kernels/src/samples.rs"]
mod samples;

use matmul::View;
use output::Block;
use samples::noise;

/// Tokens per text: the average of passages.
const TEXT: usize = 75;
/// Texts per batch.
const TEXTS: usize = 16;
const TOKENS: usize = TEXTS * TEXT;
const VOCAB: usize = 30_522;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// The sizes of a model.
#[derive(Clone, Copy)]
struct Sizes {
    hidden: usize,
    wide: usize,
    n_heads: usize,
    /// Number of texts for the twins.
    twin_texts: usize,
}

fn kernels(criterion: &mut Criterion) {
    let tiny = Sizes { hidden: 128, wide: 512, n_heads: 2, twin_texts: 2 };
    let base = Sizes { hidden: 768, wide: 3072, n_heads: 12, twin_texts: 1 };
    for (model, sizes) in [("tiny", tiny), ("base", base)] {
        let mut group = criterion.benchmark_group(model);
        group.sample_size(10);
        linear(&mut group, sizes);
        attention(&mut group, sizes);
        head(&mut group, sizes);
        rows(&mut group, sizes);
        group.finish();
    }
    let mut group = criterion.benchmark_group("row");
    sparsify(&mut group);
}

/// Times `run`, which performs `operations` operations.
fn time<R>(group: &mut Group<'_>, name: &str, operations: usize, mut run: impl FnMut() -> R) {
    group.throughput(Throughput::Elements(operations as u64));
    group.bench_function(name, |bencher| bencher.iter(|| black_box(run())));
}

/// `x · weightᵀ` by the `gemm` crate, a block of rows per task: the rival of [`PackedLinear`].
fn product_of_gemm(x: &[f32], weight: &[f32], shape: LinearShape) -> Vec<f32> {
    const ROWS: usize = 192;
    let LinearShape { in_features, out_features } = shape;
    let mut y = vec![0.0; x.len() / in_features * out_features];
    let blocks = y.par_chunks_mut(ROWS * out_features).zip(x.par_chunks(ROWS * in_features));
    blocks.for_each(|(y, x)| {
        let n_rows = x.len() / in_features;
        let x = View::rows(x, n_rows, in_features, in_features);
        let w = View::rows(weight, out_features, in_features, in_features);
        Block::whole(y, n_rows, out_features).multiply(x, w.transposed(), 1.0);
    });
    y
}

fn layer(in_features: usize, out_features: usize, precision: Precision) -> PackedLinear {
    let shape = LinearShape { in_features, out_features };
    let (weight, bias) = (noise(in_features * out_features, 2), noise(out_features, 3));
    PackedLinear::new(&weight, Some(&bias), shape, precision)
}

fn linear(group: &mut Group<'_>, sizes: Sizes) {
    let Sizes { hidden, wide, twin_texts, .. } = sizes;
    let (x, shape) =
        (noise(TOKENS * hidden, 1), LinearShape { in_features: hidden, out_features: wide });
    let flops = |tokens: usize| 2 * tokens * hidden * wide;
    for precision in Precision::ALL {
        let (up, down) = (layer(hidden, wide, precision), layer(wide, hidden, precision));
        let gelu = Finish::Activate(Activation::Gelu);
        time(group, &format!("linear_gelu/{precision}"), flops(TOKENS), || up.forward(&x, gelu));
        time(group, &format!("feed_forward/{precision}"), 2 * flops(TOKENS), || {
            feed_forward(&x, &up, Activation::Gelu, &down, Finish::Add(&x))
        });
    }
    let weight = noise(hidden * wide, 2);
    // The part that the layer replaces: the product alone, without bias and activation.
    time(group, "linear/gemm crate", flops(TOKENS), || product_of_gemm(&x, &weight, shape));
    let x = &x[..twin_texts * TEXT * hidden];
    time(group, "linear_gelu/twin", flops(twin_texts * TEXT), || {
        reference::linear(x, &weight, None, Activation::Gelu, shape)
    });
}

fn attention(group: &mut Group<'_>, sizes: Sizes) {
    let Sizes { hidden, n_heads, twin_texts, .. } = sizes;
    let head_dim = hidden / n_heads;
    let (x, mut qkv) = (noise(TOKENS * hidden, 1), noise(TOKENS * 3 * hidden, 4));
    let (offsets, positions) = (samples::offsets(&[TEXT; TEXTS]), RelativePositions::None);
    let offsets = Offsets::new(&offsets);
    let flops = |texts: usize| 4 * texts * TEXT * TEXT * hidden;
    let shape = |precision: Precision| {
        let arithmetic = precision.into();
        AttentionShape { n_heads, head_dim, scale: 0.125, window: None, arithmetic }
    };
    for precision in Precision::ALL {
        let (shape, layer) = (shape(precision), layer(hidden, 3 * hidden, precision));
        // In int8, attention runs in bf16.
        if precision != Precision::Int8 {
            time(group, &format!("attention/{precision}"), flops(TEXTS), || {
                packed_attention(&qkv, offsets, shape, positions)
            });
        }
        let all = flops(TEXTS) + 6 * TOKENS * hidden * hidden;
        time(group, &format!("projected_attention/{precision}"), all, || {
            projected_attention(&x, &layer, offsets, shape, positions)
        });
    }
    let shape = shape(Precision::F32);
    let few = samples::offsets(&vec![TEXT; twin_texts]);
    let few = Offsets::new(&few);
    let qkv_of_few = qkv[..twin_texts * TEXT * 3 * hidden].to_vec();
    time(group, "attention/twin", flops(twin_texts), || {
        reference::packed_attention(&qkv_of_few, few, shape, positions)
    });
    // Cosines and sines, so that repeated rotation preserves lengths.
    let angle = |i: usize| (i / head_dim * (i % head_dim % (head_dim / 2) + 1)) as f32;
    let cos = |i: usize| i % head_dim < head_dim / 2;
    let table: Vec<f32> = (0..TEXT * head_dim)
        .map(|i| if cos(i) { angle(i).cos() } else { angle(i).sin() })
        .collect();
    let turned = |texts: usize| 2 * texts * TEXT * hidden;
    time(group, "rotate", turned(TEXTS), || rotate(&mut qkv, offsets, &table, shape));
    time(group, "rotate/twin", turned(twin_texts), || {
        reference::rotate(&qkv_of_few, few, &table, shape)
    });
}

fn head(group: &mut Group<'_>, sizes: Sizes) {
    let Sizes { hidden, twin_texts, .. } = sizes;
    let (x, offsets) = (noise(TOKENS * hidden, 1), samples::offsets(&[TEXT; TEXTS]));
    let offsets = Offsets::new(&offsets);
    let (decoder, bias) = (noise(VOCAB * hidden, 5), noise(VOCAB, 6));
    let table = |precision| Arc::new(Table::new((&decoder).into(), [VOCAB, hidden], precision));
    let flops = |tokens: usize| 2 * tokens * hidden * VOCAB;
    let relu = PoolActivation::Relu;
    for (name, strategy) in [("head_max", PoolStrategy::Max), ("head_sum", PoolStrategy::Sum)] {
        for precision in Precision::ALL {
            let whole = Head::new(table(precision), bias.clone()).without_screen();
            time(group, &format!("{name}/{precision}"), flops(TOKENS), || {
                whole.pool(&x, offsets, strategy, relu)
            });
        }
    }
    // As sparse as a SPLADE model: a logit is positive at 4 standard deviations.
    let rare = -4.0 * (hidden as f32).sqrt() / 3.0;
    let rare: Vec<f32> = bias.iter().map(|b| b + rare).collect();
    let screened = Head::new(table(Precision::F32), rare);
    match screened.has_screen() {
        false => eprintln!("skipped: head_max_screened needs AVX-512 VNNI or AMX"),
        true => time(group, "head_max_screened", flops(TOKENS), || {
            screened.pool(&x, offsets, PoolStrategy::Max, relu)
        }),
    }
    let few = samples::offsets(&vec![8; twin_texts]);
    let few = Offsets::new(&few);
    let x = &x[..twin_texts * 8 * hidden];
    time(group, "head_max/twin", flops(twin_texts * 8), || {
        let shape = LinearShape { in_features: hidden, out_features: VOCAB };
        reference::head_pool(x, &decoder, &bias, few, shape, PoolStrategy::Max, relu)
    });
}

fn rows(group: &mut Group<'_>, sizes: Sizes) {
    let Sizes { hidden, wide, twin_texts, .. } = sizes;
    let (x, gamma, beta) = (noise(TOKENS * hidden, 1), noise(hidden, 7), noise(hidden, 8));
    let mut y = x.clone();
    time(group, "add_layer_norm", x.len(), || add_layer_norm(&mut y, &x, &gamma, &beta, 1e-12));
    let few = &x[..twin_texts * TEXT * hidden];
    time(group, "layer_norm/twin", few.len(), || reference::layer_norm(few, &gamma, &beta, 1e-12));

    let x = noise(TOKENS * wide, 9);
    let few = &x[..twin_texts * TEXT * wide];
    let mut y = x.clone();
    for (name, activation) in [("gelu", Activation::Gelu), ("gelu_tanh", Activation::GeluTanh)] {
        time(group, name, y.len(), || {
            y.copy_from_slice(&x);
            activate(activation, &mut y);
        });
        time(group, &format!("{name}/twin"), few.len(), || {
            let each = few.iter().map(|&v| reference::activation(activation, f64::from(v)));
            each.collect::<Vec<f64>>()
        });
    }
    time(group, "gate", x.len() / 2, || gate(&x, wide / 2, Activation::Gelu));
    time(group, "gate/twin", few.len() / 2, || reference::gate(few, wide / 2, Activation::Gelu));
}

fn sparsify(group: &mut Group<'_>) {
    let row: Vec<f32> = (0..VOCAB).map(|i| if i % 200 == 0 { 1.0 } else { 0.0 }).collect();
    let (mut indices, mut values) = (Vec::new(), Vec::new());
    time(group, "non_zeros", row.len(), || {
        indices.clear();
        values.clear();
        non_zeros(&row, &mut indices, &mut values);
        indices.len()
    });
    time(group, "non_zeros/twin", row.len(), || {
        let kept = row.iter().enumerate().filter(|(_, value)| **value != 0.0);
        kept.map(|(index, value)| (index as u32, *value)).collect::<Vec<_>>()
    });
}

criterion_group!(benches, kernels);
criterion_main!(benches);
