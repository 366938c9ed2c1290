//! serde: values round-trip, and corrupted forms are refused.

use proptest::prelude::*;
use serde_json::json;
use splade_sparse::{SparseMatrix, SparseRow};

use crate::strategies::{dense_row, matrix};

#[test]
fn the_serialised_form_is_the_named_parts() {
    let row = SparseRow::from_dense(&[0.0, 1.5, 0.0]).unwrap();
    let form = json!({"dimension": 3, "indices": [1], "values": [1.5]});
    assert_eq!(serde_json::to_value(&row).unwrap(), form);
    let matrix = SparseMatrix::from_rows(3, &[row]).unwrap();
    let form = json!({"dimension": 3, "indptr": [0, 1], "indices": [1], "values": [1.5]});
    assert_eq!(serde_json::to_value(&matrix).unwrap(), form);
}

#[test]
fn each_corrupted_row_is_refused_with_the_invariant_it_breaks() {
    let refusal = |dimension: usize, indices: &[i64], values: &[f64]| {
        let form = json!({"dimension": dimension, "indices": indices, "values": values});
        serde_json::from_value::<SparseRow>(form).unwrap_err().to_string()
    };
    assert!(refusal(3, &[1, 1], &[1.0, 1.0]).contains("index 1 follows 1"));
    assert!(refusal(3, &[3], &[1.0]).contains("not below dimension 3"));
    assert!(refusal(3, &[1], &[]).contains("1 indices, but 0 values"));
    assert!(refusal(3, &[1], &[0.0]).contains("stored value is zero"));
    assert!(refusal(3, &[1], &[1e300]).contains("not finite"));
    assert!(refusal(3, &[-1], &[1.0]).contains("invalid value"));
}

#[test]
fn an_unknown_field_is_refused() {
    let form = json!({"dimension": 1, "indices": [], "values": [], "scale": 2.0});
    assert!(serde_json::from_value::<SparseRow>(form).is_err());
}

proptest! {
    #[test]
    fn rows_and_matrices_come_back(dense in dense_row(20), matrix in matrix()) {
        let row = SparseRow::from_dense(&dense).unwrap();
        let json = serde_json::to_string(&row).unwrap();
        prop_assert_eq!(serde_json::from_str::<SparseRow>(&json).unwrap(), row);
        let json = serde_json::to_string(&matrix).unwrap();
        prop_assert_eq!(serde_json::from_str::<SparseMatrix>(&json).unwrap(), matrix);
    }

    #[test]
    fn a_corrupted_matrix_is_refused(
        matrix in matrix().prop_filter("has entries", |matrix| matrix.nnz() > 0),
        corruption in 0..5_usize,
        position in any::<prop::sample::Index>(),
    ) {
        let mut form = serde_json::to_value(&matrix).unwrap();
        let entry = position.index(matrix.nnz());
        match corruption {
            0 => form["values"][entry] = json!(0.0),
            1 => form["indices"][entry] = json!(matrix.dimension()),
            2 => form["indptr"][position.index(matrix.n_rows() + 1)] = json!(matrix.nnz() + 1),
            3 => form["dimension"] = json!(0),
            _ => drop(form["values"].as_array_mut().unwrap().remove(entry)),
        }
        prop_assert!(serde_json::from_value::<SparseMatrix>(form).is_err());
    }
}
