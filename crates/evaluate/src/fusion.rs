//! Merges the rankings of several runs into one: reciprocal rank fusion.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use crate::{Run, ScoredDoc};

/// Reciprocal rank fusion: the score of a document is `sum of 1 / (k + rank)` over the runs that
/// found it, with ranks from 1. The scores of the runs need not be comparable.
///
/// In each run and in the result, documents with equal scores are ranked by ascending id. Terms are
/// summed from the smallest to the largest, so the result is bit-identical for any order of runs
/// and lines.
///
/// # Source
/// Cormack, Clarke, Büttcher: "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
/// Learning Methods", SIGIR 2009. `k` is `rrf_k` of sentence-transformers'
/// `ReciprocalRankFusionEvaluator`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReciprocalRankFusion {
    /// Larger values favour the first ranks less. Default 60.
    pub k: u32,
    /// Keep at most this many documents per query; `None` (the default) keeps all.
    pub depth: Option<NonZeroUsize>,
    /// The tag of the fused run. Default `rrf`.
    pub tag: String,
}

impl Default for ReciprocalRankFusion {
    fn default() -> Self {
        Self { k: 60, depth: None, tag: "rrf".into() }
    }
}

impl ReciprocalRankFusion {
    /// Sets [`k`](Self::k).
    #[must_use]
    pub fn with_k(mut self, k: u32) -> Self {
        self.k = k;
        self
    }

    /// Sets [`depth`](Self::depth).
    #[must_use]
    pub fn with_depth(mut self, depth: Option<NonZeroUsize>) -> Self {
        self.depth = depth;
        self
    }

    /// Sets [`tag`](Self::tag).
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = tag.into();
        self
    }

    /// Fuses the runs. Queries come in the order of the first run, then those that only later runs
    /// have. A run that lacks a query or a document adds nothing to it.
    #[must_use]
    pub fn fuse<'a>(&self, runs: impl IntoIterator<Item = &'a Run>) -> Run {
        let runs: Vec<&Run> = runs.into_iter().collect();
        let mut fused = Run::new(self.tag.clone());
        for query in runs.iter().flat_map(|run| run.queries()) {
            if fused.query(query.id()).is_none() {
                let hits = self.fuse_query(query.id(), &runs);
                let position = fused.position_or_push(query.id());
                fused.queries[position].hits = hits;
            }
        }
        fused
    }

    fn fuse_query(&self, query_id: &str, runs: &[&Run]) -> Vec<ScoredDoc> {
        let mut parts: HashMap<&str, Vec<f64>> = HashMap::new();
        for query in runs.iter().filter_map(|run| run.query(query_id)) {
            for (rank, hit) in (1_u32..).zip(query.ranked()) {
                let part = 1.0 / (f64::from(self.k) + f64::from(rank));
                parts.entry(&hit.doc_id).or_default().push(part);
            }
        }
        let mut hits: Vec<ScoredDoc> = parts
            .into_iter()
            .map(|(doc_id, mut parts)| {
                parts.sort_unstable_by(f64::total_cmp);
                ScoredDoc { doc_id: doc_id.to_owned(), score: parts.iter().sum() }
            })
            .collect();
        hits.sort_unstable_by(|a, b| {
            b.score.total_cmp(&a.score).then_with(|| a.doc_id.cmp(&b.doc_id))
        });
        hits.truncate(self.depth.map_or(usize::MAX, NonZeroUsize::get));
        hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(queries: &[(&str, &[&str])]) -> Run {
        let mut run = Run::new("t");
        for (query, documents) in queries {
            let scores = (1..).map(|rank| -f64::from(rank));
            let hits = documents.iter().zip(scores);
            let hits = hits.map(|(id, score)| ScoredDoc { doc_id: (*id).into(), score });
            run.push(*query, hits.collect()).unwrap();
        }
        run
    }

    #[test]
    fn a_missing_document_adds_nothing() {
        let (first, second) = (run(&[("q", &["a", "b"])]), run(&[("q", &["b"])]));
        let fused = ReciprocalRankFusion::default().fuse([&first, &second]);
        let hits = fused.query("q").unwrap().hits();
        assert_eq!(hits[0], ScoredDoc { doc_id: "b".into(), score: 1.0 / 62.0 + 1.0 / 61.0 });
        assert_eq!(hits[1], ScoredDoc { doc_id: "a".into(), score: 1.0 / 61.0 });
    }

    #[test]
    fn queries_of_all_runs_are_kept() {
        let (first, second) = (run(&[("b", &["a"]), ("e", &[])]), run(&[("a", &["a"])]));
        let fused = ReciprocalRankFusion::default().fuse([&first, &second]);
        let found = fused.queries().iter().map(|query| (query.id(), query.hits().len()));
        let found: Vec<_> = found.collect();
        assert_eq!(found, [("b", 1), ("e", 0), ("a", 1)]);
    }

    #[test]
    fn the_same_ranks_tie_whatever_their_order() {
        let runs = [
            run(&[("q", &["a", "b", "c"])]),
            run(&[("q", &["b", "c", "a"])]),
            run(&[("q", &["c", "a", "b"])]),
        ];
        let fused = ReciprocalRankFusion::default().with_k(7).fuse(&runs);
        let hits = fused.query("q").unwrap().hits();
        assert!(hits.iter().all(|hit| hit.score == hits[0].score), "{hits:?}");
        assert_eq!(hits.iter().map(|hit| &*hit.doc_id).collect::<String>(), "abc");
        let reversed = ReciprocalRankFusion::default().with_k(7).fuse(runs.iter().rev());
        assert_eq!(reversed, fused);
    }

    #[test]
    fn depth_cuts_the_last() {
        let depth = NonZeroUsize::new(2);
        let fused = ReciprocalRankFusion::default().with_depth(depth);
        let fused = fused.fuse(&[run(&[("q", &["c", "a", "b"])])]);
        assert_eq!(fused.n_hits(), 2);
        assert_eq!(fused.queries()[0].hits()[0].doc_id, "c");
    }
}
