//! Divides a product among threads.

use std::ops::Range;

use rayon::prelude::*;

/// Limits on the number of rows per task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocking {
    /// At most this many.
    pub(crate) max_rows: usize,
    /// A multiple of this, except in the last task.
    pub(crate) step: usize,
}

/// The rows and panels of a product, divided into tasks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    rows: usize,
    panels: usize,
    rows_per_task: usize,
    panels_per_task: usize,
}

impl Grid {
    /// Plans a number of row blocks that divides evenly among the threads. If there are too few
    /// rows for that, panels are divided as well.
    pub(crate) fn plan(rows: usize, panels: usize, threads: usize, blocking: Blocking) -> Self {
        let Blocking { max_rows, step } = blocking;
        let row_tasks = rows.div_ceil(max_rows);
        let (row_tasks, panel_tasks) = match row_tasks >= threads {
            true => (row_tasks.next_multiple_of(threads), 1),
            false => (row_tasks, threads.div_ceil(row_tasks)),
        };
        let rows_per_task = rows.div_ceil(row_tasks).next_multiple_of(step);
        let panels_per_task = panels.div_ceil(panel_tasks);
        Self { rows, panels, rows_per_task, panels_per_task }
    }

    pub(crate) fn has_whole_rows(&self) -> bool {
        self.panels_per_task == self.panels
    }

    /// Runs `task(rows, panels)` for each cell, on the current pool.
    pub(crate) fn run(&self, task: impl Fn(Range<usize>, Range<usize>) + Sync) {
        let panel_tasks = self.panels.div_ceil(self.panels_per_task);
        let row_tasks = self.rows.div_ceil(self.rows_per_task);
        let cell = |cell: usize| {
            let row = cell / panel_tasks * self.rows_per_task;
            let panel = cell % panel_tasks * self.panels_per_task;
            task(
                row..(row + self.rows_per_task).min(self.rows),
                panel..(panel + self.panels_per_task).min(self.panels),
            );
        };
        match row_tasks * panel_tasks {
            // Not worth handing to another thread.
            1 => cell(0),
            n => (0..n).into_par_iter().with_max_len(1).for_each(cell),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_grid_covers_every_cell_once(rows in 1usize..700, panels in 1usize..50, threads in 1usize..17, tiles in any::<bool>()) {
            let step = if tiles { 16 } else { 1 };
            let grid = Grid::plan(rows, panels, threads, Blocking { max_rows: 96, step });
            prop_assert!(grid.rows_per_task <= 96 && grid.rows_per_task.is_multiple_of(step));
            let seen = std::sync::Mutex::new(vec![0; rows * panels]);
            grid.run(|r, p| {
                let mut seen = seen.lock().unwrap();
                r.for_each(|r| p.clone().for_each(|p| seen[r * panels + p] += 1));
            });
            prop_assert!(seen.into_inner().unwrap().iter().all(|n| *n == 1));
        }
    }
}
