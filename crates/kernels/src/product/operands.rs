//! The operands of products: rows and panels in groups of 32 bits, and slices viewed as groups.

use std::ops::Range;

use super::widen;
use crate::Precision;
use crate::panels::{PANEL, STRIP};

/// How rows are laid out in their slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowOrder {
    /// One after the other.
    Rows,
    /// One after the other, each number twice as wide as in the panel, so that a row has two groups
    /// where a panel has one (`widen.rs`).
    Widened,
    /// Two rows by two groups at a time: `[rows / 2, groups / 2, 2, 2]`, both padded to a multiple
    /// of two.
    #[cfg_attr(not(target_arch = "aarch64"), allow(dead_code, reason = "ARM alone has it"))]
    Pairs,
    /// Sixteen rows by sixteen groups at a time: `[rows / 16, groups / 16, 16, 16]`, both padded to
    /// a multiple of sixteen.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "AMX alone has it"))]
    Tiles,
}

/// Rows, and groups, per tile.
pub(crate) const TILE: usize = 16;

impl RowOrder {
    /// Number of rows in a slice, including padding.
    pub(crate) fn filled(self, rows: usize) -> usize {
        match self {
            Self::Rows | Self::Widened => rows,
            Self::Pairs => rows.next_multiple_of(2),
            Self::Tiles => rows.next_multiple_of(TILE),
        }
    }

    /// Groups of a row for each group of a panel.
    pub(crate) fn widening(self) -> usize {
        match self {
            Self::Widened => 2,
            Self::Rows | Self::Pairs | Self::Tiles => 1,
        }
    }

    /// Stores some groups of a row, starting at group `first` of its `width`, all counted as in a
    /// panel. In the order of tiles or pairs, `first`, `width` and the number of groups are
    /// multiples of [`TILE`], or two.
    pub(crate) fn store(
        self,
        precision: Precision,
        data: &mut [u32],
        width: usize,
        row: usize,
        first: usize,
        groups: &[u32],
    ) {
        match self {
            Self::Rows => data[row * width + first..][..groups.len()].copy_from_slice(groups),
            Self::Widened => {
                let out = &mut data[2 * (row * width + first)..][..2 * groups.len()];
                widen::row(precision, groups, out);
            }
            Self::Pairs => {
                let pair = &mut data[row / 2 * 2 * width..][..2 * width];
                let slots = pair.as_chunks_mut::<2>().0.iter_mut().skip(first + row % 2);
                let twos = groups.as_chunks::<2>().0;
                slots.step_by(2).zip(twos).for_each(|(slot, two)| *slot = *two);
            }
            Self::Tiles => {
                let tile = &mut data[row / TILE * TILE * width..][..TILE * width];
                let slots = tile.as_chunks_mut::<TILE>().0.iter_mut().skip(first + row % TILE);
                let lines = groups.as_chunks::<TILE>().0;
                slots.step_by(TILE).zip(lines).for_each(|(slot, line)| *slot = *line);
            }
        }
    }
}

/// Rows of groups.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) data: &'a [u32],
    pub(crate) order: RowOrder,
    /// Groups from one row to the next; in tile order, groups of a whole row.
    pub(crate) stride: usize,
    pub(crate) count: usize,
    /// Groups of each row to multiply.
    pub(crate) groups: usize,
}

impl<'a> Rows<'a> {
    /// Some groups of rows stored in `order`, `width` groups each, all counted as in a panel; in
    /// the order of tiles or pairs, whole ones.
    pub(crate) fn part(
        data: &'a [u32],
        order: RowOrder,
        width: usize,
        count: usize,
        groups: Range<usize>,
    ) -> Self {
        let (start, widening) = match order {
            RowOrder::Rows => (groups.start, 1),
            RowOrder::Widened => (2 * groups.start, 2),
            RowOrder::Pairs => (groups.start * 2, 1),
            RowOrder::Tiles => (groups.start * TILE, 1),
        };
        let (stride, groups) = (widening * width, widening * groups.len());
        Self { data: &data[start..], order, stride, count, groups }
    }

    pub(super) fn filled(&self) -> usize {
        self.order.filled(self.count)
    }

    /// The end of the last group. It saturates, since a wrapped end could seem to be within the
    /// slice.
    pub(super) fn end(&self) -> usize {
        let (before, groups) = match self.order {
            RowOrder::Rows | RowOrder::Widened => (self.count - 1, self.groups),
            RowOrder::Pairs => (self.filled() - 2, self.groups.saturating_mul(2)),
            RowOrder::Tiles => (self.filled() - TILE, self.groups.saturating_mul(TILE)),
        };
        before.saturating_mul(self.stride).saturating_add(groups)
    }
}

/// A panel: `PANEL` columns for each group.
#[derive(Clone, Copy)]
pub(crate) struct PanelView<'a> {
    pub(crate) data: &'a [u32],
    /// Groups from one group's columns to the next group's.
    pub(crate) stride: usize,
    /// Groups from one strip of 16 columns to the next.
    pub(crate) strip: usize,
    /// The distance from a group to the same group of the panel to prefetch; 0 if there is none. It
    /// wraps if that panel comes before this one.
    pub(crate) ahead: usize,
    /// Columns to multiply; the sums of the others are unspecified.
    pub(crate) columns: usize,
}

impl PanelView<'_> {
    /// The end of the last of `groups` groups, at least one. It saturates, like that of rows.
    pub(super) fn end(&self, groups: usize) -> usize {
        let last_strip = self.strip.saturating_mul(PANEL / STRIP - 1);
        let last_group = self.stride.saturating_mul(groups - 1);
        last_strip.saturating_add(last_group).saturating_add(STRIP)
    }
}

/// The bits of a slice of floats.
pub(crate) fn bits(values: &[f32]) -> &[u32] {
    // SAFETY: `f32` and `u32` have the same size and alignment, and every bit pattern is a `u32`.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), values.len()) }
}

/// The bits of a mutable slice of floats.
pub(crate) fn bits_mut(values: &mut [f32]) -> &mut [u32] {
    // SAFETY: as in `bits`; and every bit pattern is an `f32`.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), values.len()) }
}

/// An unsigned integer that groups are made of.
///
/// # Safety
/// Its size and alignment divide those of `u32`, and every bit pattern is valid.
pub(crate) unsafe trait Part: Copy {}
// SAFETY: a byte.
unsafe impl Part for u8 {}
// SAFETY: two bytes, of any value.
unsafe impl Part for u16 {}

/// The bytes or halves of groups. The lowest comes first, as on all little-endian CPUs: the only
/// ones that there are products for.
pub(crate) fn numbers_mut<T: Part>(groups: &mut [u32]) -> &mut [T] {
    const { assert!(cfg!(target_endian = "little"), "groups are packed little-endian") };
    let count = size_of_val(groups) / size_of::<T>();
    // SAFETY: by the contract of `Part`, the slice has the same length in bytes, is aligned, and
    // has valid numbers; and every bit pattern written through it is a `u32`.
    unsafe { std::slice::from_raw_parts_mut(groups.as_mut_ptr().cast(), count) }
}
