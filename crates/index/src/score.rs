//! The exact scores of the documents in some blocks.

use std::ops::Range;

use crate::format::BLOCK_DOCS;
use crate::lists::{CHUNK_BLOCKS, TermList};
use crate::weights::{StoredWeight, Weights};

/// The value of a sum before a term is added: `-0.0 + x` is `x`, products of non-zero `f32` are not
/// zero in `f64`, and cancellation gives `+0.0`.
pub(crate) const UNTOUCHED: f64 = -0.0;

/// Maximum number of blocks scored at once.
pub(crate) const MAX_BATCH: usize = 1 << 14;
/// A list is searched for each block if it has more than this many entries per block, and read from
/// end to end otherwise.
const SEARCH_FROM: usize = 12;
/// Number of entries that a search skips, or counts, at once.
const STRIDE: usize = 16;

/// Whether any term was added to a sum.
pub(crate) fn is_touched(sum: f64) -> bool {
    sum.to_bits() != UNTOUCHED.to_bits()
}

/// A query term that occurs in documents.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueryTerm<'a> {
    pub(crate) weight: f32,
    pub(crate) list: TermList<'a>,
}

/// Blocks that are scored together, and buffers for it.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The blocks, sorted; at most [`MAX_BATCH`].
    pub(crate) blocks: Vec<u32>,
    /// The sums of their documents.
    pub(crate) sums: Vec<[f64; BLOCK_DOCS]>,
    /// For each block of the index, its slot in `blocks`, from 1; 0 if it has none.
    slots: Vec<u16>,
    /// Entry and slot of each block that has a term.
    found: Vec<(u32, u16)>,
    /// First weight, mask and slot of the same blocks.
    ready: Vec<(usize, u8, u16)>,
}

impl Batch {
    /// Sums the products of all terms, by ascending term, for each document of the blocks.
    ///
    /// `None` if a list is damaged.
    pub(crate) fn score(
        &mut self,
        terms: &[QueryTerm<'_>],
        weights: Weights<'_>,
        n_blocks: usize,
    ) -> Option<()> {
        self.sums.clear();
        self.sums.resize(self.blocks.len(), [UNTOUCHED; BLOCK_DOCS]);
        self.slots.resize(n_blocks, 0);
        for (slot, &block) in (1..).zip(&self.blocks) {
            self.slots[block as usize] = slot;
        }
        let done = match weights {
            Weights::F32(weights) => terms.iter().try_for_each(|term| self.add(term, weights)),
            Weights::F16(weights) => terms.iter().try_for_each(|term| self.add(term, weights)),
            Weights::U8(weights) => terms.iter().try_for_each(|term| self.add(term, weights)),
        };
        for &block in &self.blocks {
            self.slots[block as usize] = 0;
        }
        done
    }

    /// Adds one term in three passes, each with a different memory-access pattern: find the term's
    /// blocks, find its weights, add to the sums.
    fn add<W: StoredWeight>(&mut self, term: &QueryTerm<'_>, weights: &[W]) -> Option<()> {
        let list = term.list;
        let n_found = if list.dense { self.find_dense(list) } else { self.find_sparse(list)? };
        let Self { sums, found, ready, .. } = self;
        ready.clear();
        for &(entry, slot) in &found[..n_found] {
            let entry = entry as usize;
            ready.push((list.weight_at(entry)?, list.mask(entry), slot));
        }
        for &(mut at, mut mask, slot) in &*ready {
            let sums = sums.get_mut(usize::from(slot) - 1)?;
            while mask != 0 {
                let product =
                    f64::from(term.weight) * f64::from(weights.get(at)?.value(list.scale));
                *sums.get_mut(mask.trailing_zeros() as usize)? += product;
                mask &= mask - 1;
                at += 1;
            }
        }
        Some(())
    }

    /// Finds the blocks that have a term, in a list with an entry for every block. Returns their
    /// number.
    fn find_dense(&mut self, list: TermList<'_>) -> usize {
        let found = room(&mut self.found, self.blocks.len());
        let mut n_found = 0;
        // Writes all and overwrites some, since branches would be mispredicted.
        for (slot, &block) in (1..).zip(&self.blocks) {
            found[n_found] = (block, slot);
            n_found += usize::from(list.mask(block as usize) != 0);
        }
        n_found
    }

    fn find_sparse(&mut self, list: TermList<'_>) -> Option<usize> {
        let (mut n_found, mut start) = (0, 0);
        while let Some(&block) = self.blocks.get(start) {
            let chunk = block as usize / CHUNK_BLOCKS;
            let n = self.blocks[start..].partition_point(|&b| b as usize / CHUNK_BLOCKS == chunk);
            n_found = self.find_in_chunk(list, chunk, start..start + n, n_found)?;
            start += n;
        }
        Some(n_found)
    }

    /// Finds the blocks that have a term among those at `slots`, which are in one chunk.
    fn find_in_chunk(
        &mut self,
        list: TermList<'_>,
        chunk: usize,
        slots: Range<usize>,
        mut n_found: usize,
    ) -> Option<usize> {
        let (first, low, _) = list.chunk(chunk)?;
        let blocks = &self.blocks[slots.clone()];
        let low_of = |block: u32| (block as usize % CHUNK_BLOCKS) as u16;
        let (least, most) = (low_of(*blocks.first()?), low_of(*blocks.last()?));
        let start = low.partition_point(|&low| low < least);
        let end = low.partition_point(|&low| low <= most).max(start);
        let (first, low) = ((first + start) as u32, &low[start..end]);
        if blocks.len() * SEARCH_FROM < low.len() {
            let found = room(&mut self.found, n_found + blocks.len());
            let mut at = 0;
            for (slot, &block) in (slots.start as u16 + 1..).zip(blocks) {
                at = skip_to(low, at, low_of(block));
                found[n_found] = (first + at as u32, slot);
                n_found += usize::from(low.get(at) == Some(&low_of(block)));
            }
            return Some(n_found);
        }
        let found = room(&mut self.found, n_found + low.len());
        let slot_of = self.slots.get(chunk * CHUNK_BLOCKS..)?;
        for (entry, &low) in (first..).zip(low) {
            let slot = *slot_of.get(usize::from(low))?;
            found[n_found] = (entry, slot);
            n_found += usize::from(slot != 0);
        }
        Some(n_found)
    }
}

/// The buffer, with space for `n` entries and one to overwrite.
fn room(found: &mut Vec<(u32, u16)>, n: usize) -> &mut [(u32, u16)] {
    if found.len() <= n {
        found.resize(n + 1, (0, 0));
    }
    found
}

/// The first position from `at` whose value is at least `target`.
fn skip_to(low: &[u16], mut at: usize, target: u16) -> usize {
    while let Some(&last) = low.get(at + STRIDE - 1)
        && last < target
    {
        at += STRIDE;
    }
    match low[at..].first_chunk::<STRIDE>() {
        // Counted without branches, eight at a time.
        Some(stride) => {
            at + stride.iter().map(|&low| u16::from(low < target)).sum::<u16>() as usize
        }
        None => at + low[at..].iter().take_while(|&&low| low < target).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipping_finds_the_first_that_is_not_below() {
        let low: Vec<u16> = (0..100).map(|i| i * 3).collect();
        for n in 0..100 {
            for target in 0..310 {
                for at in [0, 1, 17, n].into_iter().filter(|&at| at <= n) {
                    let expected = low[..n].partition_point(|&low| low < target).max(at);
                    assert_eq!(skip_to(&low[..n], at, target), expected);
                }
            }
        }
    }
}
