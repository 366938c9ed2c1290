//! `exp`, `ln(1 + x)` and `erf` of one `f32`, written so that a loop over them vectorises.

/// ln 2 in two parts. The first has few bits, so that a small integer times it is exact.
const LN2_HI: f32 = 0.693_359_4;
const LN2_LO: f32 = -2.121_944_4e-4;

/// e^x for finite x; 0 below -87.3, and about 2^128 above 88.3.
///
/// # Source
/// Cephes `expf`: x = n ln 2 + r, a polynomial of degree 5 for e^r, and 2^n through the exponent
/// bits. Worst relative error over [-87, 88]: 2e-7 (tested below).
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding and subtracting 1.5 * 2^23 rounds to an integer without SSE4.
    const ROUND: f32 = 12_582_912.0;
    let clamped = x.clamp(-87.336_5, 88.376_26);
    let shifted = clamped * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = clamped - n * LN2_HI - n * LN2_LO;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    p = p * r * r + r + 1.0;
    // The integer is in the lower bits. A conversion saturates, which would not vectorise.
    let integer = shifted.to_bits().wrapping_sub(ROUND.to_bits());
    let power = f32::from_bits(integer.wrapping_add(127) << 23);
    if x < -87.336_5 { 0.0 } else { p * power }
}

/// ln(1 + x) for x >= 0; NaN and infinity are preserved.
///
/// # Source
/// Cephes `logf` of u = 1 + x: u = m 2^e with m near 1, and a polynomial of degree 8 for ln m. The
/// rounding error of 1 + x is corrected by (x - (u - 1)) / u. Worst relative error: 2e-7 (tested
/// below).
#[inline(always)]
pub(crate) fn log1p(x: f32) -> f32 {
    const SQRT_HALF: u32 = 0x3f35_04f3;
    let u = 1.0 + x;
    let lost = (x - (u - 1.0)) / u;
    let exponent = u.to_bits().wrapping_sub(SQRT_HALF) >> 23;
    let f = f32::from_bits(u.to_bits().wrapping_sub(exponent << 23)) - 1.0;
    let mut p = 7.037_683_6e-2;
    p = p * f - 1.151_461e-1;
    p = p * f + 1.167_699_9e-1;
    p = p * f - 1.242_014_1e-1;
    p = p * f + 1.424_932_3e-1;
    p = p * f - 1.666_805_8e-1;
    p = p * f + 2.000_071_4e-1;
    p = p * f - 2.499_999_4e-1;
    p = p * f + 3.333_333e-1;
    let square = f * f;
    let e = exponent as i32 as f32;
    let ln = (f * square * p + e * LN2_LO - 0.5 * square + lost) + f + e * LN2_HI;
    if x < f32::INFINITY { ln } else { x }
}

/// The error function.
///
/// # Source
/// The rational approximation of Eigen and XLA (`generic_fast_erf_float`). From 3.92 on, the result
/// is exactly 1; otherwise GELU of -20 would be -1e-6 instead of 0. Worst absolute error: 4.5e-7
/// (tested below).
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    let large = x.abs() > 3.92;
    let sign = 1f32.copysign(x);
    let x = x.clamp(-3.92, 3.92);
    let x2 = x * x;
    let mut p = -2.726_142_3e-10;
    p = p * x2 + 2.770_681_3e-8;
    p = p * x2 - 2.101_024e-6;
    p = p * x2 - 5.692_506_4e-5;
    p = p * x2 - 7.349_906_6e-4;
    p = p * x2 - 2.954_6e-3;
    p = p * x2 - 1.609_603_3e-2;
    let mut q = -1.456_607_2e-5;
    q = q * x2 - 2.133_740_6e-4;
    q = q * x2 - 1.682_826_9e-3;
    q = q * x2 - 7.373_329_3e-3;
    q = q * x2 - 1.426_473_9e-2;
    if large { sign } else { x * p / q }
}

/// tanh through `exp`; absolute error below 2e-7.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let x = x.clamp(-15.0, 15.0);
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evenly spaced numbers from `from` to `to`.
    fn grid(from: f32, to: f32) -> impl Iterator<Item = f32> {
        (0..=200_000).map(move |i| from + (to - from) * i as f32 / 200_000.0)
    }

    #[test]
    fn exp_is_within_2e_7_relative() {
        for x in grid(-87.0, 88.0) {
            let exact = f64::from(x).exp();
            let relative = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(relative < 2e-7, "exp({x}): relative error {relative:e}");
        }
    }

    #[test]
    fn exp_of_very_negative_numbers_is_zero() {
        assert_eq!(exp(-1e4), 0.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert!(exp(1e4).is_finite());
    }

    #[test]
    fn log1p_is_within_2e_7_relative() {
        let small = (-149..0).map(|e| 2f32.powi(e) * 1.37);
        let large = (0..128).map(|e| 2f32.powi(e) * 1.37);
        for x in small.chain(grid(1e-6, 3.0)).chain(grid(3.0, 1e4)).chain(large) {
            let exact = f64::from(x).ln_1p();
            let relative = (f64::from(log1p(x)) - exact).abs() / exact;
            // For subnormals, one unit in the last place is more than that.
            assert!(relative < 2e-7 || x < 1e-37, "log1p({x}): relative error {relative:e}");
        }
        assert_eq!(log1p(0.0), 0.0);
        assert_eq!(log1p(f32::INFINITY), f32::INFINITY);
        assert!(log1p(f32::NAN).is_nan());
    }

    #[test]
    fn erf_is_within_5e_7_absolute() {
        for x in grid(-6.0, 6.0) {
            let error = (f64::from(erf(x)) - crate::reference::erf(f64::from(x))).abs();
            assert!(error < 5e-7, "erf({x}): error {error:e}");
        }
    }

    #[test]
    fn tanh_is_within_2e_7_absolute() {
        for x in grid(-20.0, 20.0) {
            let error = (f64::from(tanh(x)) - f64::from(x).tanh()).abs();
            assert!(error < 2e-7, "tanh({x}): error {error:e}");
        }
    }
}
