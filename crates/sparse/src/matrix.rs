//! Many sparse rows in compressed form (CSR).

use std::num::NonZeroUsize;
use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sprs::CsMatI;

use crate::check::{check_dimension, check_indptr, check_lengths, check_n_rows, check_row};
use crate::serial::MatrixParts;
use crate::{Pruning, SparseError, SparseMatrixBuilder, SparseRow, SparseRowView};

/// A sparse matrix in CSR: row `i` is the embedding of text `i`.
///
/// Each row keeps the invariants of a [`SparseRow`]. A matrix takes 8 bytes per entry and 8 bytes
/// per row. Serialised as `{dimension, indptr, indices, values}`, and checked again when
/// deserialised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "MatrixParts", into = "MatrixParts")]
pub struct SparseMatrix(CsMatI<f32, u32, usize>);

impl SparseMatrix {
    /// Takes ownership of the arrays of a CSR matrix.
    ///
    /// # Shapes
    /// `indptr` `[n_rows + 1]`, `indices` and `values` `[nnz]`.
    ///
    /// # Errors
    /// A variant of [`SparseError`] for each invariant, with the offending row and position.
    pub fn from_csr_parts(
        dimension: usize,
        indptr: Vec<usize>,
        indices: Vec<u32>,
        values: Vec<f32>,
    ) -> Result<Self, SparseError> {
        check_dimension(dimension)?;
        check_lengths(&indices, &values)?;
        check_indptr(&indptr, indices.len())?;
        check_n_rows(indptr.len() - 1)?;
        for (row, bounds) in indptr.windows(2).enumerate() {
            let entries = bounds[0]..bounds[1];
            check_row(row, dimension, &indices[entries.clone()], &values[entries])?;
        }
        Ok(Self::from_checked_parts(dimension, indptr, indices, values))
    }

    /// A matrix of these rows, in order.
    ///
    /// # Errors
    /// [`SparseError::DimensionMismatch`], [`SparseError::DimensionTooLarge`] or
    /// [`SparseError::TooManyRows`].
    pub fn from_rows(dimension: usize, rows: &[SparseRow]) -> Result<Self, SparseError> {
        check_dimension(dimension)?;
        let mut builder = Self::builder(dimension);
        builder.reserve(rows.len(), rows.iter().map(SparseRow::nnz).sum());
        for row in rows {
            builder.push_row(row.view())?;
        }
        Ok(builder.finish())
    }

    /// The rows of all `parts`, one part below the other.
    ///
    /// # Errors
    /// As [`from_rows`](Self::from_rows).
    pub fn vstack(dimension: usize, parts: &[Self]) -> Result<Self, SparseError> {
        check_dimension(dimension)?;
        let mut builder = Self::builder(dimension);
        let n_rows = parts.iter().map(Self::n_rows).sum();
        builder.reserve(n_rows, parts.iter().map(Self::nnz).sum());
        for part in parts {
            builder.push_matrix(part)?;
        }
        Ok(builder.finish())
    }

    /// A builder for a matrix with rows of this dimension.
    ///
    /// # Panics
    /// If `dimension` does not fit in `u32`.
    #[must_use]
    pub fn builder(dimension: usize) -> SparseMatrixBuilder {
        SparseMatrixBuilder::new(dimension)
    }

    /// Wraps arrays whose invariants are known to hold.
    pub(crate) fn from_checked_parts(
        dimension: usize,
        indptr: Vec<usize>,
        indices: Vec<u32>,
        values: Vec<f32>,
    ) -> Self {
        Self(CsMatI::new((indptr.len() - 1, dimension), indptr, indices, values))
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.0.rows()
    }

    /// Length of a row when written densely: the size of the vocabulary.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.0.cols()
    }

    /// Number of stored entries.
    #[must_use]
    pub fn nnz(&self) -> usize {
        self.0.indices().len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.n_rows() == 0
    }

    /// The offset of each row among the entries, and the end of the last row. `[n_rows + 1]`
    #[must_use]
    pub fn indptr(&self) -> &[usize] {
        self.0.indptr().into_raw_storage()
    }

    /// The indices of all stored entries within their rows.
    #[must_use]
    pub fn indices(&self) -> &[u32] {
        self.0.indices()
    }

    /// The values of all stored entries.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        self.0.data()
    }

    /// Heap size of the three arrays, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of_val(self.indptr()) + size_of_val(self.indices()) + size_of_val(self.values())
    }

    /// Row `row_idx`.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn row(&self, row_idx: usize) -> SparseRowView<'_> {
        let n_rows = self.n_rows();
        assert!(row_idx < n_rows, "row {row_idx} of a matrix of {n_rows} rows");
        let entries = self.entries(row_idx..row_idx + 1);
        SparseRowView::from_checked_slices(
            self.dimension(),
            &self.indices()[entries.clone()],
            &self.values()[entries],
        )
    }

    /// All rows in order.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = SparseRowView<'_>> + ExactSizeIterator {
        (0..self.n_rows()).map(|row_idx| self.row(row_idx))
    }

    /// All rows in order, for rayon.
    pub(crate) fn par_rows(&self) -> impl IndexedParallelIterator<Item = SparseRowView<'_>> {
        (0..self.n_rows()).into_par_iter().map(|row_idx| self.row(row_idx))
    }

    /// The range of the entries of the rows `rows`.
    fn entries(&self, rows: Range<usize>) -> Range<usize> {
        self.indptr()[rows.start]..self.indptr()[rows.end]
    }

    /// The rows selected by `row_idxs`, in that order; a row may be selected more than once.
    ///
    /// # Panics
    /// If there is no such row, or the result has more rows than `u32` can number.
    #[must_use]
    pub fn select_rows(&self, row_idxs: &[usize]) -> Self {
        let mut builder = Self::builder(self.dimension());
        builder.reserve(row_idxs.len(), row_idxs.iter().map(|&i| self.row(i).nnz()).sum());
        for &row_idx in row_idxs {
            builder.push_row(self.row(row_idx)).expect("rows of one matrix have one dimension");
        }
        builder.finish()
    }

    /// Each row's `k` entries of largest magnitude; see [`SparseRowView::top_k`].
    #[must_use]
    pub fn top_k(&self, k: NonZeroUsize) -> Self {
        self.map_rows(|row| row.top_k(k))
    }

    /// Each row's entries that survive `pruning`; see [`SparseRowView::prune`].
    #[must_use]
    pub fn prune(&self, pruning: &Pruning) -> Self {
        self.map_rows(|row| row.prune(pruning))
    }

    /// Replaces each row by one of the same dimension, in parallel.
    fn map_rows(&self, map: impl Fn(SparseRowView<'_>) -> SparseRow + Sync + Send) -> Self {
        let rows: Vec<SparseRow> = self.par_rows().map(map).collect();
        Self::from_rows(self.dimension(), &rows).expect("the rows keep number and dimension")
    }

    /// `(indptr, indices, values)`.
    #[must_use]
    pub fn into_csr_parts(self) -> (Vec<usize>, Vec<u32>, Vec<f32>) {
        self.0.into_raw_storage()
    }

    /// The rows scaled to length 1: each weight divided by the square root of the sum of the row's
    /// squared weights. Empty rows stay empty.
    #[must_use]
    pub fn normalized(&self) -> Self {
        let mut matrix = Self::builder(self.dimension());
        for row in self.rows() {
            let norm = row.squared_norm().sqrt();
            let scaled = row.iter().map(|(index, value)| (index, (f64::from(value) / norm) as f32));
            // A weight that rounds to zero must not be stored.
            let (indices, values) = scaled.filter(|(_, value)| *value != 0.0).unzip();
            let row = SparseRow::from_checked_parts(self.dimension(), indices, values);
            matrix.push_row(row.view()).expect("the dimension is this matrix's, and no row is new");
        }
        matrix.finish()
    }

    /// The `sprs` matrix inside.
    #[must_use]
    pub fn as_sprs(&self) -> &CsMatI<f32, u32, usize> {
        &self.0
    }

    /// The `sprs` matrix inside.
    #[must_use]
    pub fn into_sprs(self) -> CsMatI<f32, u32, usize> {
        self.0
    }
}

impl TryFrom<CsMatI<f32, u32, usize>> for SparseMatrix {
    type Error = SparseError;

    /// Checks what `sprs` does not: CSR order, and values that are finite and not zero.
    fn try_from(matrix: CsMatI<f32, u32, usize>) -> Result<Self, SparseError> {
        if !matrix.is_csr() {
            return Err(SparseError::NotCsr);
        }
        let dimension = matrix.cols();
        let (indptr, indices, values) = matrix.into_raw_storage();
        Self::from_csr_parts(dimension, indptr, indices, values)
    }
}
