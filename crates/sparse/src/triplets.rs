//! A matrix as coordinates (COO): `(row, column, value)`.

use crate::check::{check_dimension, check_n_rows};
use crate::{SparseError, SparseMatrix};

impl SparseMatrix {
    /// A matrix with these entries, in any order.
    ///
    /// # Errors
    /// [`SparseError::TripletRow`] for a row that does not exist; otherwise as
    /// [`from_csr_parts`](Self::from_csr_parts). A duplicate entry is an error too
    /// ([`SparseError::IndicesNotIncreasing`]), since adding and replacing would be equally
    /// plausible.
    pub fn from_triplets(
        n_rows: usize,
        dimension: usize,
        triplets: impl IntoIterator<Item = (usize, u32, f32)>,
    ) -> Result<Self, SparseError> {
        check_dimension(dimension)?;
        check_n_rows(n_rows)?;
        let mut triplets: Vec<_> = triplets.into_iter().collect();
        triplets.sort_unstable_by_key(|&(row, index, _)| (row, index));
        let mut indptr = vec![0; n_rows + 1];
        for &(row, ..) in &triplets {
            if row >= n_rows {
                return Err(SparseError::TripletRow { row, n_rows });
            }
            indptr[row + 1] += 1;
        }
        for row in 0..n_rows {
            indptr[row + 1] += indptr[row];
        }
        let (indices, values) =
            triplets.into_iter().map(|(_, index, value)| (index, value)).unzip();
        Self::from_csr_parts(dimension, indptr, indices, values)
    }

    /// All stored entries as `(row, column, value)`, by row, then by column.
    pub fn triplets(&self) -> impl Iterator<Item = (usize, u32, f32)> {
        self.rows().enumerate().flat_map(|(row_idx, row)| {
            row.iter().map(move |(index, value)| (row_idx, index, value))
        })
    }
}
