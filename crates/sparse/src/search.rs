//! Exact search: the documents with the largest dot product with a query.

use std::num::NonZeroUsize;

use rayon::prelude::*;

use crate::postings::{Workspace, is_touched};
use crate::{BestHits, Hit, Postings, SparseMatrix, SparseRowView};

/// An inverted index over the rows of a matrix.
///
/// A query adds its terms one after the other for a block of documents at a time, and keeps the
/// best `k` in a heap. Nothing is skipped or quantised: the result is exact.
#[derive(Debug, Clone)]
pub struct SearchIndex {
    postings: Postings,
}

impl SearchIndex {
    /// Indexes `docs`, whose rows are the documents.
    #[must_use]
    pub fn new(docs: &SparseMatrix) -> Self {
        Self { postings: Postings::new(docs) }
    }

    /// The posting lists.
    #[must_use]
    pub fn postings(&self) -> &Postings {
        &self.postings
    }

    /// For each query, the `k` documents with the largest dot product, best first, in parallel.
    ///
    /// Ties keep the order of the documents. A document that shares no term with the query is never
    /// a hit; one that shares terms is, even if its score is zero or negative.
    ///
    /// # Panics
    /// If the dimension of the queries differs from that of the documents.
    #[must_use]
    pub fn search(&self, queries: &SparseMatrix, k: NonZeroUsize) -> Vec<Vec<Hit>> {
        assert_eq!(
            queries.dimension(),
            self.postings.dimension(),
            "queries must have the dimension of the documents"
        );
        // With fewer queries than threads, several threads share the documents of one query.
        let n_parts = rayon::current_num_threads()
            .div_ceil(queries.n_rows().max(1))
            .clamp(1, self.postings.n_blocks().max(1));
        let parts: Vec<Vec<Hit>> = (0..queries.n_rows() * n_parts)
            .into_par_iter()
            .map_init(Workspace::new, |workspace, task| {
                self.search_part(queries.row(task / n_parts), task % n_parts, n_parts, k, workspace)
            })
            .collect();
        if n_parts == 1 {
            return parts;
        }
        parts.chunks(n_parts).map(|parts| merge(parts, k)).collect()
    }

    /// The best hits in one of `n_parts` parts of the documents.
    fn search_part(
        &self,
        query: SparseRowView<'_>,
        part: usize,
        n_parts: usize,
        k: NonZeroUsize,
        workspace: &mut Workspace,
    ) -> Vec<Hit> {
        let n_blocks = self.postings.n_blocks();
        let blocks = n_blocks * part / n_parts..n_blocks * (part + 1) / n_parts;
        let mut best = BestHits::new(k);
        self.postings.accumulate(
            query,
            blocks,
            workspace,
            |a, b| a * b,
            |first, sums| {
                offer(&mut best, first, sums);
            },
        );
        best.into_sorted()
    }
}

fn merge(parts: &[Vec<Hit>], k: NonZeroUsize) -> Vec<Hit> {
    let mut hits = parts.concat();
    hits.sort_unstable_by(Hit::best_first);
    hits.truncate(k.get());
    hits
}

/// Offers the sums of a block of documents, which follows all blocks offered before.
fn offer(best: &mut BestHits, first_doc: usize, sums: &[f64]) {
    /// Number of sums compared with the threshold at once. Almost all fail once the heap is full.
    const LANES: usize = 16;
    for (chunk_idx, chunk) in sums.chunks(LANES).enumerate() {
        let threshold = best.threshold().map_or(f64::NEG_INFINITY, f64::from);
        // Documents come in order, so a tie is not enough. Rounding is monotone, so a sum below the
        // threshold cannot exceed it once rounded.
        if chunk.iter().fold(false, |found, &sum| found | (sum > threshold)) {
            for (offset, &sum) in chunk.iter().enumerate() {
                if is_touched(sum) {
                    best.push(first_doc + chunk_idx * LANES + offset, sum);
                }
            }
        }
    }
}
