//! Non-zeros of a dense row: the only code that turns dense into sparse.

use splade_kernels::non_zeros;

use crate::SparseError;

/// Appends the non-zeros of `dense` and their positions; -0.0 is zero.
///
/// # Errors
/// [`SparseError::NonFiniteValue`] with the number `row`; `indices` and `values` are then left
/// as they were.
pub(crate) fn gather_nonzeros(
    row: usize,
    dense: &[f32],
    indices: &mut Vec<u32>,
    values: &mut Vec<f32>,
) -> Result<(), SparseError> {
    let nnz_before = indices.len();
    non_zeros(dense, indices, values);
    let mut found = indices[nnz_before..].iter().zip(&values[nnz_before..]);
    // NaN differs from zero too, so it is never passed over.
    if let Some((&index, &value)) = found.find(|(_, value)| !value.is_finite()) {
        indices.truncate(nnz_before);
        values.truncate(nnz_before);
        return Err(SparseError::NonFiniteValue { row, index, value });
    }
    Ok(())
}
