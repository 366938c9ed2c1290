//! Weights of documents in the formats of an index file.

use bytemuck::Pod;
use half::f16;

use crate::WeightFormat;

/// A weight as stored in a file.
pub(crate) trait StoredWeight: Pod {
    /// The weight. `scale` is the term's scale, which only [`WeightFormat::U8`] needs.
    fn value(self, scale: f32) -> f32;
}

impl StoredWeight for f32 {
    fn value(self, _scale: f32) -> f32 {
        self
    }
}

/// The bits of an f16.
impl StoredWeight for u16 {
    fn value(self, _scale: f32) -> f32 {
        f16::from_bits(self).to_f32()
    }
}

impl StoredWeight for u8 {
    fn value(self, scale: f32) -> f32 {
        // Exact, since a scale has 16 significant bits, unless it is infinite.
        (f32::from(self) * scale).min(f32::MAX)
    }
}

/// The weights of a file, in one of the formats.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Weights<'a> {
    F32(&'a [f32]),
    F16(&'a [u16]),
    U8(&'a [u8]),
}

impl<'a> Weights<'a> {
    /// All weights of a file, given their section `bytes`.
    pub(crate) fn new(format: WeightFormat, bytes: &'a [u8]) -> Option<Self> {
        match format {
            WeightFormat::F32 => bytemuck::try_cast_slice(bytes).ok().map(Self::F32),
            WeightFormat::F16 => bytemuck::try_cast_slice(bytes).ok().map(Self::F16),
            WeightFormat::U8 => Some(Self::U8(bytes)),
        }
    }

    /// The weight at a position, if there is one.
    pub(crate) fn value(self, position: usize, scale: f32) -> Option<f32> {
        match self {
            Self::F32(weights) => weights.get(position).map(|weight| weight.value(scale)),
            Self::F16(weights) => weights.get(position).map(|weight| weight.value(scale)),
            Self::U8(weights) => weights.get(position).map(|weight| weight.value(scale)),
        }
    }
}

/// Whether `format` can store a weight.
pub(crate) fn fits(format: WeightFormat, weight: f32) -> bool {
    match format {
        WeightFormat::F32 => true,
        WeightFormat::F16 => to_f16(weight).is_finite(),
        WeightFormat::U8 => weight > 0.0,
    }
}

/// The value that a weight which [`fits`] will have when read back.
pub(crate) fn stored(format: WeightFormat, weight: f32, scale: f32) -> f32 {
    match format {
        WeightFormat::F32 => weight,
        WeightFormat::F16 => to_f16(weight).to_f32(),
        WeightFormat::U8 => to_u8(weight, scale).value(scale),
    }
}

/// Appends the stored form of a weight which [`fits`].
pub(crate) fn append(format: WeightFormat, weight: f32, scale: f32, bytes: &mut Vec<u8>) {
    match format {
        WeightFormat::F32 => bytes.extend(weight.to_le_bytes()),
        WeightFormat::F16 => bytes.extend(to_f16(weight).to_le_bytes()),
        WeightFormat::U8 => bytes.push(to_u8(weight, scale)),
    }
}

/// Size of one weight in bytes.
pub(crate) fn width(format: WeightFormat) -> usize {
    match format {
        WeightFormat::F32 => 4,
        WeightFormat::F16 => 2,
        WeightFormat::U8 => 1,
    }
}

/// The scale of a term with the given largest magnitude, which 255 times the scale reaches. It has
/// 16 significant bits, so that its product with a byte is exact in `f32`.
pub(crate) fn scale_for(largest: f32) -> f32 {
    let mut bits = (largest / 255.0).to_bits().next_multiple_of(256).max(256);
    while f64::from(f32::from_bits(bits)) * 255.0 < f64::from(largest) {
        bits += 256;
    }
    f32::from_bits(bits)
}

fn to_f16(weight: f32) -> f16 {
    let rounded = f16::from_f32(weight);
    // A stored weight is never zero: otherwise the document would lose the term.
    if rounded == f16::ZERO { f16::from_bits(1).copysign(rounded) } else { rounded }
}

fn to_u8(weight: f32, scale: f32) -> u8 {
    (weight / scale).round().clamp(1.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_weight_is_stored_as_itself() {
        for format in [WeightFormat::F32, WeightFormat::F16, WeightFormat::U8] {
            let weights = [1e-45, 1e-30, 1e-7, 6e-5, 0.01, 0.3, 1.0, 2.5, 65_000.0];
            for scale in [scale_for(65_000.0), scale_for(2.5), scale_for(1e-45)] {
                for weight in weights {
                    let once = stored(format, weight, scale);
                    assert!(once > 0.0);
                    assert_eq!(stored(format, once, scale), once, "{format} {weight}");
                }
            }
        }
    }

    #[test]
    fn errors_of_lossy_formats_are_as_documented() {
        let scale = scale_for(3.5);
        for i in 1..20_000_u32 {
            let weight = i as f32 * 1.7e-4;
            let half = stored(WeightFormat::F16, weight, 0.0);
            assert!((half - weight).abs() <= (weight / 2048.0).max(2.0_f32.powi(-24)));
            let byte = stored(WeightFormat::U8, weight, scale);
            let step = 3.5 / 255.0 * 1.0001;
            assert!((byte - weight).abs() <= if weight < step / 2.0 { step } else { step / 2.0 });
        }
    }

    #[test]
    fn what_a_format_cannot_hold_is_refused() {
        assert!(!fits(WeightFormat::F16, 65_520.0));
        assert!(!fits(WeightFormat::U8, -1.0));
        assert_eq!(stored(WeightFormat::F16, -1e-20, 0.0), -2.0_f32.powi(-24));
    }

    #[test]
    fn a_scale_reaches_the_largest_weight() {
        for largest in [f32::MAX, 1e30, 2.5, 1.0, 1e-38, 3e-43, 1e-45] {
            let scale = scale_for(largest);
            assert!(scale.is_finite() && f64::from(scale) * 255.0 >= f64::from(largest));
            for code in 0..=255_u8 {
                let value = f64::from(code.value(scale));
                let exact = f64::from(code) * f64::from(scale);
                assert_eq!(value, exact.min(f64::from(f32::MAX)));
            }
        }
    }
}
