//! Non-zeros of a dense row: the one place where dense becomes sparse.

use crate::SparseError;

/// Values looked at together. Most of a SPLADE row is zero (about 150 of 30,522 are not), so
/// whole blocks are skipped by one vectorised comparison.
const BLOCK: usize = 16;

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
    for (block_idx, block) in dense.chunks(BLOCK).enumerate() {
        // NaN differs from zero too, so it is never skipped.
        if block.iter().fold(false, |found, &value| found | (value != 0.0)) {
            for (offset, &value) in block.iter().enumerate() {
                let index = (block_idx * BLOCK + offset) as u32;
                if !value.is_finite() {
                    indices.truncate(nnz_before);
                    values.truncate(nnz_before);
                    return Err(SparseError::NonFiniteValue { row, index, value });
                }
                if value != 0.0 {
                    indices.push(index);
                    values.push(value);
                }
            }
        }
    }
    Ok(())
}
