//! Linear layers of every kernel against the formula.

use proptest::prelude::*;

use super::*;
use crate::{reference, samples};

proptest! {
    #[test]
    fn every_kernel_matches_the_formula(
        rows in 0usize..=200, in_features in 1usize..=70, out_features in 1usize..=140,
        with_bias in any::<bool>(), finish in 0usize..3, seed in any::<u64>(),
    ) {
        let shape = LinearShape { in_features, out_features };
        let x = samples::noise(rows * in_features, seed);
        let weight = samples::noise(out_features * in_features, seed ^ 1);
        let bias = samples::noise(out_features, seed ^ 2);
        let bias = with_bias.then_some(&bias[..]);
        let residual = samples::noise(rows * out_features, seed ^ 3);
        let gamma = samples::noise(out_features, seed ^ 4);
        let beta = samples::noise(out_features, seed ^ 5);
        let finish = match finish {
            0 => Finish::Activate(Activation::Gelu),
            1 => Finish::Add(&residual),
            _ => Finish::AddNorm { residual: &residual, gamma: &gamma, beta: &beta, eps: 0.1 },
        };
        let activation = finish.activation();
        let mut exact = reference::linear(&x, &weight, bias, activation, shape);
        if !matches!(finish, Finish::Activate(_)) {
            exact.iter_mut().zip(&residual).for_each(|(y, r)| *y += f64::from(*r));
        }
        if let Finish::AddNorm { eps, .. } = finish {
            let rounded: Vec<f32> = exact.iter().map(|y| *y as f32).collect();
            exact = reference::layer_norm(&rounded, &gamma, &beta, eps);
        }
        for precision in Precision::ALL {
            // Tolerance of a sum of products of numbers below 1; the norm may amplify it by
            // 1/sqrt(eps).
            let length = (in_features as f64).sqrt();
            let tolerance = match precision {
                Precision::F32 => 3e-5,
                Precision::Bf16 => 0.015 * length + 0.03,
                Precision::Int8 => 0.02 * length + 0.03,
            };
            let mut first: Option<Vec<f32>> = None;
            for kernel in ProductKernel::available(precision) {
                let layer = PackedLinear::with_kernel(&weight, bias, shape, kernel);
                let fast = layer.forward(&x, finish);
                prop_assert_eq!(fast.len(), exact.len());
                for (a, b) in fast.iter().zip(&exact) {
                    prop_assert!((f64::from(*a) - b).abs() < tolerance, "{} {a} {b}", kernel.name());
                }
                // Instruction sets differ only in the order of their sums.
                if let Some(first) = &first {
                    for (a, b) in fast.iter().zip(first) {
                        prop_assert!((a - b).abs() < 1e-4, "{} {a} {b}", kernel.name());
                    }
                }
                first.get_or_insert(fast);
            }
        }
    }
}

#[test]
fn a_column_is_the_weights_as_they_are_multiplied() {
    let shape = LinearShape { in_features: 7, out_features: 90 };
    let weight = samples::noise(7 * 90, 3);
    for precision in Precision::ALL {
        for kernel in ProductKernel::available(precision) {
            let layer = PackedLinear::with_kernel(&weight, None, shape, kernel);
            for column in [0, 17, 63, 64, 89] {
                let mut found = [0.0; 7];
                layer.column(column, &mut found);
                let exact = &weight[column * 7..][..7];
                let largest = exact.iter().fold(0f32, |m, v| m.max(v.abs()));
                for (a, b) in found.iter().zip(exact) {
                    let tolerance = match precision {
                        Precision::F32 => 0.0,
                        Precision::Bf16 => b.abs() / 256.0,
                        Precision::Int8 => largest / 253.0,
                    };
                    assert!((a - b).abs() <= tolerance, "{} {a} {b}", kernel.name());
                }
            }
        }
    }
}

#[test]
fn long_rows_are_multiplied_in_parts() {
    let shape = LinearShape { in_features: 2 * max_groups(RowOrder::Rows) + 5, out_features: 3 };
    let x = samples::noise(7 * shape.in_features, 1);
    let weight = samples::noise(3 * shape.in_features, 2);
    let exact = reference::linear(&x, &weight, None, Activation::Linear, shape);
    for kernel in ProductKernel::available(Precision::F32) {
        let layer = PackedLinear::with_kernel(&weight, None, shape, kernel);
        let fast = layer.forward(&x, Finish::Activate(Activation::Linear));
        for (a, b) in fast.iter().zip(&exact) {
            assert!((f64::from(*a) - b).abs() < 1e-4, "{} {a} {b}", kernel.name());
        }
    }
}

#[test]
fn a_broken_number_stays_visible_in_each_precision() {
    let shape = LinearShape { in_features: 5, out_features: 2 };
    let weight = samples::noise(10, 1);
    for precision in Precision::ALL {
        for kernel in ProductKernel::available(precision) {
            let layer = PackedLinear::with_kernel(&weight, None, shape, kernel);
            for broken in [f32::NAN, f32::INFINITY] {
                let y = layer
                    .forward(&[1.0, broken, 0.0, 0.0, 1.0], Finish::Activate(Activation::Linear));
                assert!(y.iter().all(|y| !y.is_finite()), "{} {y:?}", kernel.name());
            }
        }
    }
}

#[test]
fn the_widest_rows_of_integers_do_not_overflow() {
    for in_features in [MAX_INTEGERS, MAX_INTEGERS + 1] {
        let ones = vec![1.0; in_features];
        let shape = LinearShape { in_features, out_features: 1 };
        let layer = PackedLinear::new(&ones, None, shape, Precision::Int8);
        let y = layer.forward(&ones, Finish::Activate(Activation::Linear));
        assert!((y[0] / in_features as f32 - 1.0).abs() < 1e-3, "{y:?}");
    }
}

#[test]
fn lower_precisions_hold_less() {
    let shape = LinearShape { in_features: 768, out_features: 768 };
    let weight = samples::noise(768 * 768, 1);
    let bytes = Precision::ALL
        .map(|precision| PackedLinear::new(&weight, None, shape, precision).memory_bytes());
    assert_eq!(bytes, [4 * 768 * 768, 2 * 768 * 768, 768 * 768 + 4 * 768]);
}
