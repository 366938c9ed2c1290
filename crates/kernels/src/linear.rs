//! Fully connected layers with their bias and activation.

use rayon::prelude::*;

use crate::matmul::{Output, View};
use crate::{Activation, activate};

/// Most rows of one task: its block of the output stays in the second-level cache until the
/// epilogue has passed over it.
const MAX_ROWS: usize = 192;
/// Fewest columns of one task.
const MIN_COLS: usize = 32;

/// The sizes of a linear layer.
#[derive(Clone, Copy, Debug)]
pub struct LinearShape {
    /// Width of the input rows.
    pub in_features: usize,
    /// Width of the output rows.
    pub out_features: usize,
}

/// `activation(x · weightᵀ + bias)`.
///
/// # Shapes
/// `x` `[rows, in_features]`, `weight` `[out_features, in_features]` (as checkpoints store it),
/// `bias` `[out_features]`; returns `[rows, out_features]`.
///
/// # Panics
/// When a length does not fit `shape`.
pub fn linear(
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    activation: Activation,
    shape: LinearShape,
) -> Vec<f32> {
    let LinearShape { in_features, out_features } = shape;
    assert!(in_features > 0 && out_features > 0, "a linear layer of size 0");
    assert_eq!(x.len() % in_features, 0, "x is not whole rows");
    assert_eq!(weight.len(), in_features * out_features, "weight is not [out, in]");
    if let Some(bias) = bias {
        assert_eq!(bias.len(), out_features, "bias is not [out]");
    }
    let rows = x.len() / in_features;
    let mut y = vec![0.0; rows * out_features];
    if rows == 0 {
        return y;
    }
    let (rows_per_task, cols_per_task) =
        plan_grid(rows, out_features, rayon::current_num_threads());
    let col_tasks = out_features.div_ceil(cols_per_task);
    let output = Output::new(&mut y, rows, out_features);
    (0..rows.div_ceil(rows_per_task) * col_tasks).into_par_iter().for_each(|task| {
        let row = task / col_tasks * rows_per_task;
        let col = task % col_tasks * cols_per_task;
        let row_end = (row + rows_per_task).min(rows);
        let col_end = (col + cols_per_task).min(out_features);
        // SAFETY: the tasks are the cells of a grid over the output: no two share an entry.
        let mut block = unsafe { output.block(row..row_end, col..col_end) };
        let x = View::rows(&x[row * in_features..], row_end - row, in_features, in_features);
        let w = View::rows(&weight[col * in_features..], col_end - col, in_features, in_features);
        block.multiply(x, w.transposed(), 1.0);
        for r in 0..row_end - row {
            let y = block.row(r);
            if let Some(bias) = bias {
                y.iter_mut().zip(&bias[col..col_end]).for_each(|(y, b)| *y += b);
            }
            activate(activation, y);
        }
    });
    y
}

/// Rows and columns of one task: as many row blocks as divide evenly among the threads, and where
/// there are too few rows for that, the columns are divided as well.
fn plan_grid(rows: usize, cols: usize, threads: usize) -> (usize, usize) {
    let row_tasks = rows.div_ceil(MAX_ROWS);
    if row_tasks >= threads {
        let row_tasks = row_tasks.next_multiple_of(threads);
        return (rows.div_ceil(row_tasks), cols);
    }
    let col_tasks = threads.div_ceil(row_tasks);
    (rows.div_ceil(row_tasks), cols.div_ceil(col_tasks).max(MIN_COLS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference;

    proptest! {
        #[test]
        fn linear_matches_its_formula(
            rows in 0usize..=67, in_features in 1usize..=67, out_features in 1usize..=67,
            with_bias in any::<bool>(), seed in any::<u64>(),
        ) {
            let shape = LinearShape { in_features, out_features };
            let x = reference::noise(rows * in_features, seed);
            let weight = reference::noise(out_features * in_features, seed ^ 1);
            let bias = reference::noise(out_features, seed ^ 2);
            let bias = with_bias.then_some(&bias[..]);
            let fast = linear(&x, &weight, bias, Activation::Gelu, shape);
            let exact = reference::linear(&x, &weight, bias, Activation::Gelu, shape);
            for (a, b) in fast.iter().zip(&exact) {
                prop_assert!((f64::from(*a) - b).abs() < 2e-5, "{a} {b}");
            }
        }

        #[test]
        fn the_grid_covers_every_size(rows in 1usize..3000, cols in 1usize..3000, threads in 1usize..65) {
            let (r, c) = plan_grid(rows, cols, threads);
            prop_assert!((1..=MAX_ROWS).contains(&r) && c >= 1);
        }
    }
}
