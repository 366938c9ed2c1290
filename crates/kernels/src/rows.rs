//! The left operand of a product: rows, rounded to a kernel's precision and stored in its order.

use std::ops::Range;

use crate::int8::{self, RowScale};
use crate::product::{ProductKernel, RowOrder, Rows, bits};
use crate::simd::prefetch;
use crate::{Precision, bf16};

/// Rows of bf16 and integers are padded to a multiple of this: the width of an AMX tile.
const GROUP_STEP: usize = 16;

/// How many rows ahead of the one being rounded are prefetched: rows mostly come from memory.
const ROWS_AHEAD: usize = 3;

/// Number of 32-bit groups that a column of `width` numbers has in a panel.
pub(crate) fn row_groups(precision: Precision, width: usize) -> usize {
    match precision {
        Precision::F32 => width,
        Precision::Bf16 => width.div_ceil(2).next_multiple_of(GROUP_STEP),
        Precision::Int8 => width.div_ceil(4).next_multiple_of(GROUP_STEP),
    }
}

/// A buffer for rounded rows, kept from one task to the next.
#[derive(Default)]
pub(crate) struct RowBuffer {
    groups: Vec<u32>,
    /// One rounded row, before it is stored in the kernel's order.
    row: Vec<u32>,
    scales: Vec<RowScale>,
}

/// Rows in a kernel's format.
#[derive(Clone, Copy)]
pub(crate) struct KernelRows<'a> {
    data: &'a [u32],
    order: RowOrder,
    /// Groups per row, counted as in a panel.
    width: usize,
    count: usize,
    /// The scale of each row, for integers.
    scales: &'a [RowScale],
}

impl RowBuffer {
    /// Converts `count` rows of `x`, `stride` numbers apart; only the first `width` numbers of each
    /// are used.
    pub(crate) fn take<'a>(
        &'a mut self,
        kernel: ProductKernel,
        x: &'a [f32],
        stride: usize,
        width: usize,
        count: usize,
    ) -> KernelRows<'a> {
        let row = |r: usize| {
            if r + ROWS_AHEAD < count {
                prefetch(&x[(r + ROWS_AHEAD) * stride..][..width]);
            }
            &x[r * stride..][..width]
        };
        let (level, precision) = (kernel.level(), kernel.precision());
        match precision {
            Precision::F32 => {
                let order = kernel.order();
                KernelRows { data: bits(x), order, width: stride, count, scales: &[] }
            }
            Precision::Bf16 if kernel.order() == RowOrder::Widened => {
                self.make_room(kernel, width, count);
                let groups = RowOrder::Widened.widening() * row_groups(precision, width);
                for (r, out) in self.groups.chunks_exact_mut(groups).take(count).enumerate() {
                    bf16::round_row_to_floats(level, row(r), out);
                }
                self.filled(kernel, width, count)
            }
            Precision::Bf16 => {
                self.fill(kernel, width, count, |r, out| bf16::round_row(level, row(r), out))
            }
            Precision::Int8 => {
                let mut scales = std::mem::take(&mut self.scales);
                scales.clear();
                self.fill(kernel, width, count, |r, out| {
                    let scale = int8::round_row(level, row(r), out);
                    let sum = if kernel.zero_group() == 0 { 0 } else { scale.sum };
                    scales.push(RowScale { sum, ..scale });
                });
                self.scales = scales;
                self.filled(kernel, width, count)
            }
        }
    }

    /// Makes `count` rows of `width` numbers; `fill(row, groups)` writes all groups of one row.
    pub(crate) fn fill(
        &mut self,
        kernel: ProductKernel,
        width: usize,
        count: usize,
        mut fill: impl FnMut(usize, &mut [u32]),
    ) -> KernelRows<'_> {
        let (order, groups) = (kernel.order(), row_groups(kernel.precision(), width));
        self.make_room(kernel, width, count);
        self.row.resize(groups, 0);
        for r in 0..count {
            fill(r, &mut self.row);
            order.store(kernel.precision(), &mut self.groups, groups, r, 0, &self.row);
        }
        self.filled(kernel, width, count)
    }

    /// Makes room for `count` rows of `width` numbers.
    pub(crate) fn make_room(&mut self, kernel: ProductKernel, width: usize, count: usize) {
        // The rows that pad the last tile are multiplied too; their sums are ignored.
        let order = kernel.order();
        let groups = order.widening() * row_groups(kernel.precision(), width);
        self.groups.resize(order.filled(count) * groups, 0);
    }

    /// Stores some groups of a row of `width` numbers, starting at group `first`; those beyond the
    /// end of the row are dropped.
    pub(crate) fn put(
        &mut self,
        kernel: ProductKernel,
        width: usize,
        row: usize,
        first: usize,
        groups: &[u32],
    ) {
        let (order, precision) = (kernel.order(), kernel.precision());
        let width = row_groups(precision, width);
        let groups = &groups[..groups.len().min(width - first)];
        order.store(precision, &mut self.groups, width, row, first, groups);
    }

    /// The rows, once all groups of their `width` numbers are stored.
    pub(crate) fn filled(
        &self,
        kernel: ProductKernel,
        width: usize,
        count: usize,
    ) -> KernelRows<'_> {
        let width = row_groups(kernel.precision(), width);
        KernelRows { data: &self.groups, order: kernel.order(), width, count, scales: &self.scales }
    }
}

impl<'a> KernelRows<'a> {
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Groups per row, counted as in a panel.
    pub(crate) fn groups(&self) -> usize {
        self.width
    }

    /// Number of rows of sums, including padding.
    pub(crate) fn filled(&self) -> usize {
        self.order.filled(self.count)
    }

    /// The scale of each row, for integers.
    pub(crate) fn scales(&self) -> &'a [RowScale] {
        self.scales
    }

    /// Some groups of each row, counted as in a panel.
    pub(crate) fn part(&self, groups: Range<usize>) -> Rows<'a> {
        Rows::part(self.data, self.order, self.width, self.count, groups)
    }
}
