//! Rows in 8-bit integers, and how far they are from them.

use rayon::prelude::*;

use super::SLACK;

/// Tokens in 8-bit integers.
pub(super) struct Tokens {
    pub(super) depth: usize,
    /// `[tokens, depth]`.
    pub(super) values: Vec<i8>,
    pub(super) bounds: Vec<TokenBounds>,
}

/// What a pass needs of one token.
#[derive(Clone, Copy)]
pub(super) struct TokenBounds {
    pub(super) scale: f32,
    /// ‖ĥ‖.
    pub(super) norm: f32,
    /// ‖h - ĥ‖, and the slack for rounding.
    pub(super) error: f32,
    /// -128 times the sum of its integers: what the words' offset of 128 adds, taken away.
    pub(super) correction: i32,
}

/// A row in integers, and how far it is from them.
pub(super) struct Rounded {
    pub(super) scale: f32,
    pub(super) norm: f64,
    pub(super) rounded_norm: f64,
    pub(super) error: f64,
}

/// Rounds a row to integers of -127 to 127 times a scale; what lies beyond the row is 0.
pub(super) fn round(row: &[f32], rounded: &mut [i8]) -> Rounded {
    let largest = row.iter().fold(0.0_f32, |largest, v| largest.max(v.abs()));
    let scale = largest / 127.0;
    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    let (mut norm, mut rounded_norm, mut error) = (0.0, 0.0, 0.0);
    rounded.fill(0);
    for (integer, &value) in rounded.iter_mut().zip(row) {
        *integer = (value * inverse).round_ties_even().clamp(-127.0, 127.0) as i8;
        let approximate = f64::from(scale) * f64::from(*integer);
        let exact = f64::from(value);
        norm += exact * exact;
        rounded_norm += approximate * approximate;
        error += (exact - approximate) * (exact - approximate);
    }
    Rounded {
        scale,
        norm: f64::sqrt(norm),
        rounded_norm: f64::sqrt(rounded_norm),
        error: f64::sqrt(error),
    }
}

/// An `f32` that is not below.
pub(super) fn up(value: f64) -> f32 {
    (value * (1.0 + 1e-6)) as f32
}

impl Tokens {
    pub(super) fn round(hidden_states: &[f32], hidden_size: usize, depth: usize) -> Self {
        let n_tokens = hidden_states.len() / hidden_size;
        let mut values = vec![0_i8; n_tokens * depth];
        let rows = values.par_chunks_exact_mut(depth);
        let bounds = rows.zip(hidden_states.par_chunks_exact(hidden_size)).map(|(values, row)| {
            let Rounded { scale, norm, rounded_norm, error } = round(row, values);
            let sum: i32 = values.iter().map(|&v| i32::from(v)).sum();
            TokenBounds {
                scale,
                norm: up(rounded_norm),
                error: up(error) + SLACK * up(norm),
                correction: -128 * sum,
            }
        });
        let bounds = bounds.collect();
        Self { depth, values, bounds }
    }
}
