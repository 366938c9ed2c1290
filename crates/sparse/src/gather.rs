//! Collects the non-zeros of a dense row; no other code converts dense to sparse.

use splade_kernels::non_zeros;

use crate::SparseError;

/// Appends the non-zeros of `dense` and their positions; -0.0 is zero.
///
/// # Errors
/// [`SparseError::NonFiniteValue`] with the number `row`; `indices` and `values` are then
/// unchanged.
pub(crate) fn gather_nonzeros(
    row: usize,
    dense: &[f32],
    indices: &mut Vec<u32>,
    values: &mut Vec<f32>,
) -> Result<(), SparseError> {
    let nnz_before = indices.len();
    non_zeros(dense, indices, values);
    let mut found = indices[nnz_before..].iter().zip(&values[nnz_before..]);
    // NaN differs from zero too, so it is never skipped.
    if let Some((&index, &value)) = found.find(|(_, value)| !value.is_finite()) {
        indices.truncate(nnz_before);
        values.truncate(nnz_before);
        return Err(SparseError::NonFiniteValue { row, index, value });
    }
    Ok(())
}
