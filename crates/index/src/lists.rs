//! A term's list: the documents in which it occurs, and a bound of its weights in each block of
//! them.
//!
//! The term table has `[u64; 4]` for each term that occurs, sorted by term: offset of its list;
//! index of its first weight; term | entries << 32; bits of its scale | kind << 32. An entry is a
//! block that has the term; in lists of kind 0, for terms in many blocks, every block is an entry.
//! A list starts at a multiple of 8 and consists of:
//!
//! * kind 1 only: for each 65,536 blocks, the start of their entries, and finally the end (u32);
//! * for every 8 entries, the number of weights before them (u32);
//! * kind 1 only: the lower halves of the block numbers (u16);
//! * codes (u8): `code * scale` is the largest magnitude in the block, rounded up, so never below
//!   it; `f32 * u8` is exact in `f64`. 0 if the block does not have the term;
//! * zeros up to a multiple of 8;
//! * masks (u8): bit `i` is set if document `i` of the block has the term;
//! * zeros up to a multiple of 8.

use crate::format::BLOCK_DOCS;

/// Number of blocks that one chunk of a list of kind 1 covers.
pub(crate) const CHUNK_BLOCKS: usize = 1 << 16;
/// The number of weights before an entry is stored for every this many entries.
const RANK_ENTRIES: usize = 8;
/// A list has an entry for every block if more than one block in this many has the term: reading
/// entries in order is that much faster than following block numbers.
const DENSE_FROM: usize = 8;

const DENSE: u32 = 0;
const SPARSE: u32 = 1;

/// An entry of the term table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TermEntry {
    pub(crate) term: u32,
    pub(crate) n_entries: u32,
    pub(crate) scale: f32,
    /// Index of the term's first weight.
    pub(crate) first_weight: u64,
    offset: u64,
    kind: u32,
}

impl TermEntry {
    pub(crate) fn encode(self) -> [u64; 4] {
        [
            self.offset,
            self.first_weight,
            u64::from(self.term) | u64::from(self.n_entries) << 32,
            u64::from(self.scale.to_bits()) | u64::from(self.kind) << 32,
        ]
    }

    pub(crate) fn decode(words: [u64; 4]) -> Self {
        Self {
            offset: words[0],
            first_weight: words[1],
            term: words[2] as u32,
            n_entries: (words[2] >> 32) as u32,
            scale: f32::from_bits(words[3] as u32),
            kind: (words[3] >> 32) as u32,
        }
    }

    /// The term of an undecoded entry.
    pub(crate) fn term_of(words: &[u64; 4]) -> u32 {
        words[2] as u32
    }

    /// The list, in the section `lists`; `None` if it is damaged.
    pub(crate) fn list<'a>(self, lists: &'a [u8], n_blocks: usize) -> Option<TermList<'a>> {
        // A scale from a damaged file could turn bounds into NaN.
        if !(self.scale.is_finite() && self.scale > 0.0) || self.kind > SPARSE {
            return None;
        }
        let dense = self.kind == DENSE;
        let n = self.n_entries as usize;
        if dense && n != n_blocks {
            return None;
        }
        let mut rest = lists.get(usize::try_from(self.offset).ok()?..)?;
        let mut take = |len: usize| {
            let part;
            (part, rest) = rest.split_at_checked(len)?;
            Some(part)
        };
        let n_starts = if dense { 0 } else { n_blocks.div_ceil(CHUNK_BLOCKS) + 1 };
        let n_ranks = n.div_ceil(RANK_ENTRIES);
        let starts: &[u32] = bytemuck::try_cast_slice(take(4 * n_starts)?).ok()?;
        let ranks = bytemuck::try_cast_slice(take(4 * n_ranks)?).ok()?;
        let low = bytemuck::try_cast_slice(take(if dense { 0 } else { 2 * n })?).ok()?;
        let codes = take(n)?;
        let before = 4 * (n_starts + n_ranks) + size_of_val(low) + n;
        take(before.next_multiple_of(8) - before)?;
        let masks = take(n.next_multiple_of(RANK_ENTRIES))?.as_chunks().0;
        let in_order = starts.windows(2).all(|pair| pair[0] <= pair[1]);
        let inside = starts.last().is_none_or(|&end| end as usize <= n);
        let first_weight = usize::try_from(self.first_weight).ok()?;
        let scale = self.scale;
        (in_order && inside).then_some(TermList {
            dense,
            starts,
            ranks,
            low,
            codes,
            masks,
            first_weight,
            scale,
        })
    }
}

/// A term's list, borrowed from a file that may be damaged: its arrays have the right lengths and
/// `starts` is sorted, but nothing else is certain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TermList<'a> {
    /// Whether every block is an entry.
    pub(crate) dense: bool,
    pub(crate) starts: &'a [u32],
    pub(crate) low: &'a [u16],
    pub(crate) codes: &'a [u8],
    pub(crate) scale: f32,
    ranks: &'a [u32],
    masks: &'a [[u8; RANK_ENTRIES]],
    first_weight: usize,
}

impl<'a> TermList<'a> {
    /// The entries in a chunk of blocks, for a list that does not have every block: the index of
    /// the first entry, the block numbers relative to the chunk, and their codes.
    pub(crate) fn chunk(self, chunk: usize) -> Option<(usize, &'a [u16], &'a [u8])> {
        let part = *self.starts.get(chunk)? as usize..*self.starts.get(chunk + 1)? as usize;
        Some((part.start, self.low.get(part.clone())?, self.codes.get(part)?))
    }

    /// Which documents of an entry's block have the term.
    #[inline(always)]
    pub(crate) fn mask(self, entry: usize) -> u8 {
        self.masks.get(entry / RANK_ENTRIES).map_or(0, |masks| masks[entry % RANK_ENTRIES])
    }

    /// Index of the first weight of an entry.
    #[inline(always)]
    pub(crate) fn weight_at(self, entry: usize) -> Option<usize> {
        let group = entry / RANK_ENTRIES;
        let rank = *self.ranks.get(group)? as usize;
        let before = (1_u64 << (8 * (entry % RANK_ENTRIES))) - 1;
        let masks = u64::from_le_bytes(*self.masks.get(group)?) & before;
        Some(self.first_weight.wrapping_add(rank).wrapping_add(masks.count_ones() as usize))
    }

    /// The entry of a block.
    pub(crate) fn find(self, block: usize) -> Option<usize> {
        if self.dense {
            return Some(block);
        }
        let (first, low, _) = self.chunk(block / CHUNK_BLOCKS)?;
        Some(first + low.binary_search(&((block % CHUNK_BLOCKS) as u16)).ok()?)
    }

    /// All entries with their blocks, sorted by block.
    pub(crate) fn entries(self) -> impl Iterator<Item = (usize, usize)> {
        let blocks = self.starts.windows(2).enumerate().flat_map(move |(chunk, part)| {
            (part[0] as usize..part[1] as usize)
                .map(move |entry| (entry, chunk * CHUNK_BLOCKS + usize::from(self.low[entry])))
        });
        let all = if self.dense { 0..self.codes.len() } else { 0..0 };
        all.map(|block| (block, block)).chain(blocks)
    }
}

/// A block that has a term.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockOfTerm {
    pub(crate) block: u32,
    pub(crate) mask: u8,
    /// The largest magnitude of its weights.
    pub(crate) largest: f32,
}

/// Appends the list of a term that occurs in `blocks` to `bytes`, which is the section from
/// `offset` on. Returns the entry of the table.
pub(crate) fn encode_list(
    start: ListStart,
    blocks: &[BlockOfTerm],
    n_blocks: usize,
    bytes: &mut Vec<u8>,
) -> TermEntry {
    let ListStart { term, offset, first_weight, scale } = start;
    let dense = blocks.len() * DENSE_FROM > n_blocks;
    let absent = BlockOfTerm { block: 0, mask: 0, largest: 0.0 };
    let mut entries = blocks.to_vec();
    if dense {
        entries = vec![absent; n_blocks];
        for &block in blocks {
            entries[block.block as usize] = block;
        }
    } else {
        for chunk in 0..=n_blocks.div_ceil(CHUNK_BLOCKS) {
            let first = chunk * CHUNK_BLOCKS;
            let at = blocks.partition_point(|block| (block.block as usize) < first);
            bytes.extend((at as u32).to_le_bytes());
        }
    }
    let mut rank = 0_u32;
    for group in entries.chunks(RANK_ENTRIES) {
        bytes.extend(rank.to_le_bytes());
        rank += group.iter().map(|entry| entry.mask.count_ones()).sum::<u32>();
    }
    if !dense {
        bytes.extend(entries.iter().flat_map(|entry| (entry.block as u16).to_le_bytes()));
    }
    bytes.extend(entries.iter().map(|entry| code_for(entry.largest, scale)));
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes.extend(entries.iter().map(|entry| entry.mask));
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let kind = if dense { DENSE } else { SPARSE };
    TermEntry { term, n_entries: entries.len() as u32, scale, first_weight, offset, kind }
}

/// A term, the positions of its list and weights, and the scale of its codes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListStart {
    pub(crate) term: u32,
    pub(crate) offset: u64,
    pub(crate) first_weight: u64,
    pub(crate) scale: f32,
}

/// The smallest code whose bound is at least `max`, which must not exceed 255 times `scale`; 0 for
/// 0.
fn code_for(max: f32, scale: f32) -> u8 {
    let mut code = (f64::from(max) / f64::from(scale)).ceil().min(255.0);
    while code * f64::from(scale) < f64::from(max) && code < 255.0 {
        code += 1.0;
    }
    code as u8
}

/// The documents of a block selected by a mask.
pub(crate) fn lanes(mask: u8) -> impl Iterator<Item = usize> {
    (0..BLOCK_DOCS).filter(move |lane| mask >> lane & 1 == 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::weights::scale_for;

    proptest! {
        #[test]
        fn a_code_is_never_below_what_it_stands_for(
            maxima in prop::collection::vec(1_u32..0x7f80_0000, 1..40),
        ) {
            let maxima: Vec<f32> = maxima.into_iter().map(f32::from_bits).collect();
            let scale = scale_for(maxima.iter().fold(0.0, |a: f32, &b| a.max(b)));
            for max in maxima {
                let code = code_for(max, scale);
                prop_assert!(code > 0);
                prop_assert!(f64::from(code) * f64::from(scale) >= f64::from(max));
            }
        }
    }

    #[test]
    fn lists_of_both_kinds_come_back() {
        let n_blocks = 3 * CHUNK_BLOCKS - 5;
        for step in [1, 3, 7, 8, 1000, 70_000] {
            let blocks: Vec<BlockOfTerm> = (2..n_blocks as u32)
                .step_by(step)
                .map(|block| BlockOfTerm { block, mask: (block % 15 + 1) as u8, largest: 1.0 })
                .collect();
            let mut bytes = Vec::new();
            let start = ListStart { term: 7, offset: 0, first_weight: 100, scale: scale_for(1.0) };
            let entry = encode_list(start, &blocks, n_blocks, &mut bytes);
            let list = TermEntry::decode(entry.encode()).list(&bytes, n_blocks).unwrap();
            let mut found = list.entries().filter(|&(entry, _)| list.mask(entry) != 0);
            let mut weight = 100;
            for expected in &blocks {
                let (entry, block) = found.next().unwrap();
                assert_eq!(block, expected.block as usize);
                assert_eq!(list.mask(entry), expected.mask);
                assert!(f64::from(list.codes[entry]) * f64::from(list.scale) >= 1.0);
                assert_eq!(list.weight_at(entry), Some(weight));
                assert_eq!(list.find(block), Some(entry));
                weight += expected.mask.count_ones() as usize;
            }
            assert_eq!(found.next(), None);
        }
    }
}
