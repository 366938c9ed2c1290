//! Matrices that several tasks write, each its own block.

use std::marker::PhantomData;
use std::ops::Range;

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

    /// A matrix that `write` writes: not zeroed before, which costs a pass over memory.
    ///
    /// # Safety
    /// `write` writes every entry, and reads none before.
    pub(crate) unsafe fn written(
        rows: usize,
        cols: usize,
        write: impl FnOnce(&Output<'_>),
    ) -> Vec<f32> {
        let mut values = Vec::with_capacity(rows * cols);
        write(&Output { data: values.as_mut_ptr(), rows, cols, slice: PhantomData });
        // SAFETY: so many fit; the caller vouches for `write`.
        unsafe { values.set_len(rows * cols) };
        values
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
    pub(crate) data: *mut f32,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) stride: usize,
    output: PhantomData<&'a mut [f32]>,
}

impl<'a> Block<'a> {
    /// A whole row-major slice as one block.
    pub(crate) fn whole(data: &'a mut [f32], rows: usize, cols: usize) -> Self {
        assert!(rows * cols <= data.len(), "a block beyond its slice");
        Self { data: data.as_mut_ptr(), rows, cols, stride: cols, output: PhantomData }
    }

    /// Some rows and columns of it, while nobody uses the whole.
    pub(crate) fn part(&mut self, rows: Range<usize>, cols: Range<usize>) -> Block<'_> {
        assert!(rows.start < rows.end && rows.end <= self.rows, "rows beyond the block");
        assert!(cols.start < cols.end && cols.end <= self.cols, "columns beyond the block");
        Block {
            // SAFETY: the asserts keep the start within the block.
            data: unsafe { self.data.add(rows.start * self.stride + cols.start) },
            rows: rows.len(),
            cols: cols.len(),
            stride: self.stride,
            output: PhantomData,
        }
    }

    pub(crate) fn row(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows, "a row beyond the block");
        // SAFETY: the row lies within the block, which this value owns alone.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(row * self.stride), self.cols) }
    }
}
