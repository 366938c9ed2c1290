//! Layer normalisation of rows, with the residual addition before it.

use rayon::prelude::*;

use crate::SimdLevel;
use crate::simd::multiversion;

/// Rows per task: a few, so that small matrices are not handed to other threads.
const ROWS_PER_TASK: usize = 16;

/// `x = layer_norm(x + residual)`, row by row; see [`layer_norm`].
///
/// # Panics
/// If the lengths do not match.
pub fn add_layer_norm(x: &mut [f32], residual: &[f32], gamma: &[f32], beta: &[f32], eps: f32) {
    assert_eq!(x.len(), residual.len(), "x and residual differ in length");
    let width = row_width(x, gamma, beta);
    let level = SimdLevel::detect();
    x.par_chunks_mut(width * ROWS_PER_TASK)
        .zip(residual.par_chunks(width * ROWS_PER_TASK))
        .for_each(|(x, residual)| add_norm_rows(level, x, residual, gamma, beta, eps));
}

/// y = (x - mean) / sqrt(var + eps) * gamma + beta for each row, with biased variance (divided by
/// n).
///
/// # Shapes
/// `x` `[rows, width]`, `gamma` and `beta` `[width]`; in place.
///
/// # Panics
/// If the lengths do not match.
pub fn layer_norm(x: &mut [f32], gamma: &[f32], beta: &[f32], eps: f32) {
    let width = row_width(x, gamma, beta);
    let level = SimdLevel::detect();
    x.par_chunks_mut(width * ROWS_PER_TASK).for_each(|x| norm_rows(level, x, gamma, beta, eps));
}

fn row_width(x: &[f32], gamma: &[f32], beta: &[f32]) -> usize {
    assert!(!gamma.is_empty(), "rows of width 0");
    assert_eq!(gamma.len(), beta.len(), "gamma and beta differ in length");
    assert_eq!(x.len() % gamma.len(), 0, "x is not whole rows of the width of gamma");
    gamma.len()
}

#[inline(always)]
fn add_norm_rows_body(x: &mut [f32], residual: &[f32], gamma: &[f32], beta: &[f32], eps: f32) {
    for (x, r) in x.iter_mut().zip(residual) {
        *x += r;
    }
    norm_rows_body(x, gamma, beta, eps);
}

#[inline(always)]
fn norm_rows_body(x: &mut [f32], gamma: &[f32], beta: &[f32], eps: f32) {
    let width = gamma.len();
    for row in x.chunks_exact_mut(width) {
        let mean = lane_sum(row, |v| v) / width as f32;
        let variance = lane_sum(row, |v| (v - mean) * (v - mean)) / width as f32;
        let scale = 1.0 / (variance + eps).sqrt();
        for ((v, g), b) in row.iter_mut().zip(gamma).zip(beta) {
            *v = (*v - mean) * scale * g + b;
        }
    }
}

multiversion!(pub(crate) fn add_norm_rows(x: &mut [f32], residual: &[f32], gamma: &[f32], beta: &[f32], eps: f32) = add_norm_rows_body);
#[inline(always)]
fn add_rows_body(x: &mut [f32], residual: &[f32]) {
    x.iter_mut().zip(residual).for_each(|(x, r)| *x += r);
}

multiversion!(pub(crate) fn add_rows(x: &mut [f32], residual: &[f32]) = add_rows_body);
multiversion!(fn norm_rows(x: &mut [f32], gamma: &[f32], beta: &[f32], eps: f32) = norm_rows_body);

/// Sum of f(v) in 16 lanes, which vectorises, in the same order on every level.
#[inline(always)]
pub(crate) fn lane_sum(values: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; 16];
    let chunks = values.chunks_exact(16);
    let rest: f32 = chunks.remainder().iter().map(|&v| f(v)).sum();
    for chunk in chunks {
        for (lane, &v) in lanes.iter_mut().zip(chunk) {
            *lane += f(v);
        }
    }
    sum_of_lanes(lanes) + rest
}

/// The sum of the lanes, in the same order on every level.
#[inline(always)]
pub(crate) fn sum_of_lanes(mut lanes: [f32; 16]) -> f32 {
    let mut half = 8;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{reference, samples};

    proptest! {
        #[test]
        fn layer_norm_matches_its_formula_in_f64(
            width in 1usize..=67, rows in 0usize..20, seed in any::<u64>(), eps in 1e-12f32..1e-3,
        ) {
            let x = samples::noise(rows * width, seed);
            let residual = samples::noise(rows * width, seed ^ 1);
            let gamma = samples::noise(width, seed ^ 2);
            let beta = samples::noise(width, seed ^ 3);
            let summed: Vec<f32> = x.iter().zip(&residual).map(|(a, b)| a + b).collect();
            let exact = reference::layer_norm(&summed, &gamma, &beta, eps);
            let mut plain = summed.clone();
            layer_norm(&mut plain, &gamma, &beta, eps);
            let mut fused = x.clone();
            add_layer_norm(&mut fused, &residual, &gamma, &beta, eps);
            prop_assert_eq!(&plain, &fused);
            if width > 2 {
                for (a, b) in plain.iter().zip(&exact) {
                    prop_assert!((f64::from(*a) - b).abs() < 1e-4, "{a} {b}");
                }
            }
            for level in SimdLevel::available() {
                let mut at_level = summed.clone();
                norm_rows(level, &mut at_level, &gamma, &beta, eps);
                prop_assert_eq!(&at_level, &plain);
            }
        }
    }
}
