//! Packs keys and values into the panels of products.

use std::ops::Range;

use super::AttentionShape;
use crate::panels::{PANEL, STRIP};
use crate::product::{PanelView, ProductKernel, bits};
use crate::rows::row_groups;
use crate::simd::multiversion;
use crate::{Precision, bf16};

/// Keys of one head, transposed and scaled: `[strips of 16 keys, groups, 16]`.
#[derive(Default)]
pub(super) struct KeyPanels {
    groups: Vec<u32>,
    groups_of_key: usize,
    /// One scaled key.
    scaled: Vec<f32>,
    row: Vec<u32>,
}

impl KeyPanels {
    /// Packs `count` keys, `stride` numbers apart.
    pub(super) fn pack(
        &mut self,
        kernel: ProductKernel,
        keys: &[f32],
        stride: usize,
        count: usize,
        shape: AttentionShape,
    ) {
        let AttentionShape { head_dim, scale, .. } = shape;
        let width = row_groups(kernel.precision(), head_dim);
        self.groups_of_key = width;
        let filled = count.next_multiple_of(PANEL) * width;
        self.groups.resize(self.groups.len().max(filled), 0);
        self.scaled.resize(head_dim, 0.0);
        self.row.resize(width, 0);
        let level = kernel.level();
        for (strip, groups) in self.groups[..filled].chunks_exact_mut(STRIP * width).enumerate() {
            let columns = groups.as_chunks_mut::<STRIP>().0;
            for lane in 0..STRIP {
                let key = strip * STRIP + lane;
                if key >= count {
                    columns.iter_mut().for_each(|out| out[lane] = 0);
                    continue;
                }
                let key = &keys[key * stride..][..head_dim];
                self.scaled.iter_mut().zip(key).for_each(|(out, v)| *out = v * scale);
                let row = match kernel.precision() {
                    Precision::F32 => bits(&self.scaled),
                    _ => {
                        bf16::round_row(level, &self.scaled, &mut self.row);
                        &self.row
                    }
                };
                columns.iter_mut().zip(row).for_each(|(out, group)| out[lane] = *group);
            }
            kernel.panel_order().arrange(columns);
        }
    }

    /// Groups per key.
    pub(super) fn groups(&self) -> usize {
        self.groups_of_key
    }

    pub(super) fn panel(&self, panel: usize) -> PanelView<'_> {
        let size = PANEL * self.groups_of_key;
        let data = &self.groups[panel * size..(panel + 1) * size];
        PanelView {
            data,
            stride: STRIP,
            strip: STRIP * self.groups_of_key,
            ahead: 0,
            columns: PANEL,
        }
    }
}

/// Values of one head in `f32`, used as panels without packing.
pub(super) struct ValueRows<'a> {
    rows: &'a [f32],
    stride: usize,
}

/// `count` rows of values, `stride` numbers apart: borrowed if `head_dim` is a multiple of a
/// panel's width, else copied and padded with zeros.
pub(super) fn value_rows<'a>(
    rows: &'a [f32],
    stride: usize,
    count: usize,
    head_dim: usize,
    copy: &'a mut Vec<f32>,
) -> ValueRows<'a> {
    if head_dim.is_multiple_of(PANEL) {
        return ValueRows { rows, stride };
    }
    let width = head_dim.next_multiple_of(PANEL);
    copy.resize(copy.len().max(count * width), 0.0);
    for (row, out) in copy.chunks_exact_mut(width).take(count).enumerate() {
        out[..head_dim].copy_from_slice(&rows[row * stride..][..head_dim]);
        out[head_dim..].fill(0.0);
    }
    ValueRows { rows: copy, stride: width }
}

impl ValueRows<'_> {
    /// Some rows of panel `column`.
    pub(super) fn panel(&self, rows: Range<usize>, column: usize) -> PanelView<'_> {
        let data = bits(&self.rows[rows.start * self.stride + column * PANEL..]);
        PanelView { data, stride: self.stride, strip: STRIP, ahead: 0, columns: PANEL }
    }
}

/// Values of one head in bf16, two keys per group: `[strips of 16 columns, groups, 16]`.
#[derive(Default)]
pub(super) struct ValuePanels {
    groups: Vec<u32>,
    groups_of_column: usize,
}

impl ValuePanels {
    /// Packs `count` rows of values, `stride` numbers apart.
    pub(super) fn pack(
        &mut self,
        kernel: ProductKernel,
        rows: &[f32],
        stride: usize,
        count: usize,
        head_dim: usize,
    ) {
        let width = row_groups(Precision::Bf16, count);
        self.groups_of_column = width;
        let strips = head_dim.next_multiple_of(PANEL) / STRIP;
        self.groups.resize(self.groups.len().max(strips * width * STRIP), 0);
        let level = kernel.level();
        let groups = self.groups[..strips * width * STRIP].chunks_exact_mut(width * STRIP);
        for (strip, groups) in groups.enumerate() {
            let columns = (strip * STRIP).min(head_dim)..((strip + 1) * STRIP).min(head_dim);
            pair_rows(level, rows, stride, count, columns, groups);
            kernel.panel_order().arrange(groups.as_chunks_mut().0);
        }
    }

    /// Some groups of panel `column`.
    pub(super) fn panel(&self, groups: Range<usize>, column: usize) -> PanelView<'_> {
        let strip = self.groups_of_column * STRIP;
        let start = column * (PANEL / STRIP) * strip;
        let end = start + (PANEL / STRIP - 1) * strip + groups.end * STRIP;
        let data = &self.groups[start + groups.start * STRIP..end];
        PanelView { data, stride: STRIP, strip, ahead: 0, columns: PANEL }
    }
}

/// Interleaves some columns of each two rows; what exceeds the rows or columns becomes 0.
#[inline(always)]
fn pair_rows_body(
    rows: &[f32],
    stride: usize,
    count: usize,
    columns: Range<usize>,
    groups: &mut [u32],
) {
    for (pair, out) in groups.as_chunks_mut::<STRIP>().0.iter_mut().enumerate() {
        let row = |row: usize| {
            let mut values = [0.0; STRIP];
            if row < count {
                let columns = &rows[row * stride + columns.start..][..columns.len()];
                match columns.first_chunk() {
                    Some(whole) => values = *whole,
                    None => values[..columns.len()].copy_from_slice(columns),
                }
            }
            values
        };
        let (first, second) = (row(2 * pair), row(2 * pair + 1));
        for ((out, a), b) in out.iter_mut().zip(first).zip(second) {
            *out = u32::from(bf16::round(a)) | u32::from(bf16::round(b)) << 16;
        }
    }
}

multiversion!(fn pair_rows(rows: &[f32], stride: usize, count: usize, columns: Range<usize>, groups: &mut [u32]) = pair_rows_body);
