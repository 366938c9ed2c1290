//! Upper bounds of the scores in each block of documents.
//!
//! A block's bound is the sum over the query's terms of |query weight| times the largest magnitude
//! of the term in the block, which is at most `code * scale` (`lists.rs`). It is counted in whole
//! units of [`BlockBounds::unit`]: with `factor = ceil(|query weight| * scale * 256 / unit)`, a
//! term adds `factor * code >> 8`, which falls short of its true part by less than 1; so the sum
//! plus the number of lists is never below the bound. Integers do not round, and the factors are
//! rounded up by more than any error of `f64`.

use crate::lists::{CHUNK_BLOCKS, TermList};
use crate::score::QueryTerm;

/// Approximate bound of a block in which every term has its largest weight.
const UNITS: f64 = 60_000.0;
/// Each list adds less than 1 to [`UNITS`] by rounding, so sums of this many lists fit in `u16`. A
/// query with more terms, which no text has, scores every block.
const MAX_LISTS: usize = 5_000;
/// Dense lists are read only for the blocks that the other lists leave, starting with the lists
/// that add least, as long as their total cannot exceed this.
const TAIL_UNITS: u32 = 500;
/// Number of blocks whose sums stay in the first-level cache while all lists are added.
const WINDOW: usize = 8_192;
/// By how much the `f64` sum of exact products, rounded to `f32`, may exceed the real sum, relative
/// to the bound: 2⁻²⁴ plus the number of terms times 2⁻⁵³. This is far more than that.
const SLACK: f64 = 1e-6;

/// The lists of a query's terms, prepared for summing.
pub(crate) struct BlockBounds<'a> {
    /// The score of one unit.
    unit: f64,
    /// Dense lists, which have an entry for every block, and their factors.
    dense: Vec<(&'a [u8], u16)>,
    /// Dense lists that only [`refine`](Self::refine) reads.
    tail: Vec<(&'a [u8], u16)>,
    /// The most that the lists of the tail can add.
    tail_units: u32,
    sparse: Vec<(TermList<'a>, u16)>,
}

impl<'a> BlockBounds<'a> {
    /// Prepares the lists of a query's terms, at least one.
    pub(crate) fn new(terms: &[QueryTerm<'a>]) -> Self {
        // Exact: 40 bits.
        let step = |term: &QueryTerm<'_>| f64::from(term.weight.abs()) * f64::from(term.list.scale);
        let unit = terms.iter().map(step).sum::<f64>() * 255.0 / UNITS;
        let mut bounds =
            Self { unit, dense: Vec::new(), tail: Vec::new(), tail_units: 0, sparse: Vec::new() };
        for term in terms {
            // At most 60,000 * 256 / 255, and the rounding margin.
            let factor = (step(term) * 256.0 / unit * (1.0 + 1e-12)).ceil() as u16;
            if term.list.dense {
                bounds.dense.push((term.list.codes, factor));
            } else {
                bounds.sparse.push((term.list, factor));
            }
        }
        bounds.split_off_tail();
        bounds
    }

    fn split_off_tail(&mut self) {
        self.dense.sort_by_key(|&(_, factor)| std::cmp::Reverse(factor));
        while let Some(&(codes, factor)) = self.dense.last() {
            let most = u32::from(units(255, factor));
            if self.tail_units + most > TAIL_UNITS {
                break;
            }
            self.tail_units += most;
            self.tail.push((codes, factor));
            self.dense.pop();
        }
    }

    /// Sums all lists except the tail, for every block.
    ///
    /// `None` if a list names a block that does not exist.
    pub(crate) fn sum(&self, bounds: &mut [u16]) -> Option<()> {
        if self.n_lists() > MAX_LISTS {
            bounds.fill(u16::MAX);
            return Some(());
        }
        bounds.fill(0);
        for (window_idx, window) in bounds.chunks_mut(WINDOW).enumerate() {
            let first = window_idx * WINDOW;
            for lists in self.dense.chunks(4) {
                add_dense(window, first, lists);
            }
        }
        for (chunk_idx, chunk) in bounds.chunks_mut(CHUNK_BLOCKS).enumerate() {
            for &(list, factor) in &self.sparse {
                let (_, low, codes) = list.chunk(chunk_idx)?;
                for (&low, &code) in low.iter().zip(codes) {
                    let sum = chunk.get_mut(usize::from(low))?;
                    *sum = sum.wrapping_add(units(code, factor));
                }
            }
        }
        Some(())
    }

    /// The smallest sum, over all lists except the tail, with which a block may hold a hit, if hits
    /// must score at least `threshold`.
    pub(crate) fn first_cut(&self, threshold: Option<f32>) -> u16 {
        self.cut(threshold, self.tail_units)
    }

    /// The smallest sum, over all lists, with which a block may hold a hit.
    pub(crate) fn final_cut(&self, threshold: Option<f32>) -> u16 {
        self.cut(threshold, 0)
    }

    fn cut(&self, threshold: Option<f32>, left_out: u32) -> u16 {
        match threshold {
            // Below the normal numbers, the error of rounding to f32 is no longer relative to the
            // sum.
            Some(threshold) if threshold > f32::MIN_POSITIVE => {
                let least = f64::from(threshold.min(f32::MAX)) * (1.0 - SLACK) / self.unit;
                // A sum falls short of the bound by less than 1 per list. Casts saturate.
                let short = self.n_lists() as u32 + left_out;
                (least as u32).saturating_sub(short).min(u16::MAX.into()) as u16
            }
            _ => 0,
        }
    }

    fn n_lists(&self) -> usize {
        self.dense.len() + self.tail.len() + self.sparse.len()
    }

    /// Adds the tail to the sums of some blocks.
    pub(crate) fn refine(&self, candidates: &mut [(u16, u32)]) {
        for &(codes, factor) in &self.tail {
            for (sum, block) in candidates.iter_mut() {
                *sum = sum.saturating_add(units(codes[*block as usize], factor));
            }
        }
    }
}

/// A term's contribution to a sum: `factor * code >> 8`.
#[inline(always)]
fn units(code: u8, factor: u16) -> u16 {
    ((u32::from(code) * u32::from(factor)) >> 8) as u16
}

/// [`units`] without products of more than 16 bits, so that eight are computed at once.
#[inline(always)]
fn narrow_units(code: u8, [high, low]: [u16; 2]) -> u16 {
    let code = u16::from(code);
    code.wrapping_mul(high).wrapping_add(code.wrapping_mul(low) >> 8)
}

/// Adds up to four lists at once, so that sums are read and written less often.
fn add_dense(window: &mut [u16], first: usize, lists: &[(&[u8], u16)]) {
    let n = window.len();
    let part = |i: usize| &lists[i].0[first..][..n];
    let halves = |i: usize| [lists[i].1 >> 8, lists[i].1 & 0xff];
    if lists.len() == 4 {
        let (a, b, c, d) = (part(0), part(1), part(2), part(3));
        let (fa, fb, fc, fd) = (halves(0), halves(1), halves(2), halves(3));
        for i in 0..n {
            window[i] = window[i]
                .wrapping_add(narrow_units(a[i], fa))
                .wrapping_add(narrow_units(b[i], fb))
                .wrapping_add(narrow_units(c[i], fc))
                .wrapping_add(narrow_units(d[i], fd));
        }
        return;
    }
    for list in 0..lists.len() {
        let factor = halves(list);
        for (sum, &code) in window.iter_mut().zip(part(list)) {
            *sum = sum.wrapping_add(narrow_units(code, factor));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_units_are_units() {
        for code in 0..=255 {
            for factor in (0..=60_300).step_by(7).chain([60_300]) {
                let narrow = narrow_units(code, [factor >> 8, factor & 0xff]);
                assert_eq!(narrow, units(code, factor), "{code} * {factor}");
            }
        }
    }
}
