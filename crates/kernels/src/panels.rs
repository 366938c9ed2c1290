//! Weights packed for products: panels of 64 columns, in groups of 32 bits.
//!
//! A group is 32 bits of one column: an `f32`, two bf16, or four 8-bit integers. A panel consists
//! of four strips of 16 columns; the groups of a strip follow each other in memory. Vector
//! instructions read one group of a strip at a time, AMX tiles 16 of them: both use this layout.

use std::ops::Range;

use rayon::prelude::*;

use crate::huge_pages::{LINE, Line, Lines};
use crate::product::PanelView;

/// Columns per panel.
pub(crate) const PANEL: usize = 64;
/// Columns per strip: one cache line of groups.
pub(crate) const STRIP: usize = LINE;
/// Strips per panel.
const STRIPS: usize = PANEL / STRIP;

/// The order of the groups of a strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PanelOrder {
    /// A line of sixteen columns for each group.
    Lines,
    /// For each two groups, both of a column side by side: `[groups / 2, STRIP, 2]`.
    #[cfg_attr(not(target_arch = "aarch64"), allow(dead_code, reason = "ARM alone has it"))]
    Pairs,
}

impl PanelOrder {
    /// Turns a strip's lines, an even number of them, into this order.
    pub(crate) fn arrange(self, lines: &mut [[u32; STRIP]]) {
        if self == Self::Lines {
            return;
        }
        for [first, second] in lines.as_chunks_mut::<2>().0 {
            let both = [*first, *second];
            let at = |i: usize| both[i % 2][i / 2];
            *first = std::array::from_fn(at);
            *second = std::array::from_fn(|i| at(STRIP + i));
        }
    }

    /// The line and lane of a column's group.
    fn position(self, group: usize, column: usize) -> (usize, usize) {
        match self {
            Self::Lines => (group, column),
            Self::Pairs => {
                let index = 2 * column + group % 2;
                (group / 2 * 2 + index / STRIP, index % STRIP)
            }
        }
    }
}

/// `[panels, STRIPS, groups, STRIP]`, in whole cache lines.
#[derive(Clone, Debug)]
pub(crate) struct Panels {
    lines: Lines,
    groups: usize,
    order: PanelOrder,
}

impl Panels {
    /// Packs `columns` columns of `groups` groups. `fill(column, groups)` writes the groups of one
    /// column, which start as zeros. The columns that pad the last panel have `padding` in every
    /// group. Also returns the results of `fill`, by column.
    pub(crate) fn pack<T: Send>(
        columns: usize,
        groups: usize,
        order: PanelOrder,
        padding: u32,
        fill: impl Fn(usize, &mut [u32]) -> T + Sync,
    ) -> (Self, Vec<T>) {
        let n_panels = columns.div_ceil(PANEL);
        let lines_per_panel = groups * STRIPS;
        let mut lines = Lines::zeros(n_panels * lines_per_panel);
        let panels = lines.par_chunks_exact_mut(lines_per_panel.max(1)).enumerate();
        let pack_panel = |column_groups: &mut Vec<u32>, (panel, lines): (usize, &mut [Line])| {
            if padding != 0 {
                lines.fill(Line([padding; STRIP]));
            }
            let pack_column = |lane: usize| {
                column_groups.fill(0);
                let filled = fill(panel * PANEL + lane, column_groups);
                let strip = &mut lines[lane / STRIP * groups..];
                for (group, value) in column_groups.iter().enumerate() {
                    let (line, lane) = order.position(group, lane % STRIP);
                    strip[line].0[lane] = *value;
                }
                filled
            };
            (0..PANEL.min(columns - panel * PANEL)).map(pack_column).collect::<Vec<T>>()
        };
        let filled: Vec<Vec<T>> = panels.map_init(|| vec![0; groups], pack_panel).collect();
        (Self { lines, groups, order }, filled.into_iter().flatten().collect())
    }

    pub(crate) fn n_panels(&self) -> usize {
        self.lines.len().checked_div(self.groups * STRIPS).unwrap_or(0)
    }

    /// Groups per column.
    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    /// Some groups of one panel.
    pub(crate) fn panel(&self, panel: usize, groups: Range<usize>) -> PanelView<'_> {
        let lines = &self.lines[panel * STRIPS * self.groups..(panel + 1) * STRIPS * self.groups];
        let end = lines.len() - self.groups + groups.end;
        let data = flat(&lines[groups.start..end]);
        PanelView { data, stride: STRIP, strip: self.groups * STRIP, ahead: 0, columns: PANEL }
    }

    /// Distance from a panel's groups to those of the next panel.
    pub(crate) fn next_panel(&self) -> usize {
        self.groups * PANEL
    }

    /// The groups of one column.
    pub(crate) fn column(&self, column: usize) -> impl Iterator<Item = u32> + '_ {
        let strip = &self.lines[column / STRIP * self.groups..][..self.groups];
        (0..self.groups).map(move |group| {
            let (line, lane) = self.order.position(group, column % STRIP);
            strip[line].0[lane]
        })
    }

    /// Bytes of all panels.
    #[cfg(test)]
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of_val::<[Line]>(&self.lines)
    }
}

/// The groups of whole lines, as one slice.
pub(crate) fn flat(lines: &[Line]) -> &[u32] {
    // SAFETY: a `Line` is an array of `STRIP` numbers without padding (16 * 4 bytes, its
    // alignment).
    unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), lines.len() * STRIP) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_where_they_were_packed() {
        for (columns, groups) in [(1, 1), (64, 3), (70, 5), (200, 16), (3, 0)] {
            let value = |column: usize, group: usize| (column * 1000 + group) as u32;
            let (panels, filled) =
                Panels::pack(columns, groups, PanelOrder::Lines, 9, |column, out| {
                    assert!(out.iter().all(|group| *group == 0));
                    out.iter_mut().enumerate().for_each(|(g, out)| *out = value(column, g));
                    column
                });
            let n_filled = if groups == 0 { 0 } else { columns };
            assert_eq!(filled, (0..n_filled).collect::<Vec<_>>());
            assert_eq!(panels.n_panels(), if groups == 0 { 0 } else { columns.div_ceil(PANEL) });
            for panel in 0..panels.n_panels() {
                for part in [0..groups, groups / 2..groups, 0..groups / 2] {
                    let view = panels.panel(panel, part.clone());
                    for (g, group) in part.enumerate() {
                        for lane in 0..PANEL {
                            let column = panel * PANEL + lane;
                            let expected = if column < columns { value(column, group) } else { 9 };
                            let at = lane / STRIP * view.strip + g * view.stride + lane % STRIP;
                            assert_eq!(view.data[at], expected);
                        }
                    }
                }
            }
            for column in 0..filled.len() {
                let found: Vec<u32> = panels.column(column).collect();
                assert_eq!(found, (0..groups).map(|g| value(column, g)).collect::<Vec<_>>());
            }
        }
    }
}
