//! The activation functions of feed-forward layers, by the names that `config.json` uses.

use std::fmt;
use std::str::FromStr;

use crate::SimdLevel;
use crate::math::{erf, exp, log1p, tanh};
use crate::simd::multiversion;

/// An activation function, as transformers' `ACT2FN` defines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activation {
    /// `gelu`, `gelu_python`: x/2 (1 + erf(x / sqrt 2)).
    Gelu,
    /// `gelu_new`, `gelu_pytorch_tanh`, `gelu_python_tanh`, `gelu_accurate`, `gelu_fast`:
    /// x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
    GeluTanh,
    /// `gelu_10`: `gelu`, at most 10.
    Gelu10,
    /// `quick_gelu`: x sigmoid(1.702 x).
    QuickGelu,
    /// `relu`: max(0, x).
    Relu,
    /// `relu2`: max(0, x)^2.
    Relu2,
    /// `relu6`: min(max(0, x), 6).
    Relu6,
    /// `leaky_relu`: x if positive, else 0.01 x.
    LeakyRelu,
    /// `hardswish`: x min(max(0, x + 3), 6) / 6.
    HardSwish,
    /// `silu`, `swish`: x sigmoid(x).
    Silu,
    /// `sigmoid`: 1 / (1 + e^-x).
    Sigmoid,
    /// `tanh`.
    Tanh,
    /// `mish`: x tanh(ln(1 + e^x)).
    Mish,
    /// `laplace`: (1 + erf((x - 0.707107) / (0.282095 sqrt 2))) / 2.
    Laplace,
    /// `sqrtsoftplus`: sqrt(ln(1 + e^x)).
    SqrtSoftplus,
    /// `linear`: x.
    Linear,
}

/// Each name of `config.json` with its function. transformers has two more, `prelu` and `xielu`,
/// which have weights.
const NAMES: [(&str, Activation); 22] = [
    ("gelu", Activation::Gelu),
    ("gelu_python", Activation::Gelu),
    ("gelu_new", Activation::GeluTanh),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("gelu_python_tanh", Activation::GeluTanh),
    ("gelu_accurate", Activation::GeluTanh),
    ("gelu_fast", Activation::GeluTanh),
    ("gelu_10", Activation::Gelu10),
    ("quick_gelu", Activation::QuickGelu),
    ("relu", Activation::Relu),
    ("relu2", Activation::Relu2),
    ("relu6", Activation::Relu6),
    ("leaky_relu", Activation::LeakyRelu),
    ("hardswish", Activation::HardSwish),
    ("silu", Activation::Silu),
    ("swish", Activation::Silu),
    ("sigmoid", Activation::Sigmoid),
    ("tanh", Activation::Tanh),
    ("mish", Activation::Mish),
    ("laplace", Activation::Laplace),
    ("sqrtsoftplus", Activation::SqrtSoftplus),
    ("linear", Activation::Linear),
];

/// A name that is not one of [`Activation`]'s.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownActivation {
    /// The unknown name.
    pub name: String,
}

impl fmt::Display for UnknownActivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
        write!(f, "unknown activation `{}`; supported: {}", self.name, known.join(", "))
    }
}

impl std::error::Error for UnknownActivation {}

impl FromStr for Activation {
    type Err = UnknownActivation;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, act)| *act).ok_or_else(|| UnknownActivation { name: name.to_owned() })
    }
}

/// Applies `activation` to each number of `x`.
pub fn activate(activation: Activation, x: &mut [f32]) {
    activate_on(SimdLevel::detect(), activation, x);
}

pub(crate) fn activate_on(level: SimdLevel, activation: Activation, x: &mut [f32]) {
    match activation {
        Activation::Gelu => map_gelu(level, x),
        Activation::GeluTanh => map_gelu_tanh(level, x),
        Activation::Gelu10 => map_gelu_10(level, x),
        Activation::QuickGelu => map_quick_gelu(level, x),
        Activation::Relu => map_relu(level, x),
        Activation::Relu2 => map_relu2(level, x),
        Activation::Relu6 => map_relu6(level, x),
        Activation::LeakyRelu => map_leaky_relu(level, x),
        Activation::HardSwish => map_hard_swish(level, x),
        Activation::Silu => map_silu(level, x),
        Activation::Sigmoid => map_sigmoid(level, x),
        Activation::Tanh => map_tanh(level, x),
        Activation::Mish => map_mish(level, x),
        Activation::Laplace => map_laplace(level, x),
        Activation::SqrtSoftplus => map_sqrt_softplus(level, x),
        Activation::Linear => {}
    }
}

/// Defines one `fn map_*(level, &mut [f32])` per formula.
macro_rules! maps {
    ($($name:ident, $body:ident: |$x:ident| $formula:expr;)*) => {$(
        #[inline(always)]
        fn $body(values: &mut [f32]) {
            for value in values {
                let $x = *value;
                *value = $formula;
            }
        }
        multiversion!(fn $name(values: &mut [f32]) = $body);
    )*};
}

const SQRT_2_OVER_PI: f32 = 0.797_884_6;
#[allow(clippy::approx_constant, reason = "the reference's own digits")]
const LAPLACE_MEAN: f32 = 0.707_107;
/// 0.282095 sqrt 2.
const LAPLACE_WIDTH: f32 = 0.398_942_57;

maps! {
    map_gelu, gelu_body: |x| 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
    map_gelu_tanh, gelu_tanh_body: |x| {
        0.5 * x * (1.0 + tanh(SQRT_2_OVER_PI * (x + 0.044_715 * x * x * x)))
    };
    map_gelu_10, gelu_10_body: |x| {
        (0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))).clamp(-10.0, 10.0)
    };
    map_quick_gelu, quick_gelu_body: |x| x / (1.0 + exp(-1.702 * x));
    map_relu, relu_body: |x| if x > 0.0 { x } else { 0.0 };
    map_relu2, relu2_body: |x| if x > 0.0 { x * x } else { 0.0 };
    map_relu6, relu6_body: |x| x.clamp(0.0, 6.0);
    map_leaky_relu, leaky_relu_body: |x| if x > 0.0 { x } else { 0.01 * x };
    map_hard_swish, hard_swish_body: |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0;
    map_silu, silu_body: |x| x / (1.0 + exp(-x));
    map_sigmoid, sigmoid_body: |x| 1.0 / (1.0 + exp(-x));
    map_tanh, tanh_body: |x| tanh(x);
    map_laplace, laplace_body: |x| 0.5 * (1.0 + erf((x - LAPLACE_MEAN) / LAPLACE_WIDTH));
    // ln(1 + e^x) = max(0, x) + ln(1 + e^-|x|), which cannot overflow.
    map_sqrt_softplus, sqrt_softplus_body: |x| {
        ((if x > 0.0 { x } else { 0.0 }) + log1p(exp(-x.abs()))).sqrt()
    };
    // tanh(ln(1 + e^x)) = n / (n + 2) with n = e^x (e^x + 2); from x = 20 on it is 1 in f32.
    map_mish, mish_body: |x| {
        let e = exp(if x < 20.0 { x } else { 20.0 });
        let n = e * (e + 2.0);
        x * (n / (n + 2.0))
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;

    #[test]
    fn every_activation_matches_its_formula_in_f64_at_every_level() {
        let inputs: Vec<f32> = (-4000..=4000).map(|i| i as f32 * 0.005).collect();
        for (name, activation) in NAMES {
            let mut fast = inputs.clone();
            activate(activation, &mut fast);
            for (&x, &y) in inputs.iter().zip(&fast) {
                let exact = reference::activation(activation, f64::from(x));
                let error = (f64::from(y) - exact).abs();
                assert!(error <= 1e-6 + 1e-6 * exact.abs(), "{name}({x}) = {y}, exact {exact}");
            }
        }
    }

    #[test]
    fn all_levels_give_the_same_bits() {
        for length in 0..=67 {
            let inputs: Vec<f32> = (0..length).map(|i| i as f32 * 0.37 - 9.0).collect();
            let mut portable = inputs.clone();
            gelu_body(&mut portable);
            for level in SimdLevel::available() {
                let mut x = inputs.clone();
                map_gelu(level, &mut x);
                assert_eq!(x, portable, "{level:?}, length {length}");
            }
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_list() {
        let error = "gelu_9".parse::<Activation>().unwrap_err().to_string();
        assert!(error.contains("gelu_9") && error.contains("gelu_pytorch_tanh"), "{error}");
    }
}
