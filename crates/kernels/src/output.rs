//! Matrices that several tasks write, each its own block.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;

/// An entry of a matrix that nothing has been written to yet: it can be written, and not read.
pub(crate) type Unwritten = MaybeUninit<f32>;

/// What a block is made of: `f32`, or [`Unwritten`].
pub(crate) trait Entry: Copy + Send {
    /// The entry with that value.
    fn of(value: f32) -> Self;
}

impl Entry for f32 {
    #[inline(always)]
    fn of(value: f32) -> Self {
        value
    }
}

impl Entry for Unwritten {
    #[inline(always)]
    fn of(value: f32) -> Self {
        Self::new(value)
    }
}

/// Entries of a matrix.
///
/// # Panics
/// When no slice has so many: the product must not wrap, since pointers are checked against it.
pub(crate) fn entries(rows: usize, cols: usize) -> usize {
    rows.checked_mul(cols).unwrap_or_else(|| panic!("[{rows}, {cols}] is more than any memory"))
}

/// A row-major matrix that several tasks write, each its own block.
pub(crate) struct Output<'a, T = f32> {
    data: *mut T,
    rows: usize,
    cols: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: the pointer comes from a `&mut [T]` that is borrowed for the value's life; blocks of it are
// handed out only through `Output::block`, whose caller promises that they are disjoint. So a thread
// that has a block has what a part of the `&mut [T]` would be, which may go to another thread.
unsafe impl<T: Send> Sync for Output<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Output<'_, T> {}

impl<'a, T> Output<'a, T> {
    pub(crate) fn new(data: &'a mut [T], rows: usize, cols: usize) -> Self {
        assert_eq!(data.len(), entries(rows, cols), "the output is not [rows, cols]");
        Self { data: data.as_mut_ptr(), rows, cols, slice: PhantomData }
    }

    /// The block of `rows` x `cols`.
    ///
    /// # Safety
    /// No two blocks that live at the same time share an entry.
    pub(crate) unsafe fn block(&self, rows: Range<usize>, cols: Range<usize>) -> Block<'_, T> {
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

/// What the memory of a matrix holds before it is written, in builds with debug assertions: a signalling
/// NaN, which no arithmetic gives.
const MARK: u32 = 0x7fa0_5a5a;

impl Output<'_, Unwritten> {
    /// A matrix that `write` writes. Its memory is not zeroed first, which would cost a pass over it.
    ///
    /// # Safety
    /// `write` writes every entry.
    ///
    /// # Panics
    /// In builds with debug assertions, when it does not.
    pub(crate) unsafe fn written(
        rows: usize,
        cols: usize,
        write: impl FnOnce(&Output<'_, Unwritten>),
    ) -> Vec<f32> {
        let len = entries(rows, cols);
        let mut values = Vec::with_capacity(len);
        let unwritten = &mut values.spare_capacity_mut()[..len];
        if cfg!(debug_assertions) {
            unwritten.fill(Unwritten::new(f32::from_bits(MARK)));
        }
        write(&Output::new(unwritten, rows, cols));
        // SAFETY: so many fit; the caller vouches that `write` has written them all.
        unsafe { values.set_len(len) };
        debug_assert!(values.iter().all(|v| v.to_bits() != MARK), "an entry was never written");
        values
    }
}

/// A block of rows and columns that one task owns.
pub(crate) struct Block<'a, T = f32> {
    pub(crate) data: *mut T,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) stride: usize,
    output: PhantomData<&'a mut [T]>,
}

impl<'a, T> Block<'a, T> {
    /// A whole row-major slice as one block.
    pub(crate) fn whole(data: &'a mut [T], rows: usize, cols: usize) -> Self {
        assert!(entries(rows, cols) <= data.len(), "a block beyond its slice");
        Self { data: data.as_mut_ptr(), rows, cols, stride: cols, output: PhantomData }
    }

    /// Some rows and columns of it, while nobody uses the whole.
    pub(crate) fn part(&mut self, rows: Range<usize>, cols: Range<usize>) -> Block<'_, T> {
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

    pub(crate) fn row(&mut self, row: usize) -> &mut [T] {
        assert!(row < self.rows, "a row beyond the block");
        // SAFETY: the row lies within the block, which this value owns alone.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(row * self.stride), self.cols) }
    }
}

impl<'a> Block<'a, Unwritten> {
    /// The same block, to be read too.
    ///
    /// # Safety
    /// Every entry of it has been written.
    pub(crate) unsafe fn assume_written(self) -> Block<'a> {
        let Self { data, rows, cols, stride, .. } = self;
        Block { data: data.cast(), rows, cols, stride, output: PhantomData }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_written_at_their_rows_and_columns() {
        let write = |output: &Output<'_, Unwritten>| {
            for (rows, cols, value) in [(0..1, 0..3, 1.0), (1..3, 0..2, 2.0), (1..3, 2..3, 3.0)] {
                // SAFETY: one block lives at a time.
                let mut block = unsafe { output.block(rows.clone(), cols) };
                (0..rows.len()).for_each(|r| block.row(r).fill(Unwritten::new(value)));
                // SAFETY: the line above wrote each row.
                let mut block = unsafe { block.assume_written() };
                (0..rows.len()).for_each(|r| block.row(r).iter_mut().for_each(|v| *v += 0.5));
            }
        };
        // SAFETY: the three blocks are the whole matrix.
        let values = unsafe { Output::written(3, 3, write) };
        assert_eq!(values, [1.5, 1.5, 1.5, 2.5, 2.5, 3.5, 2.5, 2.5, 3.5]);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "an entry was never written")]
    fn an_entry_that_was_never_written_is_noticed() {
        let write = |output: &Output<'_, Unwritten>| {
            // SAFETY: the only block.
            unsafe { output.block(0..2, 0..3) }.row(1).fill(Unwritten::new(0.0));
        };
        // SAFETY: not kept, on purpose: with debug assertions the memory holds marks, so all of it may be read.
        let _ = unsafe { Output::written(2, 3, write) };
    }

    #[test]
    #[should_panic(expected = "more than any memory")]
    fn sizes_whose_product_wraps_are_refused() {
        Output::<f32>::new(&mut [], 1 << 33, 1 << 31);
    }
}
