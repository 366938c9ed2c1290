//! Divides the product of texts' tokens with a decoder among threads.

use std::ops::Range;

use rayon::prelude::*;

use crate::Offsets;

/// Tasks per thread: several, since texts differ in length.
const TASKS_PER_THREAD: usize = 4;

/// Groups of whole texts by panels: a task has all tokens of its texts.
pub(crate) struct TextGrid {
    texts: Vec<Range<usize>>,
    panels: usize,
    panels_per_task: usize,
}

impl TextGrid {
    /// Plans tasks of consecutive texts with at most `max_rows` tokens in total, or of one longer
    /// text.
    pub(crate) fn plan(offsets: Offsets<'_>, panels: usize, max_rows: usize) -> Self {
        let mut texts: Vec<Range<usize>> = Vec::new();
        for text in 0..offsets.n_texts() {
            match texts.last_mut() {
                Some(last) if offsets.tokens(last.start..text + 1).len() <= max_rows => {
                    last.end = text + 1;
                }
                _ => texts.push(text..text + 1),
            }
        }
        let wanted = TASKS_PER_THREAD * rayon::current_num_threads();
        let panel_tasks = wanted.div_ceil(texts.len().max(1));
        Self { texts, panels, panels_per_task: panels.div_ceil(panel_tasks).max(1) }
    }

    /// Runs `task(texts, panels)` for each cell, on the current pool. Results are in order: the
    /// cells of a group of texts are consecutive, with ascending panels.
    pub(crate) fn run<T: Send>(
        &self,
        task: impl Fn(Range<usize>, Range<usize>) -> T + Sync,
    ) -> Vec<T> {
        let panel_tasks = self.panels.div_ceil(self.panels_per_task);
        let cell = |cell: usize| {
            let start = cell % panel_tasks * self.panels_per_task;
            let panels = start..(start + self.panels_per_task).min(self.panels);
            task(self.texts[cell / panel_tasks].clone(), panels)
        };
        (0..self.texts.len() * panel_tasks).into_par_iter().with_max_len(1).map(cell).collect()
    }
}

/// For each of some texts that is not empty, its rows among the tokens of all of them.
pub(crate) fn rows_of(
    offsets: Offsets<'_>,
    texts: Range<usize>,
) -> impl Iterator<Item = (usize, Range<usize>)> + Clone {
    let first = offsets.tokens(texts.clone()).start;
    let rows = move |text: usize| {
        let tokens = offsets.range(text);
        (text, tokens.start - first..tokens.end - first)
    };
    texts.map(rows).filter(|(_, rows)| !rows.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples::offsets;

    proptest! {
        #[test]
        fn every_text_meets_every_panel_once(
            lengths in prop::collection::vec(0usize..=50, 0..9), panels in 1usize..40, max_rows in 1usize..100,
        ) {
            let offsets = offsets(&lengths);
            let offsets = Offsets::new(&offsets);
            let grid = TextGrid::plan(offsets, panels, max_rows);
            let cells = grid.run(|texts, panels| (texts, panels));
            let mut seen = vec![0; lengths.len() * panels];
            for (texts, some) in cells {
                let tokens: usize = lengths[texts.clone()].iter().sum();
                prop_assert!(tokens <= max_rows || texts.len() == 1);
                for (text, rows) in rows_of(offsets, texts.clone()) {
                    prop_assert_eq!(rows.len(), lengths[text]);
                    prop_assert_eq!(rows.start, lengths[texts.start..text].iter().sum::<usize>());
                }
                texts.for_each(|text| some.clone().for_each(|panel| seen[text * panels + panel] += 1));
            }
            prop_assert!(seen.iter().all(|n| *n == 1));
        }
    }
}
