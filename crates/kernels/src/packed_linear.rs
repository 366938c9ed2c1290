//! Fully connected layers whose weights are packed once, with an epilogue applied in cache.

use std::cell::RefCell;
use std::ops::{ControlFlow, Range};

use crate::grid::{Blocking, Grid};
use crate::int8::{self, RowScale};
use crate::output::{Block, Entry, Output, Unwritten, entries};
use crate::panel_sums::PanelSums;
use crate::panels::{PANEL, Panels, STRIP};
use crate::product::{PanelView, ProductKernel, RowOrder, bits, bits_mut};
use crate::rows::{KernelRows, RowBuffer, row_groups};
use crate::{Activation, Arithmetic, Finish, Precision, bf16};

/// Maximum width of integer rows: 2^16 products of at most 127 * 255 fit a 32-bit sum.
pub(crate) const MAX_INTEGERS: usize = 1 << 16;
/// Maximum bytes of a task's rows.
const MAX_ROWS_BYTES: usize = 600 << 10;
/// Maximum bytes of a task's rows in tile order.
const MAX_TILES_BYTES: usize = 800 << 10;

/// The sizes of a linear layer.
#[derive(Clone, Copy, Debug)]
pub struct LinearShape {
    /// Width of the input rows.
    pub in_features: usize,
    /// Width of the output rows.
    pub out_features: usize,
}

/// A linear layer: `x · weightᵀ + bias`.
#[derive(Clone, Debug)]
pub struct PackedLinear {
    shape: LinearShape,
    kernel: ProductKernel,
    panels: Panels,
    /// The factor of each column's integers, padded to whole panels.
    scale: Vec<f32>,
    /// Padded to whole panels; empty if the layer has none.
    bias: Vec<f32>,
}

impl PackedLinear {
    /// Packs a layer's weights, rounded to a precision, for the instructions that may be used:
    /// `arithmetic` is a [`Precision`] on the CPU's best, or an [`Arithmetic`]. Integers become
    /// bf16 if rows are wider than 65,536, since their sums might not fit in 32 bits.
    ///
    /// # Shapes
    /// `weight` `[out_features, in_features]` (as checkpoints store it), `bias` `[out_features]`.
    ///
    /// # Panics
    /// If a length does not match `shape`.
    #[must_use]
    pub fn new(
        weight: &[f32],
        bias: Option<&[f32]>,
        shape: LinearShape,
        arithmetic: impl Into<Arithmetic>,
    ) -> Self {
        let mut arithmetic = arithmetic.into();
        if arithmetic.precision == Precision::Int8 && shape.in_features > MAX_INTEGERS {
            arithmetic.precision = Precision::Bf16;
        }
        Self::with_kernel(weight, bias, shape, ProductKernel::of(arithmetic))
    }

    pub(crate) fn with_kernel(
        weight: &[f32],
        bias: Option<&[f32]>,
        shape: LinearShape,
        kernel: ProductKernel,
    ) -> Self {
        let LinearShape { in_features, out_features } = shape;
        assert!(in_features > 0 && out_features > 0, "a linear layer of size 0");
        assert_eq!(weight.len(), entries(out_features, in_features), "weight is not [out, in]");
        let mut bias = bias.map(<[f32]>::to_vec).unwrap_or_default();
        assert!(bias.is_empty() || bias.len() == out_features, "bias is not [out]");
        let filled = out_features.next_multiple_of(PANEL);
        bias.resize(if bias.is_empty() { 0 } else { filled }, 0.0);
        let row = |column: usize| &weight[column * in_features..][..in_features];
        let level = kernel.level();
        let groups = row_groups(kernel.precision(), in_features);
        let (order, zero) = (kernel.panel_order(), kernel.zero_group());
        let (panels, scale) = match kernel.precision() {
            Precision::F32 => {
                let fill = |column, out: &mut [u32]| out.copy_from_slice(bits(row(column)));
                (Panels::pack(out_features, groups, order, 0, fill).0, Vec::new())
            }
            Precision::Bf16 => {
                let fill = |column, out: &mut [u32]| bf16::round_row(level, row(column), out);
                (Panels::pack(out_features, groups, order, 0, fill).0, Vec::new())
            }
            Precision::Int8 => {
                let fill = |column, out: &mut [u32]| {
                    let RowScale { scale, .. } = int8::round_row(level, row(column), out);
                    out.iter_mut().for_each(|group| *group ^= zero);
                    scale
                };
                let (panels, mut scale) = Panels::pack(out_features, groups, order, zero, fill);
                scale.resize(filled, 0.0);
                (panels, scale)
            }
        };
        Self { shape, kernel, panels, scale, bias }
    }

    /// The sizes of the layer.
    pub fn shape(&self) -> LinearShape {
        self.shape
    }

    /// Bytes of its weights, scales and bias.
    #[cfg(test)]
    fn memory_bytes(&self) -> usize {
        self.panels.memory_bytes() + size_of::<f32>() * (self.scale.len() + self.bias.len())
    }

    /// Number of panels.
    pub(crate) fn n_panels(&self) -> usize {
        self.panels.n_panels()
    }

    /// The rounded weights of one column, which is a row of `weight`, or of a table.
    ///
    /// # Panics
    /// If there is no such column, or if `out` is not as long as the input is wide.
    pub fn column(&self, column: usize, out: &mut [f32]) {
        let LinearShape { in_features, out_features } = self.shape;
        assert!(column < out_features, "column {column} of {out_features}");
        assert_eq!(out.len(), in_features, "out is not [in]");
        let groups = self.panels.column(column);
        match self.kernel.precision() {
            Precision::F32 => out.iter_mut().zip(groups).for_each(|(v, g)| *v = f32::from_bits(g)),
            Precision::Bf16 => {
                for (pair, group) in out.chunks_mut(2).zip(groups) {
                    let both = [group << 16, group & 0xffff_0000].map(f32::from_bits);
                    pair.copy_from_slice(&both[..pair.len()]);
                }
            }
            Precision::Int8 => {
                let (scale, zero) = (self.scale[column], self.kernel.zero_group());
                for (quad, group) in out.chunks_mut(4).zip(groups) {
                    let integer = |byte: u8| f32::from(byte as i8) * scale;
                    let four = (group ^ zero).to_le_bytes().map(integer);
                    quad.copy_from_slice(&four[..quad.len()]);
                }
            }
        }
    }

    /// `finish(x · weightᵀ + bias)`.
    ///
    /// # Shapes
    /// `x` `[rows, in_features]`; returns `[rows, out_features]`.
    ///
    /// # Panics
    /// If the lengths do not match.
    pub fn forward(&self, x: &[f32], finish: Finish<'_>) -> Vec<f32> {
        let LinearShape { in_features, out_features } = self.shape;
        assert_eq!(x.len() % in_features, 0, "x is not whole rows");
        let rows = x.len() / in_features;
        finish.check(rows, out_features);
        if rows == 0 {
            return Vec::new();
        }
        let grid =
            Grid::plan(rows, self.panels.n_panels(), rayon::current_num_threads(), self.blocking());
        let level = self.kernel.level();
        let write = |output: &Output<'_, Unwritten>| {
            grid.run(|rows, panels| {
                let columns = panels.start * PANEL..(panels.end * PANEL).min(out_features);
                // SAFETY: the tasks are the cells of a grid over the output: no two share an entry.
                let mut out = unsafe { output.block(rows.clone(), columns) };
                let x = &x[rows.start * in_features..rows.end * in_features];
                self.block(x, panels, finish.activation(), &mut out);
                if grid.has_whole_rows() {
                    // SAFETY: `block` wrote all panels of all rows.
                    let mut out = unsafe { out.assume_written() };
                    (0..rows.len()).for_each(|r| finish.row(level, rows.start + r, out.row(r)));
                }
            });
        };
        // SAFETY: the cells of the grid cover the output, and `block` writes all of a cell.
        let mut y = unsafe { Output::written(rows, out_features, write) };
        if !grid.has_whole_rows() {
            y.chunks_exact_mut(out_features).enumerate().for_each(|(r, y)| finish.row(level, r, y));
        }
        y
    }

    /// `activation(x · weightᵀ + bias)` for some rows and some panels, on the calling thread.
    pub(crate) fn block(
        &self,
        x: &[f32],
        panels: Range<usize>,
        activation: Activation,
        out: &mut Block<'_, Unwritten>,
    ) {
        let first = panels.start;
        self.for_each_panel(x, panels, |panel, products| {
            self.store(products, panel, activation, out, (panel - first) * PANEL);
        });
    }

    /// Writes `activation(products + bias)` to a block, starting at column `column`.
    pub(crate) fn store<T: Entry>(
        &self,
        products: PanelSums<'_>,
        panel: usize,
        activation: Activation,
        out: &mut Block<'_, T>,
        column: usize,
    ) {
        products.store(self.bias_of(panel), activation, out, column);
    }

    /// The bias of a panel's columns, if the layer has one.
    pub(crate) fn bias_of(&self, panel: usize) -> Option<&[f32; PANEL]> {
        self.bias.as_chunks().0.get(panel)
    }

    /// The number of rows per task: as many as fit in the second-level cache, beside a panel.
    pub(crate) fn blocking(&self) -> Blocking {
        let order = self.kernel.order();
        match order {
            // Widening a panel takes the time of two rows or more, and rows are read in order.
            RowOrder::Widened if !self.kernel.widens_in_registers(usize::MAX) => {
                Blocking { max_rows: 384, step: 1 }
            }
            RowOrder::Rows | RowOrder::Pairs | RowOrder::Widened => {
                // Whole tiles of twelve, eight or six rows.
                let in_cache = MAX_ROWS_BYTES / (4 * order.widening() * self.panels.groups());
                Blocking { max_rows: (in_cache / 24 * 24).clamp(96, 192), step: 1 }
            }
            RowOrder::Tiles => {
                let in_cache = MAX_TILES_BYTES / (4 * self.panels.groups());
                Blocking { max_rows: (in_cache / 16 * 16).clamp(96, 384), step: 16 }
            }
        }
    }

    /// Calls `take(panel, products)` with `x · weightᵀ` for each panel, while it is in cache.
    pub(crate) fn for_each_panel(
        &self,
        x: &[f32],
        panels: Range<usize>,
        mut take: impl FnMut(usize, PanelSums<'_>),
    ) {
        self.for_panels(x, panels, |panel, products| {
            take(panel, products);
            ControlFlow::Continue(())
        });
    }

    /// Like [`for_each_panel`](Self::for_each_panel), until `take` breaks.
    pub(crate) fn for_panels(
        &self,
        x: &[f32],
        panels: Range<usize>,
        mut take: impl FnMut(usize, PanelSums<'_>) -> ControlFlow<()>,
    ) {
        let in_features = self.shape.in_features;
        SCRATCH.with_borrow_mut(|Scratch { rows, sums }| {
            let rows = rows.take(self.kernel, x, in_features, in_features, x.len() / in_features);
            sums.resize(rows.filled() * PANEL, 0.0);
            for panel in panels {
                self.multiply(rows, panel, self.groups(), sums, false);
                let products = self.products(&mut sums[..rows.count() * PANEL], rows, panel);
                if take(panel, products).is_break() {
                    return;
                }
            }
        });
    }

    /// Multiplies rows with some groups of a panel, as many as a row has; with `accumulate`, adds
    /// to the present sums. Products of integers are integers.
    pub(crate) fn multiply(
        &self,
        rows: KernelRows<'_>,
        panel: usize,
        groups: Range<usize>,
        sums: &mut [f32],
        accumulate: bool,
    ) {
        self.multiply_before(Some(panel + 1), rows, panel, groups, sums, accumulate);
    }

    /// Like [`multiply`](Self::multiply), but prefetches the same groups of panel `next`, if given.
    pub(crate) fn multiply_before(
        &self,
        next: Option<usize>,
        rows: KernelRows<'_>,
        panel: usize,
        groups: Range<usize>,
        sums: &mut [f32],
        accumulate: bool,
    ) {
        let max_groups = max_groups(self.kernel.order());
        for start in (0..groups.len()).step_by(max_groups) {
            let part = start..(start + max_groups).min(groups.len());
            let columns = groups.start + part.start..groups.start + part.end;
            let ahead = match next {
                _ if part.end < groups.len() => max_groups * STRIP,
                // If it is before this panel, the distance wraps.
                Some(next) => next
                    .wrapping_sub(panel)
                    .wrapping_mul(self.panels.next_panel())
                    .wrapping_sub(start * STRIP),
                None => 0,
            };
            let columns = PanelView { ahead, ..self.panels.panel(panel, columns) };
            self.kernel.multiply(rows.part(part), columns, bits_mut(sums), accumulate || start > 0);
        }
    }

    /// The result of [`multiply`](Self::multiply).
    pub(crate) fn products<'a>(
        &'a self,
        sums: &'a mut [f32],
        rows: KernelRows<'a>,
        panel: usize,
    ) -> PanelSums<'a> {
        let columns = self.scale.get(panel * PANEL..(panel + 1) * PANEL);
        let scales = columns.map(|columns| (rows.scales(), columns));
        PanelSums::new(self.kernel.level(), sums, scales)
    }

    /// The range of all groups of a column.
    pub(crate) fn groups(&self) -> Range<usize> {
        0..self.panels.groups()
    }

    pub(crate) fn kernel(&self) -> ProductKernel {
        self.kernel
    }
}

/// Groups per product. A panel's part of them fits in the second-level cache (196 KB) and six rows'
/// in the first. In tile order, two strips fit in the first (24 KB).
fn max_groups(order: RowOrder) -> usize {
    match order {
        RowOrder::Rows | RowOrder::Pairs => 768,
        RowOrder::Widened => 384,
        RowOrder::Tiles => 192,
    }
}

thread_local! {
    /// Buffers of a task, kept for the thread's next one.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

#[derive(Default)]
struct Scratch {
    rows: RowBuffer,
    /// `[rows, PANEL]`.
    sums: Vec<f32>,
}

#[cfg(test)]
mod tests;
