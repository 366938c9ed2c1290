//! The left side of a product: rows, rounded to a kernel's precision and in the order that it takes.

use std::ops::Range;

use crate::int8::{self, RowScale};
use crate::product::{ProductKernel, RowOrder, Rows, bits};
use crate::{Precision, SimdLevel, bf16};

/// Groups that rows of bf16 and of integers are filled up to: what an AMX tile takes.
const GROUP_STEP: usize = 16;

/// Groups of 32 bits that a row of so many numbers is held in.
pub(crate) fn row_groups(precision: Precision, width: usize) -> usize {
    match precision {
        Precision::F32 => width,
        Precision::Bf16 => width.div_ceil(2).next_multiple_of(GROUP_STEP),
        Precision::Int8 => width.div_ceil(4).next_multiple_of(GROUP_STEP),
    }
}

/// Room for rounded rows, kept from one task to the next.
#[derive(Default)]
pub(crate) struct RowBuffer {
    groups: Vec<u32>,
    /// One row before it is put to its place.
    row: Vec<u32>,
    scales: Vec<RowScale>,
}

/// Rows as a kernel takes them.
#[derive(Clone, Copy)]
pub(crate) struct KernelRows<'a> {
    data: &'a [u32],
    order: RowOrder,
    /// Groups of a row.
    width: usize,
    count: usize,
    /// Of integers.
    scales: &'a [RowScale],
}

impl RowBuffer {
    /// The rows of `x`, `stride` numbers apart, of which the first `width` count.
    pub(crate) fn take<'a>(
        &'a mut self,
        kernel: ProductKernel,
        x: &'a [f32],
        stride: usize,
        width: usize,
    ) -> KernelRows<'a> {
        let (level, order, precision) = (SimdLevel::detect(), kernel.order(), kernel.precision());
        let count = x.len() / stride;
        if precision == Precision::F32 {
            return KernelRows { data: bits(x), order, width: stride, count, scales: &[] };
        }
        let groups = row_groups(precision, width);
        let Self { groups: data, row, scales } = self;
        // What fills up the tiles is multiplied and thrown away.
        data.resize(order.filled(count) * groups, 0);
        row.resize(groups, 0);
        scales.clear();
        for (r, x) in x.chunks_exact(stride).enumerate() {
            match precision {
                Precision::Int8 => scales.push(int8::round_row(level, &x[..width], row)),
                _ => bf16::round_row(level, &x[..width], row),
            }
            order.store(data, r, row);
        }
        KernelRows { data, order, width: groups, count, scales }
    }
}

impl<'a> KernelRows<'a> {
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Rows that sums are held for.
    pub(crate) fn filled(&self) -> usize {
        self.order.filled(self.count)
    }

    /// What integers are multiplied by.
    pub(crate) fn scales(&self) -> &'a [RowScale] {
        self.scales
    }

    /// Some groups of each row.
    pub(crate) fn part(&self, groups: Range<usize>) -> Rows<'a> {
        Rows::part(self.data, self.order, self.width, self.count, groups)
    }
}
