//! How far the kernel's GELU is from the one with erf.
//!
//! gelu(x) = x (1 + tanh(x p(s))) / 2, s = min(x², 22), with the polynomial of `sizes.rs`. With an
//! exact tanh it is within 3e-5 of x Φ(x) for every number; f16 rounds by up to 2.4e-4 near 1, and
//! by more than 3e-5 from 0.06 on. In bf16 the unit's own tanh has a relative error of up to 2^-11,
//! which adds |x| 2^-12: an eighth of what rounding x itself to bf16 may change (|x| 2^-9).

use super::sizes::{GELU, GELU_LIMIT};

/// The largest error with an exact tanh, or with the exponential of the f16 kernel.
const BOUND: f64 = 3e-5;
/// The relative error of `tanh.approx.f32` that the PTX manual states.
const TANH: f32 = 1.0 / 2048.0;

/// The kernel's argument of tanh, in its order of operations.
fn argument(x: f32) -> f32 {
    let s = (x * x).min(GELU_LIMIT);
    x * s.mul_add(s.mul_add(GELU[2], GELU[1]), GELU[0])
}

/// The bf16 kernel, with a tanh that is off by a relative `error`.
fn by_tanh(x: f32, error: f32) -> f32 {
    let t = argument(x).tanh() * (1.0 + error);
    (0.5 * x).mul_add(t.clamp(-1.0, 1.0), 0.5 * x)
}

/// The f16 kernel.
fn by_exponential(x: f32) -> f32 {
    x * (1.0 / (1.0 + (argument(x) * (-2.0 * std::f32::consts::LOG2_E)).exp2()))
}

/// x Φ(x).
fn exact(x: f64) -> f64 {
    x * 0.5 * erfc(-x / std::f64::consts::SQRT_2)
}

/// 1 - erf(x): the Taylor series near zero, else the continued fraction of Laplace.
fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    if x < 2.5 {
        let (mut term, mut sum) = (x, x);
        for n in 1..80 {
            let n = f64::from(n);
            term *= -x * x / n;
            sum += term / (2.0 * n + 1.0);
        }
        return 1.0 - sum * std::f64::consts::FRAC_2_SQRT_PI;
    }
    let fraction = (1..=80).rev().fold(x, |below, n| x + f64::from(n) / 2.0 / below);
    (-x * x).exp() / fraction / std::f64::consts::PI.sqrt()
}

/// All bf16, all f16, and a grid between the numbers of either where GELU bends.
fn numbers() -> impl Iterator<Item = f32> {
    let all = (0..=u16::MAX).flat_map(|bits| {
        [half::bf16::from_bits(bits).to_f32(), half::f16::from_bits(bits).to_f32()]
    });
    let grid = (-70_000..=70_000).map(|n| n as f32 * 1e-4);
    all.filter(|x| x.is_finite()).chain(grid)
}

#[test]
fn erfc_is_known_at_some_points() {
    let known = [(0.5, 0.479_500_122_186_953_5), (2.4, 6.885_138_966_450_786e-4)];
    let far = [(2.6, 2.360_344_165_293_492e-4), (4.0, 1.541_725_790_028_002e-8)];
    for (x, expected) in known.into_iter().chain(far) {
        assert!((erfc(x) - expected).abs() <= 1e-12 * (1.0 + 1.0 / expected), "{x}: {}", erfc(x));
    }
    assert!((erfc(-0.5) - 1.520_499_877_813_046_5).abs() < 1e-14);
}

#[test]
fn the_polynomial_is_within_its_bound_of_erf() {
    for x in numbers() {
        let expected = exact(f64::from(x));
        // Beside the bound, the few roundings of `f32`.
        let bound = BOUND + f64::from(x.abs()) * 3e-7;
        for found in [by_tanh(x, 0.0), by_exponential(x)] {
            assert!((f64::from(found) - expected).abs() <= bound, "{x}: {found}, {expected}");
        }
    }
}

#[test]
fn the_error_of_the_units_tanh_is_below_the_rounding_of_bf16() {
    for x in numbers() {
        let expected = exact(f64::from(x));
        let bound = BOUND + f64::from(x.abs()) / 4096.0 * 1.01;
        for error in [-TANH, TANH] {
            let found = f64::from(by_tanh(x, error));
            assert!((found - expected).abs() <= bound, "{x}: {found}, {expected}");
        }
    }
}

#[test]
fn what_is_not_a_number_stays_so() {
    assert!(by_tanh(f32::NAN, 0.0).is_nan() && by_exponential(f32::NAN).is_nan());
    assert_eq!([by_tanh(f32::INFINITY, 0.0), by_exponential(f32::INFINITY)], [f32::INFINITY; 2]);
    // As x Φ(x) computes it: -inf times 0.
    assert!(by_tanh(f32::NEG_INFINITY, 0.0).is_nan() && by_exponential(f32::NEG_INFINITY).is_nan());
}
