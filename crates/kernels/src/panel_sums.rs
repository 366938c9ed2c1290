//! The product of some rows with a panel, and what is done with it while it is in cache.

use std::ops::Range;

use crate::activation::activate_on;
use crate::int8::{self, RowScale};
use crate::output::{Block, Entry};
use crate::panels::PANEL;
use crate::simd::multiversion;
use crate::{Activation, SimdLevel};

/// The products `[rows, PANEL]` of some rows with a panel.
pub(crate) struct PanelSums<'a> {
    /// What its own kernels are compiled for.
    level: SimdLevel,
    /// Bits of `i32` if there are scales.
    sums: &'a mut [f32],
    /// The factors of integers, by row and by column.
    scales: Option<(&'a [RowScale], &'a [f32])>,
}

impl<'a> PanelSums<'a> {
    /// Wraps sums, which are bits of `i32` if there are scales of rows and columns.
    pub(crate) fn new(
        level: SimdLevel,
        sums: &'a mut [f32],
        scales: Option<(&'a [RowScale], &'a [f32])>,
    ) -> Self {
        Self { level, sums, scales }
    }

    /// The products as floats.
    pub(crate) fn values(self) -> &'a mut [f32] {
        if let Some((rows, columns)) = self.scales {
            int8::rescale(self.level, self.sums, rows, columns);
        }
        self.sums
    }

    /// The maximum of each column over some rows.
    pub(crate) fn max(&self, rows: Range<usize>) -> [f32; PANEL] {
        let level = self.level;
        let sums = &self.sums[rows.start * PANEL..rows.end * PANEL];
        match self.scales {
            None => max_rows(level, sums),
            Some((scales, columns)) => int8::max_rows(level, sums, &scales[rows], columns),
        }
    }

    /// Writes `activation(products + bias)` to a block, starting at column `column`.
    pub(crate) fn store<T: Entry>(
        self,
        bias: Option<&[f32; PANEL]>,
        activation: Activation,
        out: &mut Block<'_, T>,
        column: usize,
    ) {
        let level = self.level;
        if activation == Activation::Linear {
            let bias = bias.unwrap_or(&NO_BIAS);
            return store_added(level, self.values(), bias, out, column);
        }
        self.activated(bias, activation, |first, tile| {
            let mut out = out.part(first..first + tile.len() / PANEL, column..out.cols);
            store_added(level, tile, &NO_BIAS, &mut out, 0);
        });
    }

    /// Calls `take(first, rows)` with `activation(products + bias)` for a few rows at a time, which
    /// are in the first-level cache.
    pub(crate) fn activated(
        self,
        bias: Option<&[f32; PANEL]>,
        activation: Activation,
        mut take: impl FnMut(usize, &mut [f32]),
    ) {
        let level = self.level;
        for (i, rows) in self.values().chunks_mut(AT_ONCE * PANEL).enumerate() {
            if let Some(bias) = bias {
                add_bias(level, rows, bias);
            }
            activate_on(level, activation, rows);
            take(i * AT_ONCE, rows);
        }
    }
}

/// Rows that are activated and stored together.
const AT_ONCE: usize = 16;

const NO_BIAS: [f32; PANEL] = [0.0; PANEL];

#[inline(always)]
fn add_bias_body(rows: &mut [f32], bias: &[f32; PANEL]) {
    for row in rows.as_chunks_mut::<PANEL>().0 {
        row.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
    }
}

/// Writes rows plus a bias to a block, starting at column `column` and up to its end.
#[inline(always)]
fn store_added_body<T: Entry>(
    rows: &[f32],
    bias: &[f32; PANEL],
    out: &mut Block<'_, T>,
    column: usize,
) {
    for (r, row) in rows.as_chunks::<PANEL>().0.iter().enumerate() {
        let out = &mut out.row(r)[column..];
        match out.first_chunk_mut::<PANEL>() {
            Some(out) => (0..PANEL).for_each(|i| out[i] = T::of(row[i] + bias[i])),
            None => {
                let sums = row.iter().zip(bias).map(|(v, b)| v + b);
                out.iter_mut().zip(sums).for_each(|(y, sum)| *y = T::of(sum));
            }
        }
    }
}

#[inline(always)]
fn max_rows_body(rows: &[f32]) -> [f32; PANEL] {
    let mut max = [f32::NEG_INFINITY; PANEL];
    for row in rows.as_chunks::<PANEL>().0 {
        for (max, &v) in max.iter_mut().zip(row) {
            *max = if v > *max { v } else { *max };
        }
    }
    max
}

multiversion!(fn max_rows(rows: &[f32]) -> [f32; PANEL] = max_rows_body);
multiversion!(fn add_bias(rows: &mut [f32], bias: &[f32; PANEL]) = add_bias_body);
multiversion!(fn store_added<T: Entry>(rows: &[f32], bias: &[f32; PANEL], out: &mut Block<'_, T>, column: usize) = store_added_body);
