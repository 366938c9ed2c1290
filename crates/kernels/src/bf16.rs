//! bf16: the upper half of an `f32`.

use crate::product::numbers_mut;
use crate::simd::multiversion;

/// Rounds to the nearest bf16, ties to even; NaN stays NaN.
#[inline(always)]
pub(crate) fn round(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    // A NaN whose upper mantissa bits are 0 would become infinity.
    if value.is_nan() { ((bits >> 16) | 0x40) as u16 } else { rounded as u16 }
}

/// Converts to `f32`, exactly.
#[cfg(test)]
pub(crate) fn widen(value: u16) -> f32 {
    f32::from_bits(u32::from(value) << 16)
}

/// Packs a row two numbers per group, the first in the lower half; the rest becomes 0.
#[inline(always)]
fn round_row_body(row: &[f32], groups: &mut [u32]) {
    let halves = numbers_mut::<u16>(groups);
    let (whole, rest) = halves.split_at_mut(row.len());
    whole.iter_mut().zip(row).for_each(|(half, value)| *half = round(*value));
    rest.fill(0);
}

multiversion!(pub(crate) fn round_row(row: &[f32], groups: &mut [u32]) = round_row_body);

/// Rounds a row to bf16 as the bits of `f32`, one per group; the rest becomes 0.
#[inline(always)]
fn round_row_to_floats_body(row: &[f32], out: &mut [u32]) {
    let (whole, rest) = out.split_at_mut(row.len());
    whole.iter_mut().zip(row).for_each(|(out, value)| *out = u32::from(round(*value)) << 16);
    rest.fill(0);
}

multiversion!(
    pub(crate) fn round_row_to_floats(row: &[f32], out: &mut [u32]) = round_row_to_floats_body
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SimdLevel;

    #[test]
    fn the_nearest_is_chosen_and_of_two_the_even() {
        for (value, expected) in [
            (1.0, 1.0),
            (1.0 + 1.0 / 256.0, 1.0),
            (1.0 + 3.0 / 256.0, 1.0 + 1.0 / 64.0),
            (1.0 + 1.01 / 256.0, 1.0 + 1.0 / 128.0),
            (-3.0, -3.0),
            (0.0, 0.0),
            (f32::INFINITY, f32::INFINITY),
            (f32::MAX, f32::INFINITY),
        ] {
            assert_eq!(widen(round(value)), expected, "{value}");
        }
        assert!(
            widen(round(f32::NAN)).is_nan() && widen(round(f32::from_bits(0x7f80_0001))).is_nan()
        );
    }

    #[test]
    fn a_row_is_filled_up_with_zeros() {
        for level in SimdLevel::available() {
            let mut groups = [7; 3];
            round_row(level, &[1.0, 2.0, 3.0], &mut groups);
            let halves = groups.map(|g| [widen(g as u16), widen((g >> 16) as u16)]);
            assert_eq!(halves, [[1.0, 2.0], [3.0, 0.0], [0.0, 0.0]]);
            let mut floats = [7; 6];
            round_row_to_floats(level, &[1.0 + 1.0 / 256.0, 2.0, 3.0], &mut floats);
            assert_eq!(floats.map(f32::from_bits).as_slice(), halves.as_flattened());
        }
    }
}
