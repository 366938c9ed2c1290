//! Matrix products of strided views, on the `gemm` crate, one thread each.
//!
//! The callers split the work: a task that owns a block of the output multiplies it and applies
//! its epilogue while the block is still in cache.

use std::marker::PhantomData;
use std::ops::Range;

/// A matrix inside a slice: entry (r, c) stands at `r * row_stride + c * col_stride`.
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
            assert!((rows - 1) * stride + cols <= data.len(), "a view beyond its slice");
        }
        Self { data, rows, cols, row_stride: stride, col_stride: 1 }
    }

    /// `count` columns from `start` on.
    pub(crate) fn columns(self, start: usize, count: usize) -> Self {
        assert!(start + count <= self.cols, "columns beyond the view");
        // An empty view may have nothing to point at.
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

/// A row-major matrix that several tasks write, each its own block.
pub(crate) struct Output<'a> {
    data: *mut f32,
    rows: usize,
    cols: usize,
    slice: PhantomData<&'a mut [f32]>,
}

// SAFETY: the pointer comes from a `&mut [f32]` that is borrowed for the value's life; blocks of
// it are handed out only through `Output::block`, whose caller promises that they are disjoint.
unsafe impl Sync for Output<'_> {}
// SAFETY: as above.
unsafe impl Send for Output<'_> {}

impl<'a> Output<'a> {
    pub(crate) fn new(data: &'a mut [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(data.len(), rows * cols, "the output is not [rows, cols]");
        Self { data: data.as_mut_ptr(), rows, cols, slice: PhantomData }
    }

    /// The block of `rows` x `cols`.
    ///
    /// # Safety
    /// No two blocks that live at the same time share an entry.
    pub(crate) unsafe fn block(&self, rows: Range<usize>, cols: Range<usize>) -> Block<'_> {
        assert!(rows.start <= rows.end && rows.end <= self.rows, "rows beyond the output");
        assert!(cols.start <= cols.end && cols.end <= self.cols, "columns beyond the output");
        Block {
            // SAFETY: the asserts keep the start within the slice (or one past its end).
            data: unsafe {
                self.data.add((rows.start * self.cols + cols.start).min(self.rows * self.cols))
            },
            rows: rows.len(),
            cols: cols.len(),
            stride: self.cols,
            output: PhantomData,
        }
    }
}

/// A block of rows and columns that one task owns.
pub(crate) struct Block<'a> {
    data: *mut f32,
    rows: usize,
    cols: usize,
    stride: usize,
    output: PhantomData<&'a mut [f32]>,
}

impl<'a> Block<'a> {
    /// A whole row-major slice as one block.
    pub(crate) fn whole(data: &'a mut [f32], rows: usize, cols: usize) -> Self {
        assert!(rows * cols <= data.len(), "a block beyond its slice");
        Self { data: data.as_mut_ptr(), rows, cols, stride: cols, output: PhantomData }
    }

    pub(crate) fn row(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows, "a row beyond the block");
        // SAFETY: the row lies within the block, which this value owns alone.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(row * self.stride), self.cols) }
    }

    /// `self = scale * lhs · rhs`, on the calling thread.
    pub(crate) fn multiply(&mut self, lhs: View<'_>, rhs: View<'_>, scale: f32) {
        assert_eq!((lhs.rows, rhs.cols), (self.rows, self.cols), "shapes of the product");
        assert_eq!(lhs.cols, rhs.rows, "inner sizes of the product");
        if self.rows == 0 || self.cols == 0 {
            return;
        }
        // SAFETY: both views were checked against their slices when they were made, the block
        // against its output; the block is borrowed uniquely, so it overlaps neither view.
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
