//! Random rows and matrices.

use proptest::collection::vec;
use proptest::prelude::*;
use splade_sparse::SparseMatrix;

/// Mostly zeros of either sign; few distinct magnitudes, so that ties and exact cancellation
/// happen, and occasionally an arbitrary number of ordinary size.
pub(crate) fn weight() -> impl Strategy<Value = f32> {
    prop_oneof![
        6 => Just(0.0_f32),
        1 => Just(-0.0_f32),
        3 => prop::sample::select(vec![-2.0_f32, -1.0, -0.5, 0.5, 1.0, 2.0]),
        2 => -100.0_f32..100.0,
    ]
}

pub(crate) fn dense_row(dimension: usize) -> impl Strategy<Value = Vec<f32>> {
    vec(weight(), dimension)
}

pub(crate) fn matrix_of(dimension: usize, n_rows: usize) -> impl Strategy<Value = SparseMatrix> {
    vec(dense_row(dimension), n_rows).prop_map(move |rows| {
        let mut builder = SparseMatrix::builder(dimension);
        for row in &rows {
            builder.push_dense(row).expect("weights are finite");
        }
        builder.finish()
    })
}

pub(crate) fn matrix() -> impl Strategy<Value = SparseMatrix> {
    (0..40_usize, 0..20_usize).prop_flat_map(|(dimension, n_rows)| matrix_of(dimension, n_rows))
}

/// Two matrices of one dimension.
pub(crate) fn two_matrices() -> impl Strategy<Value = (SparseMatrix, SparseMatrix)> {
    (0..40_usize, 0..12_usize, 0..12_usize)
        .prop_flat_map(|(dimension, n, m)| (matrix_of(dimension, n), matrix_of(dimension, m)))
}
