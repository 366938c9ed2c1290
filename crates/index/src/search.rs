//! Exact search: blocks of documents by descending bound, until no bound reaches the threshold.
//!
//! # Source
//! Mallia, Suel and Tonellotto, "Faster Learned Sparse Retrieval with Block-Max Pruning", SIGIR
//! 2024, arXiv:2405.01117. Here without its approximations, and with `f32` weights.

use std::num::NonZeroUsize;

use rayon::prelude::*;
use splade_sparse::{BestHits, Hit, SparseMatrix, SparseRowView};

use crate::IndexError;
use crate::bounds::BlockBounds;
use crate::format::BLOCK_DOCS;
use crate::index::Index;
use crate::lists::lanes;
use crate::score::{MAX_BATCH, QueryTerm, UNTOUCHED, is_touched};
use crate::scratch::Scratch;

/// Number of blocks per run. Only the largest bound of each run is checked first, which skips most
/// blocks.
const RUN: usize = 16;
/// Minimum number of runs in the first round, and the factor by which each later round grows. More
/// rounds score fewer blocks, but each scans the lists.
const FIRST_RUNS: usize = 32;
const GROWTH: usize = 4;

impl Index {
    /// The `k` documents with the largest dot product with `query`, best first.
    ///
    /// Exact with respect to the stored weights: the same hits, with bit-identical scores, that
    /// [`splade_sparse::SearchIndex`] finds. Ties keep the order of the documents. A document that
    /// shares no term with the query is never a hit; one that shares terms is, even if its score is
    /// zero or negative.
    /// terms is, even if its score is zero or negative.
    ///
    /// # Errors
    /// [`IndexError::QueryDimension`]; [`IndexError::Damaged`] if a part that the query needs is
    /// damaged.
    pub fn search(
        &self,
        query: SparseRowView<'_>,
        k: NonZeroUsize,
    ) -> Result<Vec<Hit>, IndexError> {
        self.check_query(query)?;
        self.search_pruned(query, k, &mut self.scratch.take())
    }

    /// Runs [`search`](Self::search) for each row of `queries`, on the threads of the calling rayon
    /// pool.
    ///
    /// # Errors
    /// Those of [`search`](Self::search).
    pub fn search_many(
        &self,
        queries: &SparseMatrix,
        k: NonZeroUsize,
    ) -> Result<Vec<Vec<Hit>>, IndexError> {
        (0..queries.n_rows()).into_par_iter().map(|row| self.search(queries.row(row), k)).collect()
    }

    /// Like [`search`](Self::search), but scores and sorts all documents. It is the oracle that
    /// tests compare the pruned search with.
    ///
    /// # Errors
    /// Those of [`search`](Self::search).
    pub fn search_exhaustive(
        &self,
        query: SparseRowView<'_>,
        k: NonZeroUsize,
    ) -> Result<Vec<Hit>, IndexError> {
        self.check_query(query)?;
        let weights = self.weights()?;
        let mut sums = vec![UNTOUCHED; self.n_docs()];
        for term in self.query_terms(query)? {
            for (entry, block) in term.list.entries() {
                let first = term.list.weight_at(entry).ok_or_else(|| self.damaged_list())?;
                for (rank, lane) in lanes(term.list.mask(entry)).enumerate() {
                    let weight = weights.value(first + rank, term.list.scale);
                    let sum = sums.get_mut(block * BLOCK_DOCS + lane);
                    let (Some(weight), Some(sum)) = (weight, sum) else {
                        return Err(self.damaged_list());
                    };
                    *sum += f64::from(term.weight) * f64::from(weight);
                }
            }
        }
        let sums = sums.into_iter().enumerate().filter(|&(_, sum)| is_touched(sum));
        let mut hits: Vec<Hit> =
            sums.map(|(doc_idx, sum)| Hit { doc_idx, score: sum as f32 + 0.0 }).collect();
        hits.sort_by(Hit::best_first);
        hits.truncate(k.get());
        Ok(hits)
    }

    fn search_pruned(
        &self,
        query: SparseRowView<'_>,
        k: NonZeroUsize,
        scratch: &mut Scratch,
    ) -> Result<Vec<Hit>, IndexError> {
        let terms = self.query_terms(query)?;
        if terms.is_empty() {
            return Ok(Vec::new());
        }
        let bounds = BlockBounds::new(&terms);
        scratch.bounds.resize(self.header.n_blocks(), 0);
        bounds.sum(&mut scratch.bounds).ok_or_else(|| self.damaged_list())?;
        let runs = scratch.bounds.chunks(RUN);
        scratch.tops.clear();
        scratch.tops.extend(runs.map(|run| run.iter().fold(0, |top, &bound| top.max(bound))));

        // In rounds, from the blocks with the largest bounds down to the threshold, which rises
        // with each round.
        let mut best = BestHits::new(k);
        let mut n_runs = k.get().div_ceil(2 * BLOCK_DOCS).max(FIRST_RUNS);
        let mut upper = None;
        loop {
            let least = bounds.first_cut(best.threshold());
            let cut = nth_top(scratch, n_runs).max(least);
            gather(scratch, cut, upper);
            self.visit_candidates(&terms, &bounds, &mut best, scratch)?;
            if cut == least {
                return Ok(best.into_sorted());
            }
            upper = Some(cut);
            n_runs = n_runs.saturating_mul(GROWTH);
        }
    }

    /// Scores those candidates that may hold hits.
    fn visit_candidates(
        &self,
        terms: &[QueryTerm<'_>],
        bounds: &BlockBounds<'_>,
        best: &mut BestHits,
        scratch: &mut Scratch,
    ) -> Result<(), IndexError> {
        let Scratch { candidates, batch, .. } = scratch;
        bounds.refine(candidates);
        for candidates in candidates.chunks(MAX_BATCH) {
            let cut = bounds.final_cut(best.threshold());
            let alive = candidates.iter().filter(|&&(bound, _)| bound >= cut);
            batch.blocks.clear();
            batch.blocks.extend(alive.map(|&(_, block)| block));
            batch
                .score(terms, self.weights()?, self.header.n_blocks())
                .ok_or_else(|| self.damaged_list())?;
            for (&block, sums) in batch.blocks.iter().zip(&batch.sums) {
                let first = block as usize * BLOCK_DOCS;
                for (doc_idx, &sum) in (first..self.n_docs()).zip(sums) {
                    if is_touched(sum) {
                        best.push(doc_idx, sum);
                    }
                }
            }
        }
        Ok(())
    }
}

/// A bound that about `n` runs of blocks reach: the `n`-th largest of their tops, or 0.
fn nth_top(scratch: &mut Scratch, n: usize) -> u16 {
    let Scratch { tops, sorted_tops, .. } = scratch;
    if n >= tops.len() {
        return 0;
    }
    sorted_tops.clone_from(tops);
    *sorted_tops.select_nth_unstable_by(n, |a, b| b.cmp(a)).1
}

/// Makes the blocks with bounds of at least `cut`, and below `upper`, the candidates.
fn gather(scratch: &mut Scratch, cut: u16, upper: Option<u16>) {
    let Scratch { bounds, tops, candidates, .. } = scratch;
    candidates.clear();
    for (run_idx, (run, &top)) in bounds.chunks(RUN).zip(tops.iter()).enumerate() {
        if top >= cut {
            for (offset, &bound) in run.iter().enumerate() {
                if bound >= cut && upper.is_none_or(|upper| bound < upper) {
                    candidates.push((bound, (run_idx * RUN + offset) as u32));
                }
            }
        }
    }
}
