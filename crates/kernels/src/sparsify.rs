//! The non-zero entries of a dense row.

use crate::SimdLevel;
use crate::simd::multiversion;

/// Entries per test: one test skips a block of zeros, as nearly all blocks of a SPLADE row are.
const BLOCK: usize = 32;

/// Rows without their zeros: the columns of each row, ascending, and its values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SparseRows {
    /// Where each row starts in `indices` and `values`, and where the last one ends: `[rows + 1]`.
    pub offsets: Vec<usize>,
    /// Columns.
    pub indices: Vec<u32>,
    /// Values.
    pub values: Vec<f32>,
}

/// Appends the index and value of each non-zero entry of `row`, in ascending order.
///
/// Entries that are not finite are appended too: callers refuse them.
///
/// # Panics
/// If `row` has more than 2^32 entries.
pub fn non_zeros(row: &[f32], indices: &mut Vec<u32>, values: &mut Vec<f32>) {
    assert!(u32::try_from(row.len()).is_ok(), "a row of more than 2^32 entries");
    collect(SimdLevel::detect(), row, indices, values);
}

#[inline(always)]
fn collect_body(row: &[f32], indices: &mut Vec<u32>, values: &mut Vec<f32>) {
    for (block, entries) in row.chunks(BLOCK).enumerate() {
        // -0.0 is zero too, so the sign bit is dropped.
        let any = entries.iter().fold(0, |bits, v| bits | (v.to_bits() << 1));
        if any != 0 {
            for (i, &v) in entries.iter().enumerate() {
                if v != 0.0 {
                    indices.push((block * BLOCK + i) as u32);
                    values.push(v);
                }
            }
        }
    }
}

multiversion!(fn collect(row: &[f32], indices: &mut Vec<u32>, values: &mut Vec<f32>) = collect_body);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn non_zeros_match_a_filter_at_every_length_and_level() {
        for length in 0..=131 {
            let row: Vec<f32> = (0..length)
                .map(|i| match i * 7 % 5 {
                    0 => i as f32 - 30.0,
                    1 => -0.0,
                    2 if i % 11 == 0 => f32::NAN,
                    _ => 0.0,
                })
                .collect();
            let expected: Vec<(u32, u32)> = (0..length)
                .filter(|&i| row[i] != 0.0)
                .map(|i| (i as u32, row[i].to_bits()))
                .collect();
            for level in SimdLevel::available() {
                let (mut indices, mut values) = (Vec::new(), Vec::new());
                collect(level, &row, &mut indices, &mut values);
                let found: Vec<_> =
                    indices.into_iter().zip(values.iter().map(|v| v.to_bits())).collect();
                assert_eq!(found, expected, "{level:?}, length {length}");
            }
        }
    }
}
