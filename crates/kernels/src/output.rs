//! Matrices that several tasks write, each task its own block.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;

/// An entry that has not been written: it can be written, but not read.
pub(crate) type Unwritten = MaybeUninit<f32>;

/// The type of a block's entries: `f32` or [`Unwritten`].
pub(crate) trait Entry: Copy + Send {
    /// Makes an entry of a value.
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

/// Number of entries of a matrix.
///
/// # Panics
/// If no slice can have that many. The product must not wrap, since pointers are checked against
/// it.
pub(crate) fn entries(rows: usize, cols: usize) -> usize {
    rows.checked_mul(cols).unwrap_or_else(|| panic!("[{rows}, {cols}] is more than any memory"))
}

/// A row-major matrix that several tasks write, each task its own block.
pub(crate) struct Output<'a, T = f32> {
    data: *mut T,
    rows: usize,
    cols: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: the pointer comes from a `&mut [T]` that is borrowed as long as the value lives. Blocks
// are handed out only by `Output::block`, whose caller guarantees that they are disjoint. So a
// block on a thread is like a disjoint part of the `&mut [T]`, which may be sent to another thread.
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

/// Fills the memory of unwritten matrices in builds with debug assertions: a signalling NaN, which
/// no arithmetic produces.
const MARK: u32 = 0x7fa0_5a5a;

impl Output<'_, Unwritten> {
    /// Makes a matrix that `write` fills. Its memory is not zeroed first, which saves a pass over
    /// it.
    ///
    /// # Safety
    /// `write` writes every entry.
    ///
    /// # Panics
    /// If it does not, in builds with debug assertions.
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
        // SAFETY: the capacity suffices; the caller guarantees that `write` wrote all entries.
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

    /// Some of its rows and columns, while the whole block is not used.
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
        // SAFETY: the row is within the block, which this value owns exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(row * self.stride), self.cols) }
    }
}

impl<'a> Block<'a, Unwritten> {
    /// The same block, now readable.
    ///
    /// # Safety
    /// Every entry of it was written.
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
        // SAFETY: violated on purpose: with debug assertions the memory holds marks, so it may be
        // read.
        let _ = unsafe { Output::written(2, 3, write) };
    }

    #[test]
    #[should_panic(expected = "more than any memory")]
    fn sizes_whose_product_wraps_are_refused() {
        Output::<f32>::new(&mut [], 1 << 33, 1 << 31);
    }
}
