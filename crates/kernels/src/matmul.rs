//! Matrix products of strided views, by the `gemm` crate, single-threaded.
//!
//! Callers split the work: a task that owns a block of the output computes it and applies the
//! epilogue while the block is in cache.

use crate::output::Block;

/// A matrix inside a slice: entry (r, c) is at `r * row_stride + c * col_stride`.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> View<'a> {
    /// `rows` rows of `cols` entries, `stride` entries from one row to the next.
    pub(crate) fn rows(data: &'a [f32], rows: usize, cols: usize, stride: usize) -> Self {
        if rows > 0 && cols > 0 {
            let end = (rows - 1).saturating_mul(stride).saturating_add(cols);
            assert!(end <= data.len(), "a view beyond its slice");
        }
        Self { data, rows, cols, row_stride: stride, col_stride: 1 }
    }

    /// `count` columns, starting at `start`.
    pub(crate) fn columns(self, start: usize, count: usize) -> Self {
        assert!(start.saturating_add(count) <= self.cols, "columns beyond the view");
        // An empty view may start beyond its slice.
        let data = self.data.get(start * self.col_stride..).unwrap_or_default();
        Self { data, cols: count, ..self }
    }

    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }
}

impl Block<'_> {
    /// `self = scale * lhs · rhs`, on the calling thread.
    pub(crate) fn multiply(&mut self, lhs: View<'_>, rhs: View<'_>, scale: f32) {
        assert_eq!((lhs.rows, rhs.cols), (self.rows, self.cols), "shapes of the product");
        assert_eq!(lhs.cols, rhs.rows, "inner sizes of the product");
        if self.rows == 0 || self.cols == 0 {
            return;
        }
        // SAFETY: both views were checked against their slices when they were made, and the block
        // against its output. The block is borrowed uniquely, so it overlaps neither view.
        unsafe {
            gemm::gemm(
                self.rows,
                self.cols,
                lhs.cols,
                self.data,
                1,
                self.stride as isize,
                false,
                lhs.data.as_ptr(),
                lhs.col_stride as isize,
                lhs.row_stride as isize,
                rhs.data.as_ptr(),
                rhs.col_stride as isize,
                rhs.row_stride as isize,
                0.0,
                scale,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
}
