//! The hits of a search, and the best of them.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

/// A document that a search found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Its row in the matrix that was indexed.
    pub doc_idx: usize,
    /// Its dot product with the query, exactly as [`SparseRowView::dot`](crate::SparseRowView::dot)
    /// returns it.
    pub score: f32,
}

impl Hit {
    /// The order of results: by descending score, ties in the order of the documents.
    #[must_use]
    pub fn best_first(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.doc_idx.cmp(&other.doc_idx))
    }
}

/// The best `k` of the documents offered so far, in any order.
#[derive(Debug)]
pub struct BestHits {
    k: NonZeroUsize,
    /// The worst of the kept hits is on top.
    heap: BinaryHeap<Ranked>,
    /// Documents with a lower score are out.
    least: f32,
}

impl BestHits {
    /// Starts without hits.
    #[must_use]
    pub fn new(k: NonZeroUsize) -> Self {
        Self { k, heap: BinaryHeap::new(), least: f32::NEG_INFINITY }
    }

    /// Offers a document with its sum; its score is the sum rounded to `f32`.
    pub fn push(&mut self, doc_idx: usize, sum: f64) {
        // Adding 0.0 makes the -0.0 of a tiny negative sum tie with 0.0.
        let score = sum as f32 + 0.0;
        if score < self.least {
            return;
        }
        let hit = Ranked(Hit { doc_idx, score });
        if self.heap.len() < self.k.get() {
            self.heap.push(hit);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && hit < *worst
        {
            *worst = hit;
        }
        if let Some(threshold) = self.threshold() {
            self.least = threshold;
        }
    }

    /// Documents with a lower score are not hits; `None` while there are fewer than `k`.
    #[must_use]
    pub fn threshold(&self) -> Option<f32> {
        let worst = self.heap.peek()?;
        (self.heap.len() == self.k.get()).then_some(worst.0.score)
    }

    /// The hits, best first.
    #[must_use]
    pub fn into_sorted(self) -> Vec<Hit> {
        self.heap.into_sorted_vec().into_iter().map(|ranked| ranked.0).collect()
    }
}

/// A hit, ordered so that the worst is the greatest.
#[derive(Debug)]
struct Ranked(Hit);

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.best_first(&other.0)
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
