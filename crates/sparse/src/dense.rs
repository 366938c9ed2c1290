//! A dense table of scores.

use std::ops::Index;

/// A row-major matrix of `f32`, as returned by similarity functions.
#[derive(Debug, Clone, PartialEq)]
pub struct DenseMatrix {
    n_rows: usize,
    n_cols: usize,
    values: Vec<f32>,
}

impl DenseMatrix {
    /// Takes ownership of `values`, row after row.
    ///
    /// # Panics
    /// If the number of values is not `n_rows * n_cols`.
    #[must_use]
    pub fn from_vec(n_rows: usize, n_cols: usize, values: Vec<f32>) -> Self {
        assert_eq!(
            Some(values.len()),
            n_rows.checked_mul(n_cols),
            "a matrix of {n_rows} rows and {n_cols} columns"
        );
        Self { n_rows, n_cols, values }
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns.
    #[must_use]
    pub fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// Row `row_idx`. `[n_cols]`
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn row(&self, row_idx: usize) -> &[f32] {
        let n_rows = self.n_rows;
        assert!(row_idx < n_rows, "row {row_idx} of a matrix of {n_rows} rows");
        &self.values[row_idx * self.n_cols..][..self.n_cols]
    }

    /// All rows in order.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &[f32]> + ExactSizeIterator {
        (0..self.n_rows).map(|row_idx| self.row(row_idx))
    }

    /// All values, row after row. `[n_rows * n_cols]`
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.values
    }

    /// All values, row after row. `[n_rows * n_cols]`
    #[must_use]
    pub fn into_vec(self) -> Vec<f32> {
        self.values
    }
}

/// The value at `(row, column)`.
///
/// # Panics
/// If there is no such row or column.
impl Index<(usize, usize)> for DenseMatrix {
    type Output = f32;

    fn index(&self, (row_idx, col_idx): (usize, usize)) -> &f32 {
        &self.row(row_idx)[col_idx]
    }
}
