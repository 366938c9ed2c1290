//! The gate of gated feed-forward layers (GLU).

use rayon::prelude::*;

use crate::{Activation, activate};

/// Rows per task.
const ROWS_PER_TASK: usize = 16;

/// `activation(a) * b` for the halves (a, b) of each row.
///
/// # Shapes
/// `x` `[tokens, 2 * width]`; returns `[tokens, width]`.
///
/// # Panics
/// If `x` is not whole rows, or if `width` is 0.
///
/// # Source
/// Shazeer, "GLU Variants Improve Transformer", arXiv:2002.05202.
pub fn gate(x: &[f32], width: usize, activation: Activation) -> Vec<f32> {
    assert!(width > 0, "a gate of width 0");
    assert_eq!(x.len() % (2 * width), 0, "x is not whole rows of 2 * width");
    let mut out = vec![0.0; x.len() / 2];
    let rows = out.par_chunks_mut(ROWS_PER_TASK * width);
    rows.zip(x.par_chunks(ROWS_PER_TASK * 2 * width)).for_each(|(out, x)| {
        for (out, row) in out.chunks_exact_mut(width).zip(x.chunks_exact(2 * width)) {
            let (a, b) = row.split_at(width);
            out.copy_from_slice(a);
            activate(activation, out);
            out.iter_mut().zip(b).for_each(|(out, b)| *out *= b);
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{reference, samples};

    #[test]
    fn gates_match_their_formula() {
        for (tokens, width) in [(0, 3), (1, 1), (33, 40), (17, 7)] {
            let x = samples::noise(tokens * 2 * width, 5);
            for activation in [Activation::Gelu, Activation::Silu] {
                let fast = gate(&x, width, activation);
                let exact = reference::gate(&x, width, activation);
                assert_eq!(fast.len(), exact.len());
                for (a, b) in fast.iter().zip(&exact) {
                    assert!((f64::from(*a) - b).abs() < 1e-6, "{a} {b}");
                }
            }
        }
    }
}
