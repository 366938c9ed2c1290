//! The invariants of rows and matrices.

use crate::SparseError;

/// Checks that `dimension` fits the `u32` indices.
pub(crate) fn check_dimension(dimension: usize) -> Result<(), SparseError> {
    match u32::try_from(dimension) {
        Ok(_) => Ok(()),
        Err(_) => Err(SparseError::DimensionTooLarge { dimension }),
    }
}

/// Checks that `n_rows` rows can be numbered with `u32`.
pub(crate) fn check_n_rows(n_rows: usize) -> Result<(), SparseError> {
    match u32::try_from(n_rows) {
        Ok(_) => Ok(()),
        Err(_) => Err(SparseError::TooManyRows { n_rows }),
    }
}

/// Checks that there are as many indices as values.
pub(crate) fn check_lengths(indices: &[u32], values: &[f32]) -> Result<(), SparseError> {
    if indices.len() == values.len() {
        Ok(())
    } else {
        Err(SparseError::LengthMismatch { indices: indices.len(), values: values.len() })
    }
}

/// Checks the entries of one row; `indices` and `values` have equal lengths.
pub(crate) fn check_row(
    row: usize,
    dimension: usize,
    indices: &[u32],
    values: &[f32],
) -> Result<(), SparseError> {
    let mut previous = None;
    for (position, (&index, &value)) in indices.iter().zip(values).enumerate() {
        if index as usize >= dimension {
            return Err(SparseError::IndexOutOfRange { row, position, index, dimension });
        }
        if let Some(previous) = previous.filter(|&previous| previous >= index) {
            return Err(SparseError::IndicesNotIncreasing { row, position, previous, index });
        }
        if !value.is_finite() {
            return Err(SparseError::NonFiniteValue { row, index, value });
        }
        if value == 0.0 {
            return Err(SparseError::ZeroValue { row, index });
        }
        previous = Some(index);
    }
    Ok(())
}

/// Checks that `indptr` divides `nnz` entries into rows.
pub(crate) fn check_indptr(indptr: &[usize], nnz: usize) -> Result<(), SparseError> {
    let (Some(&first), Some(&last)) = (indptr.first(), indptr.last()) else {
        return Err(SparseError::IndptrEmpty);
    };
    if first != 0 {
        return Err(SparseError::IndptrStart { first });
    }
    for (row, bounds) in indptr.windows(2).enumerate() {
        if bounds[1] < bounds[0] {
            return Err(SparseError::IndptrDecreasing { row, start: bounds[0], end: bounds[1] });
        }
    }
    if last != nnz {
        return Err(SparseError::IndptrEnd { last, nnz });
    }
    Ok(())
}
