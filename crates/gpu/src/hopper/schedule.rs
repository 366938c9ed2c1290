//! Which products the kernel computes, in which tiles, and how many tokens a pass should have.

use super::sizes::{GROUP, TILE_COLUMNS, TILE_DEPTH, TILE_ROWS};

/// 16-bit numbers in 16 bytes. The copy engine requires rows of a multiple of that.
const COPIED: usize = 8;
/// Tokens of a pass that a large card needs; see `TOKENS_OF_GPU` of the facade.
const TOKENS: usize = 16_384;

/// A product of `rows` x `depth` and `columns` x `depth`, as the kernel divides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    rows: usize,
    columns: usize,
    row_tiles: usize,
    column_tiles: usize,
    /// Steps of the inner width per tile.
    steps: usize,
}

impl Schedule {
    /// A layer: rows are tokens. `None` for shapes that the kernel does not support.
    pub(crate) fn of_layer(tokens: usize, out: usize, depth: usize) -> Option<Self> {
        out.is_multiple_of(COPIED).then(|| Self::of(tokens, out, depth)).flatten()
    }

    /// The head: rows are words, columns are tokens. `None` for shapes that the kernel does not
    /// support.
    pub(crate) fn of_head(vocab: usize, tokens: usize, depth: usize) -> Option<Self> {
        Self::of(vocab, tokens, depth)
    }

    fn of(rows: usize, columns: usize, depth: usize) -> Option<Self> {
        // Indices within the kernel are 32-bit, and signed where the copy engine reads them.
        let is_indexed = |size: usize| (1..=1 << 30).contains(&size);
        let fits = [rows, columns, depth].into_iter().all(is_indexed);
        let schedule = Self {
            rows,
            columns,
            row_tiles: rows.div_ceil(TILE_ROWS),
            column_tiles: columns.div_ceil(TILE_COLUMNS),
            steps: depth.div_ceil(TILE_DEPTH),
        };
        let is_counted = schedule.tiles() + GROUP * schedule.column_tiles <= 1 << 31;
        (fits && depth.is_multiple_of(COPIED) && is_counted).then_some(schedule)
    }

    fn tiles(&self) -> usize {
        self.row_tiles * self.column_tiles
    }

    /// Blocks to launch: one per multiprocessor, at most one per tile.
    pub(crate) fn blocks(&self, multiprocessors: usize) -> u32 {
        self.tiles().min(multiprocessors.max(1)) as u32
    }

    /// The struct `Args` of the kernel.
    pub(crate) fn arguments(&self, vocab: usize) -> [u32; 8] {
        let Self { rows, columns, row_tiles, column_tiles, steps } = *self;
        [rows, columns, row_tiles, column_tiles, steps, vocab, 0, 0].map(|size| size as u32)
    }

    /// The row and the column of a tile: the kernel's `tile_of`.
    #[cfg(test)]
    fn tile(&self, index: usize) -> (usize, usize) {
        let per_group = GROUP * self.column_tiles;
        let (first, rest) = (index / per_group * GROUP, index % per_group);
        let here = GROUP.min(self.row_tiles - first);
        (first + rest % here, rest / here)
    }
}

/// Tokens of a pass on a card: the multiple of a row of tiles on each multiprocessor that is
/// nearest to 16,384, but at least one. On 132 multiprocessors these are 16,896, and a layer of 768
/// columns is then three full waves of tiles instead of 2.91.
pub(crate) fn pass_tokens(multiprocessors: usize) -> usize {
    let wave = TILE_ROWS * multiprocessors.max(1);
    wave * ((2 * TOKENS + wave) / (2 * wave)).max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn blocks_cover_each_tile_once(
            rows in 1usize..4000, columns in 1usize..4000, multiprocessors in 1usize..200,
        ) {
            let schedule = Schedule::of(rows, columns, 64).unwrap();
            let blocks = schedule.blocks(multiprocessors) as usize;
            prop_assert!((1..=multiprocessors).contains(&blocks));
            let indices = (0..blocks).flat_map(|b| (b..schedule.tiles()).step_by(blocks));
            let tiles: Vec<_> = indices.map(|index| schedule.tile(index)).collect();
            let mut expected = BTreeSet::new();
            for row in (0..rows).step_by(TILE_ROWS) {
                for column in (0..columns).step_by(TILE_COLUMNS) {
                    expected.insert((row / TILE_ROWS, column / TILE_COLUMNS));
                }
            }
            prop_assert_eq!(tiles.len(), expected.len());
            prop_assert_eq!(tiles.into_iter().collect::<BTreeSet<_>>(), expected);
        }

        #[test]
        fn steps_cover_the_inner_width(depth in 1usize..9000) {
            let depth = depth * COPIED;
            let steps = Schedule::of(1, 1, depth).unwrap().steps;
            prop_assert!((steps - 1) * TILE_DEPTH < depth && depth <= steps * TILE_DEPTH);
        }

        #[test]
        fn a_pass_is_full_waves_near_the_usual_tokens(multiprocessors in 1usize..400) {
            let tokens = pass_tokens(multiprocessors);
            let wave = TILE_ROWS * multiprocessors;
            prop_assert!(tokens > 0 && tokens.is_multiple_of(wave));
            let off = |tokens: usize| tokens.abs_diff(TOKENS);
            prop_assert!(off(tokens) <= off(tokens + wave));
            prop_assert!(tokens == wave || off(tokens) <= off(tokens - wave));
        }
    }

    #[test]
    fn passes_of_known_cards() {
        // H100 SXM and H200, H100 PCIe, H800 with 78.
        for (multiprocessors, tokens) in [(132, 16_896), (114, 14_592), (78, 19_968)] {
            assert_eq!(pass_tokens(multiprocessors), tokens);
        }
    }

    #[test]
    fn a_layer_of_a_full_pass_is_three_full_waves() {
        let schedule = Schedule::of_layer(pass_tokens(132), 768, 768).unwrap();
        assert_eq!((schedule.tiles(), schedule.blocks(132)), (396, 132));
        assert_eq!(schedule.arguments(0), [16_896, 768, 132, 3, 12, 0, 0, 0]);
    }

    #[test]
    fn rows_that_the_copy_engine_cannot_copy_are_not_supported() {
        assert!(Schedule::of_layer(300, 264, 200).is_some());
        for (tokens, out, depth) in
            [(300, 260, 192), (300, 264, 196), (0, 264, 192), (300, 0, 192), (300, 264, 0)]
        {
            assert_eq!(Schedule::of_layer(tokens, out, depth), None);
        }
        // Logits are not copied out, so a vocabulary may have any size.
        assert!(Schedule::of_head(30_522, 300, 768).is_some());
        assert_eq!(Schedule::of_head(30_522, 300, 100), None);
        assert_eq!(Schedule::of_head(usize::MAX, 300, 768), None);
        assert_eq!(Schedule::of_head(1 << 30, 1 << 30, 768), None);
    }
}
