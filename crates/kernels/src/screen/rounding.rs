//! Rows in 8-bit integers, and how far they are from them.

use rayon::prelude::*;

use super::SLACK;
use crate::SimdLevel;
use crate::int8::{self, RowScale};

/// Tokens in 8-bit integers.
pub(super) struct Tokens {
    /// Groups of four of a token.
    pub(super) n_groups: usize,
    /// `[tokens, n_groups]`.
    pub(super) groups: Vec<u32>,
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
    pub(super) sum: i32,
    pub(super) norm: f64,
    pub(super) rounded_norm: f64,
    pub(super) error: f64,
}

/// Rounds a row as [`int8::round_row`] does.
pub(super) fn round(row: &[f32], groups: &mut [u32]) -> Rounded {
    let RowScale { scale, sum } = int8::round_row(SimdLevel::detect(), row, groups);
    let (mut norm, mut rounded_norm, mut error) = (0.0, 0.0, 0.0);
    let integers = groups.iter().flat_map(|group| group.to_le_bytes()).map(|byte| byte as i8);
    for (&value, integer) in row.iter().zip(integers) {
        let approximate = f64::from(scale) * f64::from(integer);
        let exact = f64::from(value);
        norm += exact * exact;
        rounded_norm += approximate * approximate;
        error += (exact - approximate) * (exact - approximate);
    }
    Rounded {
        scale,
        sum,
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
    pub(super) fn round(hidden_states: &[f32], hidden_size: usize) -> Self {
        let n_groups = hidden_size.div_ceil(4);
        let mut groups = vec![0; hidden_states.len() / hidden_size * n_groups];
        let rows = groups.par_chunks_exact_mut(n_groups);
        let bounds = rows.zip(hidden_states.par_chunks_exact(hidden_size)).map(|(groups, row)| {
            let Rounded { scale, sum, norm, rounded_norm, error } = round(row, groups);
            TokenBounds {
                scale,
                norm: up(rounded_norm),
                error: up(error) + SLACK * up(norm),
                correction: -128 * sum,
            }
        });
        let bounds = bounds.collect();
        Self { n_groups, groups, bounds }
    }
}
