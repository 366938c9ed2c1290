//! Exact search: the documents of largest dot product with a query.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::num::NonZeroUsize;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::postings::{Workspace, is_touched};
use crate::{Postings, SparseMatrix, SparseRowView};

/// A document that a search found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Its row in the matrix that was indexed.
    pub doc_idx: usize,
    /// Its dot product with the query: the number that [`SparseRowView::dot`] returns.
    pub score: f32,
}

/// An inverted index over the rows of a matrix.
///
/// A query adds up its terms one after the other for a block of documents at a time, and keeps
/// the best in a heap of `k`. Nothing is skipped or quantised: the result is exact.
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

    /// For each query the `k` documents of largest dot product, best first, in parallel.
    ///
    /// Documents of equal score come in their own order. One that shares no term with the query
    /// is never a hit; one that shares terms is, even if its score is zero or negative.
    ///
    /// # Panics
    /// If the queries have another dimension than the documents.
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
                best.offer(first, sums);
            },
        );
        best.into_sorted()
    }
}

fn merge(parts: &[Vec<Hit>], k: NonZeroUsize) -> Vec<Hit> {
    let mut hits = parts.concat();
    hits.sort_unstable_by(compare);
    hits.truncate(k.get());
    hits
}

/// Best first: by descending score, then in the documents' order.
fn compare(a: &Hit, b: &Hit) -> Ordering {
    b.score.total_cmp(&a.score).then(a.doc_idx.cmp(&b.doc_idx))
}

/// The best `k` of the documents offered so far.
struct BestHits {
    k: NonZeroUsize,
    /// The worst of the kept hits is on top.
    heap: BinaryHeap<Ranked>,
    /// Scores up to here are out: the worst kept score, once there are `k`.
    threshold: f64,
}

impl BestHits {
    /// Sums compared with the threshold at once. Almost all fail it once the heap is full.
    const LANES: usize = 16;

    fn new(k: NonZeroUsize) -> Self {
        Self { k, heap: BinaryHeap::new(), threshold: f64::NEG_INFINITY }
    }

    /// Takes the sums of a block of documents that follows all those offered before.
    fn offer(&mut self, first_doc: usize, sums: &[f64]) {
        for (chunk_idx, chunk) in sums.chunks(Self::LANES).enumerate() {
            // Rounding keeps order, so a sum below the threshold cannot exceed it once rounded.
            if chunk.iter().fold(false, |found, &sum| found | (sum > self.threshold)) {
                for (offset, &sum) in chunk.iter().enumerate() {
                    if is_touched(sum) {
                        let doc_idx = first_doc + chunk_idx * Self::LANES + offset;
                        // Adding 0.0 lets the -0.0 of a tiny negative sum tie with 0.0.
                        self.push(Hit { doc_idx, score: sum as f32 + 0.0 });
                    }
                }
            }
        }
    }

    fn push(&mut self, hit: Hit) {
        if self.heap.len() < self.k.get() {
            self.heap.push(Ranked(hit));
        } else if let Some(mut worst) = self.heap.peek_mut()
            // Documents come in order, so among equals the newcomer loses.
            && hit.score > worst.0.score
        {
            *worst = Ranked(hit);
        }
        if self.heap.len() == self.k.get()
            && let Some(worst) = self.heap.peek()
        {
            self.threshold = f64::from(worst.0.score);
        }
    }

    fn into_sorted(self) -> Vec<Hit> {
        self.heap.into_sorted_vec().into_iter().map(|ranked| ranked.0).collect()
    }
}

/// A hit, ordered so that the worst is the greatest.
struct Ranked(Hit);

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}
