//! Rows in 8-bit integers times a scale.

use crate::panels::PANEL;
use crate::product::numbers_mut;
use crate::simd::multiversion;

/// The factor of a row's integers, and their sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RowScale {
    /// NaN or infinite if a number of the row is.
    pub(crate) scale: f32,
    /// 0 if columns are signed: then sums need no correction.
    pub(crate) sum: i32,
}

impl RowScale {
    /// The factor that turns a row's numbers into integers.
    pub(crate) fn inverse(largest: f32) -> f32 {
        let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
        // 127 / largest overflows for the smallest subnormals, which are as good as 0.
        if inverse.is_finite() { inverse } else { 0.0 }
    }
}

/// Adding 1.5 * 2^23 rounds to an integer, ties to even, and leaves its two's complement in the
/// lower bits.
pub(crate) const ROUND: f32 = 12_582_912.0;
/// A group of four times `0 + 128`, as kernels hold it that multiply unsigned columns. Exclusive or
/// with it adds 128 to each byte.
pub(crate) const ZERO_GROUP: u32 = 0x8080_8080;

/// Rounds a row to integers from -127 to 127 times a scale, four per group; the rest becomes 0.
#[inline(always)]
fn round_row_body(row: &[f32], groups: &mut [u32]) -> RowScale {
    // Compared as bits, NaN is above everything.
    let magnitude = |largest: u32, v: &f32| largest.max(v.to_bits() & 0x7fff_ffff);
    let largest = f32::from_bits(row.iter().fold(0, magnitude));
    let inverse = RowScale::inverse(largest);
    let bytes = numbers_mut::<u8>(groups);
    let (whole, rest) = bytes.split_at_mut(row.len());
    let mut sum = 0_i32;
    for (byte, &v) in whole.iter_mut().zip(row) {
        *byte = (v * inverse + ROUND).to_bits() as u8;
        sum = sum.wrapping_add(i32::from(*byte as i8));
    }
    rest.fill(0);
    RowScale { scale: largest / 127.0, sum }
}

multiversion!(pub(crate) fn round_row(row: &[f32], groups: &mut [u32]) -> RowScale = round_row_body);

/// Converts sums over panels (stored + 128, unless row sums are 0) and rows of [`round_row`] into
/// products, in place: `[rows, columns]`, bits of `i32` before and of `f32` after.
#[inline(always)]
fn rescale_body(sums: &mut [f32], rows: &[RowScale], columns: &[f32]) {
    for (sums, row) in sums.chunks_exact_mut(columns.len()).zip(rows) {
        let correction = 128 * row.sum;
        for (sum, column) in sums.iter_mut().zip(columns) {
            let integer = sum.to_bits() as i32 - correction;
            *sum = integer as f32 * (row.scale * column);
        }
    }
}

multiversion!(pub(crate) fn rescale(sums: &mut [f32], rows: &[RowScale], columns: &[f32]) = rescale_body);

/// The maximum of each column over some rows, from sums as [`rescale`] takes them.
#[inline(always)]
fn max_rows_body(sums: &[f32], rows: &[RowScale], columns: &[f32]) -> [f32; PANEL] {
    let mut max = [f32::NEG_INFINITY; PANEL];
    for (sums, row) in sums.as_chunks::<PANEL>().0.iter().zip(rows) {
        let correction = 128 * row.sum;
        for (max, sum) in max.iter_mut().zip(sums) {
            let value = (sum.to_bits() as i32 - correction) as f32 * row.scale;
            *max = if value > *max { value } else { *max };
        }
    }
    // The scale of a column is not negative, so it may be applied last.
    max.iter_mut().zip(columns).for_each(|(max, column)| *max *= column);
    max
}

multiversion!(pub(crate) fn max_rows(sums: &[f32], rows: &[RowScale], columns: &[f32]) -> [f32; PANEL] = max_rows_body);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::SimdLevel;
    use crate::samples::noise;

    proptest! {
        #[test]
        fn a_row_comes_back_within_half_a_step(length in 1usize..=67, size in -30i32..30, seed in any::<u64>()) {
            let row: Vec<f32> = noise(length, seed).iter().map(|v| v * 2f32.powi(size)).collect();
            let largest = row.iter().fold(0f32, |m, v| m.max(v.abs()));
            for level in SimdLevel::available() {
                let mut groups = vec![7; length.div_ceil(4) + 1];
                let RowScale { scale, sum } = round_row(level, &row, &mut groups);
                prop_assert_eq!(scale, largest / 127.0);
                let bytes: Vec<i8> = groups.iter().flat_map(|g| g.to_le_bytes()).map(|b| b as i8).collect();
                prop_assert_eq!(sum, bytes.iter().map(|&b| i32::from(b)).sum::<i32>());
                for (i, &byte) in bytes.iter().enumerate() {
                    let exact = row.get(i).copied().unwrap_or(0.0);
                    let distance = (f32::from(byte) * scale - exact).abs();
                    prop_assert!(distance <= 0.501 * scale, "{exact} {byte} {scale}");
                }
            }
        }
    }

    #[test]
    fn zeros_stay_and_broken_numbers_show_in_the_scale() {
        let mut groups = [0; 2];
        for level in SimdLevel::available() {
            assert_eq!(round_row(level, &[0.0; 5], &mut groups), RowScale { scale: 0.0, sum: 0 });
            assert_eq!(groups, [0, 0]);
            assert!(round_row(level, &[1.0, f32::NAN, 2.0], &mut groups).scale.is_nan());
            assert!(round_row(level, &[1.0, f32::NEG_INFINITY], &mut groups).scale.is_infinite());
            // The smallest subnormal.
            round_row(level, &[f32::from_bits(1)], &mut groups);
        }
    }

    #[test]
    fn sums_are_corrected_and_scaled() {
        let rows = [RowScale { scale: 0.5, sum: 3 }, RowScale { scale: 2.0, sum: -1 }];
        let sums =
            [128 * 3 + 10, 128 * 3 - 4, -128 + 1, -128].map(|s: i32| f32::from_bits(s as u32));
        for level in SimdLevel::available() {
            let mut sums = sums;
            rescale(level, &mut sums, &rows, &[1.0, 3.0]);
            assert_eq!(sums, [5.0, -6.0, 2.0, 0.0]);
        }
    }
}
