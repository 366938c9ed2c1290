//! Random inputs for each operation of `SpladeBackend`, from a seed.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use splade_model::{Activation, AttentionShape, PoolActivation, PoolStrategy, Pooling};

use crate::samples;

/// Every activation that a configuration can name.
pub(crate) const ACTIVATIONS: [Activation; 16] = [
    Activation::Gelu,
    Activation::Gelu10,
    Activation::GeluTanh,
    Activation::QuickGelu,
    Activation::Relu,
    Activation::Relu2,
    Activation::Relu6,
    Activation::LeakyRelu,
    Activation::HardSwish,
    Activation::Silu,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Mish,
    Activation::Laplace,
    Activation::SqrtSoftplus,
    Activation::Linear,
];

pub(crate) const POOLINGS: [Pooling; 4] = [
    Pooling { strategy: PoolStrategy::Max, activation: PoolActivation::Relu },
    Pooling { strategy: PoolStrategy::Max, activation: PoolActivation::Log1pRelu },
    Pooling { strategy: PoolStrategy::Sum, activation: PoolActivation::Relu },
    Pooling { strategy: PoolStrategy::Sum, activation: PoolActivation::Log1pRelu },
];

#[derive(Clone, Debug)]
pub(crate) struct LinearCase {
    pub(crate) tokens: usize,
    pub(crate) in_features: usize,
    pub(crate) out_features: usize,
    pub(crate) has_bias: bool,
    pub(crate) activation: Activation,
    pub(crate) seed: u64,
}

pub(crate) fn linear() -> impl Strategy<Value = LinearCase> {
    let sizes = (1usize..=70, 1usize..=40, 1usize..=130);
    (sizes, any::<bool>(), select(&ACTIVATIONS[..]), any::<u64>()).prop_map(
        |((tokens, in_features, out_features), has_bias, activation, seed)| LinearCase {
            tokens,
            in_features,
            out_features,
            has_bias,
            activation,
            seed,
        },
    )
}

#[derive(Clone, Debug)]
pub(crate) struct NormCase {
    pub(crate) tokens: usize,
    pub(crate) hidden_size: usize,
    pub(crate) has_residual: bool,
    pub(crate) eps: f32,
    pub(crate) seed: u64,
}

pub(crate) fn norm() -> impl Strategy<Value = NormCase> {
    let eps = select(vec![1e-12, 1e-5, 1e-1]);
    (1usize..=70, 1usize..=40, any::<bool>(), eps, any::<u64>()).prop_map(
        |(tokens, hidden_size, has_residual, eps, seed)| NormCase {
            tokens,
            hidden_size,
            has_residual,
            eps,
            seed,
        },
    )
}

/// Tokens of each text; sometimes none.
fn lengths() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![1 => Just(0), 5 => 1usize..=70], 0..6)
}

#[derive(Clone, Debug)]
pub(crate) struct AttentionCase {
    pub(crate) lengths: Vec<usize>,
    pub(crate) shape: AttentionShape,
    pub(crate) kind: PositionKind,
    pub(crate) seed: u64,
}

/// What positions add to scores.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PositionKind {
    None,
    Bias,
    Disentangled { key: bool, query: bool },
}

pub(crate) fn attention() -> impl Strategy<Value = AttentionCase> {
    let kinds = vec![
        PositionKind::None,
        PositionKind::Bias,
        PositionKind::Disentangled { key: true, query: false },
        PositionKind::Disentangled { key: false, query: true },
        PositionKind::Disentangled { key: true, query: true },
    ];
    let window = proptest::option::of(0usize..40);
    // Even heads, so that they can be rotated too.
    (lengths(), 1usize..=4, 1usize..=5, window, select(kinds), any::<u64>()).prop_map(
        |(lengths, n_heads, half, window, kind, seed)| {
            let scale = 1.0 / ((2 * half) as f32).sqrt();
            let arithmetic = splade_kernels::Precision::F32.into();
            let shape = AttentionShape { n_heads, head_dim: 2 * half, scale, window, arithmetic };
            AttentionCase { lengths, shape, kind, seed }
        },
    )
}

/// Heads of real sizes, texts longer than a kernel's blocks, all windows and positions.
pub(crate) fn long_attention() -> Vec<AttentionCase> {
    let cases = [
        (64, None, PositionKind::None),
        (32, Some(40), PositionKind::None),
        (12, Some(0), PositionKind::Bias),
        (80, None, PositionKind::Bias),
        (16, None, PositionKind::Disentangled { key: true, query: true }),
    ];
    let case = |(head_dim, window, kind)| {
        let scale = 1.0 / (head_dim as f32).sqrt();
        let arithmetic = splade_kernels::Precision::F32.into();
        let shape = AttentionShape { n_heads: 3, head_dim, scale, window, arithmetic };
        AttentionCase { lengths: vec![0, 33, 1, 0, 150, 32], shape, kind, seed: 11 }
    };
    cases.map(case).into()
}

#[derive(Clone, Debug)]
pub(crate) struct HeadCase {
    pub(crate) lengths: Vec<usize>,
    pub(crate) hidden_size: usize,
    pub(crate) vocab_size: usize,
    pub(crate) pooling: Pooling,
    pub(crate) seed: u64,
}

pub(crate) fn head() -> impl Strategy<Value = HeadCase> {
    (lengths(), 1usize..=40, 1usize..1100, select(&POOLINGS[..]), any::<u64>()).prop_map(
        |(lengths, hidden_size, vocab_size, pooling, seed)| HeadCase {
            lengths,
            hidden_size,
            vocab_size,
            pooling,
            seed,
        },
    )
}

/// Numbers in [-2, 2).
pub(crate) fn numbers(length: usize, seed: u64) -> Vec<f32> {
    samples::noise(length, seed).into_iter().map(|x| 2.0 * x).collect()
}
