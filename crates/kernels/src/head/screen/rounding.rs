//! Distances between rows and the 8-bit integers that they are rounded to.

use crate::SimdLevel;
use crate::int8::{ROUND, RowScale};
use crate::layer_norm::lane_sum;
use crate::simd::multiversion;

/// Norms of a row and its integers, as [`crate::int8::round_row`] makes them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Distances {
    /// ‖h‖.
    pub(super) norm: f64,
    /// ‖ĥ‖.
    pub(super) rounded_norm: f64,
    /// ‖h - ĥ‖.
    pub(super) error: f64,
}

impl Distances {
    pub(super) fn of(level: SimdLevel, row: &[f32]) -> Self {
        let largest = largest(level, row);
        let inverse = RowScale::inverse(largest);
        if inverse == 0.0 {
            // All integers are 0: the row is zero, or its numbers are too small to scale.
            let norm = f64::from(largest) * (row.len() as f64).sqrt();
            return Self { norm, rounded_norm: 0.0, error: norm };
        }
        // In units of the integers, where squares neither overflow nor underflow.
        let [exact, rounded, error] = squares(level, row, inverse).map(f64::from);
        let unit = f64::from(largest) / 127.0;
        // Bounds the error of the sums: 2^-24 relative per term of a lane.
        let lost = 1.0 + (row.len() / 16 + 16) as f64 * 2f64.powi(-23);
        let length = |squares: f64| (squares * lost).sqrt() * unit;
        Self { norm: length(exact), rounded_norm: length(rounded), error: length(error) }
    }
}

/// Rounds up to an `f32`.
pub(super) fn up(value: f64) -> f32 {
    (value * (1.0 + 1e-6)) as f32
}

#[inline(always)]
fn largest_body(row: &[f32]) -> f32 {
    f32::from_bits(row.iter().fold(0, |most, v| most.max(v.to_bits() & 0x7fff_ffff)))
}

multiversion!(fn largest(row: &[f32]) -> f32 = largest_body);

/// Σu², Σq², Σ(u - q)² for the numbers u = v · inverse and their integers q.
#[inline(always)]
fn squares_body(row: &[f32], inverse: f32) -> [f32; 3] {
    let square = |v: f32| v * v;
    let integer = |v: f32| (v * inverse + ROUND) - ROUND;
    [
        lane_sum(row, |v| square(v * inverse)),
        lane_sum(row, |v| square(integer(v))),
        lane_sum(row, |v| square(v * inverse - integer(v))),
    ]
}

multiversion!(fn squares(row: &[f32], inverse: f32) -> [f32; 3] = squares_body);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::int8;
    use crate::samples::noise;

    proptest! {
        #[test]
        fn distances_are_those_of_the_integers(length in 1usize..=200, size in -140i32..120, seed in any::<u64>()) {
            let row: Vec<f32> = noise(length, seed).iter().map(|v| v * 2f32.powi(size)).collect();
            let mut groups = vec![0; length.div_ceil(4)];
            let scale = int8::round_row(SimdLevel::detect(), &row, &mut groups).scale;
            let bytes = groups.iter().flat_map(|group| group.to_le_bytes()).map(|byte| byte as i8);
            let (mut norm, mut rounded_norm, mut error) = (0.0, 0.0, 0.0);
            for (v, q) in row.iter().zip(bytes) {
                let (v, q) = (f64::from(*v), f64::from(q) * f64::from(scale));
                norm += v * v;
                rounded_norm += q * q;
                error += (v - q) * (v - q);
            }
            let found = Distances::of(SimdLevel::detect(), &row);
            // The slack of a screen covers this much.
            let tolerance = 1e-6 * norm.sqrt();
            for (found, exact) in [(found.norm, norm), (found.rounded_norm, rounded_norm), (found.error, error)] {
                prop_assert!(found >= exact.sqrt() - tolerance, "{found} {}", exact.sqrt());
                if scale > 1e-30 {
                    prop_assert!(found <= 1.001 * exact.sqrt() + tolerance, "{found} {}", exact.sqrt());
                }
            }
        }
    }
}
