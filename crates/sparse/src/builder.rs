//! A matrix built row by row.

use crate::check::{check_dimension, check_n_rows};
use crate::gather::gather_nonzeros;
use crate::{SparseError, SparseMatrix, SparseRowView};

/// Collects rows into a [`SparseMatrix`]. A push that fails leaves the builder unchanged.
#[derive(Debug, Clone)]
pub struct SparseMatrixBuilder {
    dimension: usize,
    indptr: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl SparseMatrixBuilder {
    /// An empty builder for rows of this dimension.
    ///
    /// # Panics
    /// If `dimension` does not fit in `u32`.
    #[must_use]
    pub fn new(dimension: usize) -> Self {
        assert!(check_dimension(dimension).is_ok(), "dimension {dimension} does not fit in u32");
        Self { dimension, indptr: vec![0], indices: Vec::new(), values: Vec::new() }
    }

    /// Reserves space for this many more rows and entries.
    pub fn reserve(&mut self, n_rows: usize, nnz: usize) {
        self.indptr.reserve(n_rows);
        self.indices.reserve(nnz);
        self.values.reserve(nnz);
    }

    /// Number of rows so far.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.indptr.len() - 1
    }

    /// Appends the non-zeros of a dense row; zeros of either sign are dropped.
    ///
    /// # Errors
    /// [`SparseError::NonFiniteValue`] with row and index, [`SparseError::DimensionMismatch`],
    /// [`SparseError::TooManyRows`].
    pub fn push_dense(&mut self, dense: &[f32]) -> Result<(), SparseError> {
        self.check_fits(dense.len(), 1)?;
        gather_nonzeros(self.n_rows(), dense, &mut self.indices, &mut self.values)?;
        self.indptr.push(self.indices.len());
        Ok(())
    }

    /// Appends a row.
    ///
    /// # Errors
    /// [`SparseError::DimensionMismatch`], [`SparseError::TooManyRows`].
    pub fn push_row(&mut self, row: SparseRowView<'_>) -> Result<(), SparseError> {
        self.check_fits(row.dimension(), 1)?;
        self.indices.extend_from_slice(row.indices());
        self.values.extend_from_slice(row.values());
        self.indptr.push(self.indices.len());
        Ok(())
    }

    /// Appends all rows of a matrix.
    ///
    /// # Errors
    /// [`SparseError::DimensionMismatch`], [`SparseError::TooManyRows`].
    pub fn push_matrix(&mut self, matrix: &SparseMatrix) -> Result<(), SparseError> {
        self.check_fits(matrix.dimension(), matrix.n_rows())?;
        let nnz_before = self.indices.len();
        self.indptr.extend(matrix.indptr()[1..].iter().map(|&end| nnz_before + end));
        self.indices.extend_from_slice(matrix.indices());
        self.values.extend_from_slice(matrix.values());
        Ok(())
    }

    /// Returns the matrix.
    #[must_use]
    pub fn finish(self) -> SparseMatrix {
        SparseMatrix::from_checked_parts(self.dimension, self.indptr, self.indices, self.values)
    }

    fn check_fits(&self, dimension: usize, n_new_rows: usize) -> Result<(), SparseError> {
        if dimension != self.dimension {
            return Err(SparseError::DimensionMismatch {
                row: self.n_rows(),
                found: dimension,
                expected: self.dimension,
            });
        }
        check_n_rows(self.n_rows() + n_new_rows)
    }
}
