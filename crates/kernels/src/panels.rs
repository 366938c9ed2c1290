//! Weights packed for products: panels of 64 columns, the numbers of a group of inputs side by side.
//!
//! A group is 32 bits of one column: an `f32`, two bf16, or four 8-bit integers. Vector instructions
//! take 16 columns' groups at a time, AMX tiles 16 groups of 16 columns; both read this one layout.

use std::ops::Range;

use rayon::prelude::*;

use crate::product::PanelView;

/// Columns of a panel.
pub(crate) const PANEL: usize = 64;

/// `[panels, groups, PANEL]`, in whole cache lines.
#[derive(Clone, Debug)]
pub(crate) struct Panels {
    lines: Vec<Line>,
    groups: usize,
}

/// Aligned, so that no load straddles two cache lines.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u32; LINE]);

const LINE: usize = 16;

impl Panels {
    /// Packs `columns` columns of `groups` groups; `fill(column, groups)` writes those of one column
    /// into zeros. Columns that fill up the last panel have `padding` in every group. Returns what
    /// `fill` did too, column by column.
    pub(crate) fn pack<T: Send>(
        columns: usize,
        groups: usize,
        padding: u32,
        fill: impl Fn(usize, &mut [u32]) -> T + Sync,
    ) -> (Self, Vec<T>) {
        let n_panels = columns.div_ceil(PANEL);
        let lines_per_panel = groups * PANEL / LINE;
        let mut lines = vec![Line([padding; LINE]); n_panels * lines_per_panel];
        let panels = lines.par_chunks_exact_mut(lines_per_panel.max(1)).enumerate();
        let pack_panel = |column_groups: &mut Vec<u32>, (panel, lines): (usize, &mut [Line])| {
            let pack_column = |lane: usize| {
                column_groups.fill(0);
                let filled = fill(panel * PANEL + lane, column_groups);
                let place = lines.iter_mut().skip(lane / LINE).step_by(PANEL / LINE);
                place.zip(&*column_groups).for_each(|(line, group)| line.0[lane % LINE] = *group);
                filled
            };
            (0..PANEL.min(columns - panel * PANEL)).map(pack_column).collect::<Vec<T>>()
        };
        let filled: Vec<Vec<T>> = panels.map_init(|| vec![0; groups], pack_panel).collect();
        (Self { lines, groups }, filled.into_iter().flatten().collect())
    }

    pub(crate) fn n_panels(&self) -> usize {
        (self.lines.len() * LINE).checked_div(self.groups * PANEL).unwrap_or(0)
    }

    /// Groups of a column.
    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    /// Some groups of the columns of one panel.
    pub(crate) fn panel(&self, panel: usize, groups: Range<usize>) -> PanelView<'_> {
        let start = panel * self.groups;
        let lines = (start + groups.start) * PANEL / LINE..(start + groups.end) * PANEL / LINE;
        PanelView { data: flat(&self.lines[lines]), stride: PANEL }
    }

    /// Bytes that it holds.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of_val(self.lines.as_slice())
    }
}

/// The groups of whole lines.
fn flat(lines: &[Line]) -> &[u32] {
    // SAFETY: a `Line` is an array of `LINE` numbers without padding (16 * 4 bytes, its alignment).
    unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), lines.len() * LINE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_where_they_were_packed() {
        for (columns, groups) in [(1, 1), (64, 3), (70, 5), (200, 16), (3, 0)] {
            let value = |column: usize, group: usize| (column * 1000 + group) as u32;
            let (panels, filled) = Panels::pack(columns, groups, 9, |column, out| {
                assert!(out.iter().all(|group| *group == 0));
                out.iter_mut().enumerate().for_each(|(g, out)| *out = value(column, g));
                column
            });
            let n_filled = if groups == 0 { 0 } else { columns };
            assert_eq!(filled, (0..n_filled).collect::<Vec<_>>());
            assert_eq!(panels.n_panels(), if groups == 0 { 0 } else { columns.div_ceil(PANEL) });
            for panel in 0..panels.n_panels() {
                let view = panels.panel(panel, 0..groups);
                for (i, &found) in view.data.iter().enumerate() {
                    let (group, column) = (i / PANEL, panel * PANEL + i % PANEL);
                    assert_eq!(found, if column < columns { value(column, group) } else { 9 });
                }
                let tail = panels.panel(panel, groups / 2..groups);
                assert_eq!(tail.data, &view.data[groups / 2 * PANEL..]);
            }
        }
    }
}
