//! Rows: invariants, dense conversion, top-k, dot, intersection.

use std::num::NonZeroUsize;

use proptest::prelude::*;
use splade_sparse::{SparseError, SparseRow, intersection};
use sprs::CsVecI;

use crate::reference;
use crate::strategies::dense_row;

fn row(dimension: usize, indices: &[u32], values: &[f32]) -> Result<SparseRow, SparseError> {
    SparseRow::from_parts(dimension, indices.to_vec(), values.to_vec())
}

#[test]
fn each_broken_invariant_is_named_with_its_index() {
    use SparseError as E;
    assert!(matches!(
        row(5, &[1, 2], &[1.0]),
        Err(E::LengthMismatch { indices: 2, values: 1, .. })
    ));
    assert!(matches!(
        row(5, &[1, 5], &[1.0, 1.0]),
        Err(E::IndexOutOfRange { row: 0, position: 1, index: 5, dimension: 5, .. })
    ));
    for second in [2, 3] {
        assert!(matches!(
            row(5, &[1, 3, second], &[1.0; 3]),
            Err(E::IndicesNotIncreasing { row: 0, position: 2, previous: 3, .. })
        ));
    }
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(matches!(
            row(5, &[1, 3], &[1.0, bad]),
            Err(E::NonFiniteValue { row: 0, index: 3, .. })
        ));
    }
    for zero in [0.0, -0.0] {
        assert!(matches!(row(5, &[4], &[zero]), Err(E::ZeroValue { row: 0, index: 4, .. })));
    }
    assert!(matches!(row(1 << 32, &[], &[]), Err(E::DimensionTooLarge { .. })));
}

#[test]
fn sprs_vectors_are_checked_too() {
    let vector = |value| CsVecI::<f32, u32>::new(4, vec![1, 2], vec![1.0, value]);
    assert!(matches!(
        SparseRow::try_from(vector(f32::NAN)),
        Err(SparseError::NonFiniteValue { index: 2, .. })
    ));
    let row = SparseRow::try_from(vector(3.0)).unwrap();
    assert_eq!(row.as_sprs(), &vector(3.0));
    assert_eq!(row.into_sprs(), vector(3.0));
}

#[test]
fn both_zeros_are_dropped_and_subnormals_are_kept() {
    let tiny = f32::from_bits(1);
    let row = SparseRow::from_dense(&[0.0, -0.0, tiny, 0.0, -3.0]).unwrap();
    assert_eq!((row.indices(), row.values()), (&[2, 4][..], &[tiny, -3.0][..]));
    assert_eq!(row.iter().collect::<Vec<_>>(), [(2, tiny), (4, -3.0)]);
}

#[test]
fn a_non_finite_dense_value_is_named_by_its_index() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut dense = vec![0.0; 100];
        dense[37] = bad;
        assert!(matches!(
            SparseRow::from_dense(&dense),
            Err(SparseError::NonFiniteValue { row: 0, index: 37, .. })
        ));
    }
}

#[test]
fn of_equal_magnitudes_the_lower_index_is_kept() {
    let row = SparseRow::from_dense(&[1.0, -2.0, 0.0, 2.0, -1.0, 2.0]).unwrap();
    let top = row.top_k(NonZeroUsize::new(2).unwrap());
    assert_eq!((top.indices(), top.values()), (&[1, 3][..], &[-2.0, 2.0][..]));
}

#[test]
fn rows_without_entries_are_legal_everywhere() {
    for dimension in [0, 7] {
        let row = SparseRow::from_dense(&vec![0.0; dimension]).unwrap();
        assert_eq!((row.nnz(), row.dimension()), (0, dimension));
        assert_eq!(row.top_k(NonZeroUsize::MIN), row);
        assert_eq!(row.dot(&row).to_bits(), 0.0_f32.to_bits());
        assert_eq!(intersection(row.view(), row.view()), row);
        assert_eq!(row.view().to_row(), row);
    }
}

#[test]
fn a_product_beyond_f32_stays_a_legal_row() {
    let huge = SparseRow::from_dense(&[1e30, 1e-30, -1e30]).unwrap();
    let product = intersection(huge.view(), huge.view());
    assert_eq!((product.indices(), product.values()), (&[0, 2][..], &[f32::MAX, f32::MAX][..]));
}

#[test]
#[should_panic(expected = "same dimension")]
fn dot_refuses_rows_of_different_dimension() {
    let _ = row(3, &[], &[]).unwrap().dot(&row(4, &[], &[]).unwrap());
}

proptest! {
    #[test]
    fn a_dense_row_comes_back(dense in (0..70_usize).prop_flat_map(dense_row)) {
        let row = SparseRow::from_dense(&dense).unwrap();
        prop_assert_eq!(row.to_dense(), dense.clone());
        let (indices, values) = row.clone().into_parts();
        prop_assert_eq!(SparseRow::from_parts(dense.len(), indices, values).unwrap(), row);
    }

    #[test]
    fn top_k_equals_dense_sorting(
        dense in (0..70_usize).prop_flat_map(dense_row),
        k in 1..80_usize,
    ) {
        let top = SparseRow::from_dense(&dense).unwrap().top_k(NonZeroUsize::new(k).unwrap());
        let mut expected = vec![0.0; dense.len()];
        for position in reference::largest(&dense, k) {
            expected[position] = dense[position];
        }
        prop_assert_eq!(top.to_dense(), expected);
    }

    #[test]
    fn dot_and_intersection_equal_dense_arithmetic(
        (a, b) in (0..70_usize).prop_flat_map(|n| (dense_row(n), dense_row(n))),
    ) {
        let (row_a, row_b) =
            (SparseRow::from_dense(&a).unwrap(), SparseRow::from_dense(&b).unwrap());
        let (wide_a, wide_b) =
            (reference::dense_row(row_a.view()), reference::dense_row(row_b.view()));
        prop_assert_eq!(row_a.dot(&row_b), reference::dot(&wide_a, &wide_b) as f32);
        let product: Vec<f32> = a.iter().zip(&b).map(|(a, b)| (a * b).max(0.0)).collect();
        prop_assert_eq!(intersection(row_a.view(), row_b.view()).to_dense(), product);
    }
}
