//! The obvious twin of each kernel: loops in `f64` that read like the formula. Oracles for tests
//! and benchmarks, which include this file; the library does not contain it.
#![allow(dead_code, reason = "each target that includes this file uses some of it")]

use splade_kernels::{
    Activation, AttentionShape, LinearShape, Offsets, PoolActivation, PoolStrategy,
    RelativePositions,
};

/// The error function, by its series of positive terms (Abramowitz and Stegun 7.1.6).
pub(crate) fn erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term.abs() > 1e-18 * sum.abs() {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    2.0 / std::f64::consts::PI.sqrt() * (-x * x).exp() * sum
}

#[allow(clippy::approx_constant, reason = "the reference's own digits")]
const LAPLACE_MEAN: f64 = 0.707107;

/// Applies an activation to one number.
pub(crate) fn activation(activation: Activation, x: f64) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    match activation {
        Activation::Gelu => 0.5 * x * (1.0 + erf(x / 2f64.sqrt())),
        Activation::GeluTanh => {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
            0.5 * x * (1.0 + inner.tanh())
        }
        Activation::Gelu10 => (0.5 * x * (1.0 + erf(x / 2f64.sqrt()))).clamp(-10.0, 10.0),
        Activation::QuickGelu => x * sigmoid(1.702 * x),
        Activation::Relu => x.max(0.0),
        Activation::Relu2 => x.max(0.0).powi(2),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::LeakyRelu => {
            if x > 0.0 {
                x
            } else {
                0.01 * x
            }
        }
        Activation::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Activation::Silu => x * sigmoid(x),
        Activation::Sigmoid => sigmoid(x),
        Activation::Tanh => x.tanh(),
        Activation::Mish => x * x.exp().ln_1p().tanh(),
        Activation::Laplace => 0.5 * (1.0 + erf((x - LAPLACE_MEAN) / (0.282095 * 2f64.sqrt()))),
        Activation::SqrtSoftplus => x.exp().ln_1p().sqrt(),
        Activation::Linear => x,
        #[allow(unreachable_patterns, reason = "only other crates cannot know all of them")]
        _ => panic!("{activation:?} has no twin"),
    }
}

/// The twin of [`splade_kernels::PackedLinear`].
pub(crate) fn linear(
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    act: Activation,
    shape: LinearShape,
) -> Vec<f64> {
    let rows = x.chunks_exact(shape.in_features);
    rows.flat_map(|x| {
        weight
            .chunks_exact(shape.in_features)
            .enumerate()
            .map(move |(o, w)| activation(act, dot(x, w) + bias.map_or(0.0, |b| f64::from(b[o]))))
    })
    .collect()
}

/// The twin of [`splade_kernels::layer_norm`].
pub(crate) fn layer_norm(x: &[f32], gamma: &[f32], beta: &[f32], eps: f32) -> Vec<f64> {
    let width = gamma.len();
    let rows = x.chunks_exact(width);
    rows.flat_map(|row| {
        let mean = row.iter().map(|&v| f64::from(v)).sum::<f64>() / width as f64;
        let variance =
            row.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / width as f64;
        row.iter().zip(gamma).zip(beta).map(move |((&v, &g), &b)| {
            (f64::from(v) - mean) / (variance + f64::from(eps)).sqrt() * f64::from(g) + f64::from(b)
        })
    })
    .collect()
}

/// The twin of [`splade_kernels::packed_attention`].
pub(crate) fn packed_attention(
    qkv: &[f32],
    offsets: Offsets<'_>,
    shape: AttentionShape,
    positions: RelativePositions<'_>,
) -> Vec<f64> {
    let hidden = shape.n_heads * shape.head_dim;
    let part = |token: u32, which: usize, head: usize| {
        let at = token as usize * 3 * hidden + which * hidden + head * shape.head_dim;
        &qkv[at..at + shape.head_dim]
    };
    let score = |query: u32, key: u32, head: usize| {
        let (q, k) = (part(query, 0, head), part(key, 1, head));
        let scale = f64::from(shape.scale);
        let of_bucket = |table: &[f32], bucket: usize, with: &[f32]| {
            dot(&table[bucket * hidden + head * shape.head_dim..][..shape.head_dim], with)
        };
        let distance = i64::from(key) - i64::from(query);
        scale * dot(q, k)
            + match positions {
                RelativePositions::None => 0.0,
                RelativePositions::Bias(bias) => {
                    let width = bias.len() / shape.n_heads;
                    let reach = (width / 2) as i64;
                    let column = distance.clamp(-reach, reach) + reach;
                    f64::from(bias[head * width + column as usize])
                }
                RelativePositions::Disentangled { key, query, buckets } => {
                    let bucket = buckets[(buckets.len() as i64 / 2 - distance) as usize] as usize;
                    let of_key = key.map_or(0.0, |table| of_bucket(table, bucket, q));
                    let of_query = query.map_or(0.0, |table| of_bucket(table, bucket, k));
                    scale * (of_key + of_query)
                }
            }
    };
    let mut out = vec![0.0; qkv.len() / 3];
    for text in offsets.ranges() {
        let text = text.start as u32..text.end as u32;
        for query in text.clone() {
            let is_seen = |key: &u32| {
                shape.window.is_none_or(|window| key.abs_diff(query) as usize <= window)
            };
            let keys: Vec<u32> = text.clone().filter(is_seen).collect();
            for head in 0..shape.n_heads {
                let scores: Vec<f64> = keys.iter().map(|&key| score(query, key, head)).collect();
                let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = scores.iter().map(|s| (s - max).exp()).sum();
                for (&key, score) in keys.iter().zip(&scores) {
                    let weight = (score - max).exp() / sum;
                    for (d, &v) in part(key, 2, head).iter().enumerate() {
                        out[query as usize * hidden + head * shape.head_dim + d] +=
                            weight * f64::from(v);
                    }
                }
            }
        }
    }
    out
}

/// The twin of [`splade_kernels::rotate`].
pub(crate) fn rotate(
    qkv: &[f32],
    offsets: Offsets<'_>,
    table: &[f32],
    shape: AttentionShape,
) -> Vec<f64> {
    let AttentionShape { n_heads, head_dim, .. } = shape;
    let (hidden, half) = (n_heads * head_dim, head_dim / 2);
    let mut out: Vec<f64> = qkv.iter().map(|&v| f64::from(v)).collect();
    for text in offsets.ranges() {
        for (position, token) in text.enumerate() {
            for head in 0..2 * n_heads {
                let at = token * 3 * hidden + head * head_dim;
                for i in 0..half {
                    let cos = f64::from(table[position * head_dim + i]);
                    let sin = f64::from(table[position * head_dim + half + i]);
                    let (a, b) = (f64::from(qkv[at + i]), f64::from(qkv[at + half + i]));
                    out[at + i] = a * cos - b * sin;
                    out[at + half + i] = b * cos + a * sin;
                }
            }
        }
    }
    out
}

/// The twin of [`splade_kernels::gate`].
pub(crate) fn gate(x: &[f32], width: usize, act: Activation) -> Vec<f64> {
    let rows = x.chunks_exact(2 * width);
    rows.flat_map(|row| {
        let (a, b) = row.split_at(width);
        a.iter().zip(b).map(move |(&a, &b)| activation(act, f64::from(a)) * f64::from(b))
    })
    .collect()
}

/// The twin of [`splade_kernels::Head::pool`]: activates every logit, then pools.
pub(crate) fn head_pool(
    hidden_states: &[f32],
    decoder: &[f32],
    bias: &[f32],
    offsets: Offsets<'_>,
    shape: LinearShape,
    strategy: PoolStrategy,
    activation: PoolActivation,
) -> Vec<f64> {
    let activate = |x: f64| match activation {
        PoolActivation::Relu => x.max(0.0).ln_1p(),
        PoolActivation::Log1pRelu => x.max(0.0).ln_1p().ln_1p(),
    };
    let hidden_size = shape.in_features;
    let mut pooled = Vec::new();
    for text in offsets.ranges() {
        let tokens = &hidden_states[text.start * hidden_size..text.end * hidden_size];
        for (word, w) in decoder.chunks_exact(hidden_size).enumerate() {
            let weights = tokens
                .chunks_exact(hidden_size)
                .map(|h| activate(dot(h, w) + f64::from(bias[word])));
            pooled.push(match strategy {
                PoolStrategy::Max => weights.fold(0.0, f64::max),
                PoolStrategy::Sum => weights.sum(),
            });
        }
    }
    pooled
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}
