//! Several threads compute what one thread computes. ThreadSanitizer watches these tests
//! (`cargo xtask sanitize`).
//!
//! The test's thread is a worker of its pool, so it waits as workers do: by atomics, which
//! ThreadSanitizer sees. Any other thread would wait on a condition variable of the standard
//! library, which it does not see.
#![forbid(unsafe_code)]

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};
use splade_kernels::{
    Activation, AttentionShape, Finish, Head, LinearShape, Offsets, PackedLinear, PoolActivation,
    PoolStrategy, Precision, RelativePositions, Table, add_layer_norm, feed_forward, gate,
    layer_norm, packed_attention, projected_attention, rotate,
};

#[path = "../../src/samples.rs"]
mod samples;

use samples::{noise, offsets};

const THREADS: usize = 4;
/// Tokens per text: one long text, some short ones, one empty.
const LENGTHS: [usize; 7] = [150, 1, 0, 31, 64, 17, 9];
const TOKENS: usize = 272;

/// A pool of the calling thread and some more.
fn join_pool() -> ThreadPool {
    ThreadPoolBuilder::new()
        .num_threads(THREADS)
        .use_current_thread()
        .build()
        .expect("threads start")
}

/// Asserts that `compute` gives the same on this thread's pool as on one thread.
fn check(what: &str, compute: impl Fn() -> Vec<f32> + Sync) {
    assert_eq!(rayon::current_num_threads(), THREADS);
    let one = ThreadPoolBuilder::new().num_threads(1).build().expect("a thread starts");
    let expected = one.install(&compute);
    for _ in 0..3 {
        let found = compute();
        assert_eq!(found.len(), expected.len(), "{what}");
        for (a, b) in found.iter().zip(&expected) {
            assert!((a - b).abs() <= 1e-5 + 1e-5 * b.abs(), "{what}: {a} {b}");
        }
    }
}

fn layer(in_features: usize, out_features: usize, precision: Precision) -> PackedLinear {
    let weight = noise(in_features * out_features, 1);
    let bias = noise(out_features, 2);
    PackedLinear::new(&weight, Some(&bias), LinearShape { in_features, out_features }, precision)
}

#[test]
fn layers_are_the_same_on_many_threads() {
    let _pool = join_pool();
    for precision in Precision::ALL {
        let (up, down) = (layer(96, 400, precision), layer(400, 96, precision));
        let (gamma, beta) = (noise(96, 3), noise(96, 4));
        for rows in [1, 7, TOKENS] {
            let (x, wide) = (noise(rows * 96, 5), noise(rows * 400, 6));
            let norm = Finish::AddNorm { residual: &x, gamma: &gamma, beta: &beta, eps: 1e-5 };
            check("gelu", || up.forward(&x, Finish::Activate(Activation::Gelu)));
            check("add", || down.forward(&wide, Finish::Add(&x)));
            check("norm", || down.forward(&wide, norm));
            check("feed-forward", || feed_forward(&x, &up, Activation::Gelu, &down, norm));
            check("packed anew", || {
                layer(96, 400, precision).forward(&x, Finish::Activate(Activation::Linear))
            });
        }
    }
}

#[test]
fn attention_is_the_same_on_many_threads() {
    let _pool = join_pool();
    let (n_heads, head_dim) = (2, 32);
    let hidden = n_heads * head_dim;
    let offsets = offsets(&LENGTHS);
    let offsets = Offsets::new(&offsets);
    let distances = noise(n_heads * 9, 1);
    let tables = [noise(5 * hidden, 2), noise(5 * hidden, 3)];
    let buckets: Vec<u32> = (0..2 * LENGTHS[0] as u32 - 1).map(|distance| distance % 5).collect();
    let kinds = [
        RelativePositions::None,
        RelativePositions::Bias(&distances),
        RelativePositions::Disentangled {
            key: Some(&tables[0]),
            query: Some(&tables[1]),
            buckets: &buckets,
        },
    ];
    for precision in [Precision::F32, Precision::Bf16] {
        let qkv = layer(48, 3 * hidden, precision);
        let x = noise(TOKENS * 48, 4);
        let products = qkv.forward(&x, Finish::Activate(Activation::Linear));
        for window in [None, Some(20)] {
            let arithmetic = precision.into();
            let shape = AttentionShape { n_heads, head_dim, scale: 0.2, window, arithmetic };
            for positions in kinds {
                check("packed", || packed_attention(&products, offsets, shape, positions));
                check("projected", || projected_attention(&x, &qkv, offsets, shape, positions));
            }
        }
    }
}

#[test]
fn heads_are_the_same_on_many_threads() {
    let _pool = join_pool();
    let offsets = offsets(&LENGTHS);
    let offsets = Offsets::new(&offsets);
    let (hidden, decoder) = (noise(TOKENS * 48, 1), noise(48 * 2500, 2));
    let bias: Vec<f32> = noise(2500, 3).iter().map(|b| b - 6.0).collect();
    let relu = PoolActivation::Relu;
    for precision in Precision::ALL {
        let decoder = Arc::new(Table::new((&decoder).into(), [2500, 48], precision));
        let whole = Head::new(Arc::clone(&decoder), bias.clone()).without_screen();
        for strategy in [PoolStrategy::Max, PoolStrategy::Sum] {
            check("whole", || whole.pool(&hidden, offsets, strategy, relu));
        }
        let screened = Head::new(decoder, bias.clone());
        check("screened", || screened.pool(&hidden, offsets, PoolStrategy::Max, relu));
    }
}

#[test]
fn norms_gates_and_rotations_are_the_same_on_many_threads() {
    let _pool = join_pool();
    let (x, residual) = (noise(TOKENS * 96, 1), noise(TOKENS * 96, 2));
    let (gamma, beta) = (noise(96, 3), noise(96, 4));
    let in_place = |change: &(dyn Fn(&mut [f32]) + Sync)| {
        let mut x = x.clone();
        change(&mut x);
        x
    };
    check("norm", || in_place(&|x| layer_norm(x, &gamma, &beta, 1e-5)));
    check("add norm", || in_place(&|x| add_layer_norm(x, &residual, &gamma, &beta, 1e-5)));
    check("gate", || gate(&x, 48, Activation::Silu));
    let shape = AttentionShape {
        n_heads: 2,
        head_dim: 16,
        scale: 1.0,
        window: None,
        arithmetic: Precision::F32.into(),
    };
    let (offsets, table) = (offsets(&LENGTHS), noise(LENGTHS[0] * 16, 5));
    let offsets = Offsets::new(&offsets);
    check("rotate", || in_place(&|x| rotate(x, offsets, &table, shape)));
}
