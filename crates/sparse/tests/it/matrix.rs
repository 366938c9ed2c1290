//! Matrices: invariants, building, selecting, statistics, triplets.

use std::num::NonZeroUsize;

use proptest::prelude::*;
use splade_sparse::{DenseMatrix, SparseError as E, SparseMatrix, SparseRow, Sparsity};
use sprs::CsMatI;

use crate::strategies::{matrix, two_matrices};

fn csr(indptr: &[usize], indices: &[u32], values: &[f32]) -> Result<SparseMatrix, E> {
    SparseMatrix::from_csr_parts(4, indptr.to_vec(), indices.to_vec(), values.to_vec())
}

#[test]
fn each_broken_invariant_is_named_with_its_row() {
    assert!(matches!(csr(&[], &[], &[]), Err(E::IndptrEmpty)));
    assert!(matches!(csr(&[1, 1], &[0], &[1.0]), Err(E::IndptrStart { first: 1, .. })));
    assert!(matches!(
        csr(&[0, 2, 1, 2], &[0, 1], &[1.0; 2]),
        Err(E::IndptrDecreasing { row: 1, start: 2, end: 1, .. })
    ));
    assert!(matches!(
        csr(&[0, 9, 2], &[0, 1], &[1.0; 2]),
        Err(E::IndptrDecreasing { row: 1, start: 9, end: 2, .. })
    ));
    assert!(matches!(csr(&[0, 1], &[0, 1], &[1.0; 2]), Err(E::IndptrEnd { last: 1, nnz: 2, .. })));
    assert!(matches!(csr(&[0, 3], &[0, 1], &[1.0; 2]), Err(E::IndptrEnd { last: 3, nnz: 2, .. })));
    assert!(matches!(
        csr(&[0, 1], &[0], &[]),
        Err(E::LengthMismatch { indices: 1, values: 0, .. })
    ));
    assert!(matches!(
        csr(&[0, 1, 3], &[0, 2, 1], &[1.0; 3]),
        Err(E::IndicesNotIncreasing { row: 1, position: 1, previous: 2, index: 1, .. })
    ));
    assert!(matches!(
        csr(&[0, 1, 2], &[0, 4], &[1.0; 2]),
        Err(E::IndexOutOfRange { row: 1, position: 0, index: 4, dimension: 4, .. })
    ));
    assert!(matches!(
        csr(&[0, 1, 2], &[0, 3], &[1.0, f32::NAN]),
        Err(E::NonFiniteValue { row: 1, index: 3, .. })
    ));
    assert!(matches!(
        csr(&[0, 1, 2], &[0, 3], &[1.0, 0.0]),
        Err(E::ZeroValue { row: 1, index: 3, .. })
    ));
}

#[test]
fn a_row_may_start_below_where_the_last_one_ended() {
    let matrix = csr(&[0, 2, 2, 3], &[1, 3, 0], &[1.0, 2.0, 3.0]).unwrap();
    let rows: Vec<_> = matrix.rows().map(|row| row.indices().to_vec()).collect();
    assert_eq!(rows, [vec![1, 3], vec![], vec![0]]);
    assert_eq!(matrix.memory_bytes(), 4 * size_of::<usize>() + 3 * 8);
}

#[test]
fn a_failed_push_leaves_the_builder_as_it_was() {
    let mut builder = SparseMatrix::builder(3);
    builder.push_dense(&[1.0, 0.0, 2.0]).unwrap();
    assert!(matches!(
        builder.push_dense(&[1.0, f32::NAN, 0.0]),
        Err(E::NonFiniteValue { row: 1, index: 1, .. })
    ));
    assert!(matches!(
        builder.push_dense(&[1.0]),
        Err(E::DimensionMismatch { row: 1, found: 1, expected: 3, .. })
    ));
    let matrix = builder.finish();
    assert_eq!((matrix.indptr(), matrix.indices()), (&[0, 2][..], &[0, 2][..]));
}

#[test]
fn rows_of_another_dimension_are_refused() {
    let row = |n| SparseRow::from_dense(&vec![1.0; n]).unwrap();
    assert!(matches!(
        SparseMatrix::from_rows(3, &[row(3), row(2)]),
        Err(E::DimensionMismatch { row: 1, found: 2, expected: 3, .. })
    ));
    let part = SparseMatrix::from_rows(2, &[row(2)]).unwrap();
    assert!(matches!(
        SparseMatrix::vstack(3, &[part]),
        Err(E::DimensionMismatch { row: 0, found: 2, expected: 3, .. })
    ));
}

#[test]
fn sprs_matrices_are_checked_too() {
    let sprs = |value| CsMatI::<f32, u32, usize>::new((1, 4), vec![0, 1], vec![2], vec![value]);
    assert!(matches!(SparseMatrix::try_from(sprs(1.0).to_csc()), Err(E::NotCsr)));
    assert!(matches!(
        SparseMatrix::try_from(sprs(0.0)),
        Err(E::ZeroValue { row: 0, index: 2, .. })
    ));
    let matrix = SparseMatrix::try_from(sprs(1.0)).unwrap();
    assert_eq!(matrix.as_sprs(), &sprs(1.0));
    assert_eq!(matrix.into_sprs(), sprs(1.0));
}

#[test]
fn sparsity_is_the_mean_over_rows_and_defined_for_nothing() {
    let matrix = csr(&[0, 2, 2, 3, 3], &[1, 3, 0], &[1.0; 3]).unwrap();
    assert_eq!(matrix.sparsity(), Sparsity { active_dims: 0.75, sparsity_ratio: 0.8125 });
    let nothing = Sparsity { active_dims: 0.0, sparsity_ratio: 1.0 };
    assert_eq!(SparseMatrix::builder(4).finish().sparsity(), nothing);
    let no_columns = SparseMatrix::from_triplets(2, 0, []).unwrap();
    assert_eq!(no_columns.sparsity(), nothing);
}

#[test]
fn triplets_in_any_order_make_a_matrix_and_broken_ones_do_not() {
    let matrix = SparseMatrix::from_triplets(2, 4, [(1, 3, 2.0), (1, 0, 1.0)]).unwrap();
    assert_eq!(matrix.row(1).indices(), [0, 3]);
    let broken = |triplets: &[_]| SparseMatrix::from_triplets(2, 4, triplets.to_vec());
    assert!(matches!(broken(&[(2, 0, 1.0)]), Err(E::TripletRow { row: 2, n_rows: 2, .. })));
    assert!(matches!(broken(&[(0, 4, 1.0)]), Err(E::IndexOutOfRange { .. })));
    assert!(matches!(
        broken(&[(1, 2, 1.0), (1, 2, 3.0)]),
        Err(E::IndicesNotIncreasing { row: 1, position: 1, previous: 2, index: 2, .. })
    ));
    assert!(matches!(broken(&[(0, 1, 0.0)]), Err(E::ZeroValue { row: 0, index: 1, .. })));
}

#[test]
#[should_panic(expected = "row 2 of a matrix of 2 rows")]
fn a_row_beyond_the_last_panics() {
    let _ = csr(&[0, 0, 0], &[], &[]).unwrap().row(2);
}

#[test]
fn a_dense_matrix_is_row_major() {
    let scores = DenseMatrix::from_vec(2, 3, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!((scores.n_rows(), scores.n_cols()), (2, 3));
    assert_eq!((scores.row(1), scores[(1, 0)]), (&[3.0, 4.0, 5.0][..], 3.0));
    assert_eq!(scores.rows().next_back(), Some(scores.row(1)));
    assert_eq!(scores.as_slice().len(), 6);
    assert_eq!(scores.into_vec()[5], 5.0);
    assert_eq!(DenseMatrix::from_vec(3, 0, vec![]).row(2), [0.0; 0]);
}

proptest! {
    #[test]
    fn a_matrix_comes_back_from_its_rows_parts_and_triplets(matrix in matrix()) {
        let rows: Vec<SparseRow> = matrix.rows().map(|row| row.to_row()).collect();
        let dimension = matrix.dimension();
        prop_assert_eq!(&SparseMatrix::from_rows(dimension, &rows).unwrap(), &matrix);
        let triplets = matrix.triplets().collect::<Vec<_>>().into_iter().rev();
        let from_triplets = SparseMatrix::from_triplets(matrix.n_rows(), dimension, triplets);
        prop_assert_eq!(&from_triplets.unwrap(), &matrix);
        let (indptr, indices, values) = matrix.clone().into_csr_parts();
        let from_parts = SparseMatrix::from_csr_parts(dimension, indptr, indices, values);
        prop_assert_eq!(from_parts.unwrap(), matrix);
    }

    #[test]
    fn stacking_keeps_all_rows_in_order((a, b) in two_matrices()) {
        let stacked = SparseMatrix::vstack(a.dimension(), &[a.clone(), b.clone()]).unwrap();
        let rows: Vec<_> = a.rows().chain(b.rows()).collect();
        prop_assert_eq!(stacked.rows().collect::<Vec<_>>(), rows);
    }

    #[test]
    fn selecting_reorders_and_repeats(matrix in matrix()) {
        let order: Vec<usize> = (0..matrix.n_rows()).rev().chain(0..matrix.n_rows()).collect();
        let selected = matrix.select_rows(&order);
        let rows: Vec<_> = order.iter().map(|&row_idx| matrix.row(row_idx)).collect();
        prop_assert_eq!(selected.rows().collect::<Vec<_>>(), rows);
    }

    #[test]
    fn top_k_of_a_matrix_is_top_k_of_its_rows(matrix in matrix(), k in 1..10_usize) {
        let k = NonZeroUsize::new(k).unwrap();
        let rows: Vec<SparseRow> = matrix.rows().map(|row| row.top_k(k)).collect();
        prop_assert_eq!(matrix.top_k(k).rows().map(|row| row.to_row()).collect::<Vec<_>>(), rows);
    }
}
