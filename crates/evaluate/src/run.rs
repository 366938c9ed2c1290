//! The results of a search: a scored list of documents for each query.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use crate::EvaluateError;

/// The results of a search, query by query, in the order in which the queries were added.
///
/// The ranking depends on scores only; ties are broken by document id, as the measure or the fusion
/// defines. Scores are f64, as in TREC files; trec_eval rounds them, see
/// [`ScorePrecision`](crate::ScorePrecision).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    pub(crate) tag: String,
    pub(crate) queries: Vec<RunQuery>,
    positions: HashMap<String, usize>,
}

/// The results of one query, possibly none.
#[derive(Debug, Clone, PartialEq)]
pub struct RunQuery {
    pub(crate) id: String,
    pub(crate) hits: Vec<ScoredDoc>,
}

/// A document and its score.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredDoc {
    /// The id of the document.
    pub doc_id: String,
    /// Larger is better; finite.
    pub score: f64,
}

/// Which of two documents with equal scores comes first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Ties {
    LowerIdFirst,
    HigherIdFirst,
}

impl RunQuery {
    /// The id of the query.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its results in the order given, not necessarily sorted.
    #[must_use]
    pub fn hits(&self) -> &[ScoredDoc] {
        &self.hits
    }

    /// Its results by descending score, ties by ascending document id (as in
    /// sentence-transformers).
    #[must_use]
    pub fn ranked(&self) -> Vec<&ScoredDoc> {
        self.ranked_by(|score| score, Ties::LowerIdFirst)
    }

    /// Ids are compared by their bytes, as by `strcmp`; for UTF-8 this is the order of code points,
    /// by which Python sorts.
    pub(crate) fn ranked_by(&self, score: impl Fn(f64) -> f64, ties: Ties) -> Vec<&ScoredDoc> {
        let mut hits: Vec<&ScoredDoc> = self.hits.iter().collect();
        hits.sort_unstable_by(|a, b| {
            let by_score = score(b.score)
                .partial_cmp(&score(a.score))
                .expect("scores are finite on the way in, and rounding makes no NaN");
            by_score.then_with(|| match ties {
                Ties::LowerIdFirst => a.doc_id.cmp(&b.doc_id),
                Ties::HigherIdFirst => b.doc_id.cmp(&a.doc_id),
            })
        });
        hits
    }
}

impl Run {
    /// An empty run. The tag names the system in TREC files.
    #[must_use]
    pub fn new(tag: impl Into<String>) -> Self {
        Self { tag: tag.into(), ..Self::default() }
    }

    /// Adds the results of a query; an empty list means that the search found nothing.
    ///
    /// # Errors
    /// [`EvaluateError::RepeatedQuery`] if the run already has the query,
    /// [`EvaluateError::RepeatedDocument`] if the list has a document twice,
    /// [`EvaluateError::NonFiniteScore`]. The run is then unchanged.
    pub fn push(
        &mut self,
        query_id: impl Into<String>,
        hits: Vec<ScoredDoc>,
    ) -> Result<(), EvaluateError> {
        let query_id = query_id.into();
        if self.positions.contains_key(&query_id) {
            return Err(EvaluateError::RepeatedQuery { query_id });
        }
        if let Some(hit) = hits.iter().find(|hit| !hit.score.is_finite()) {
            let (doc_id, score) = (hit.doc_id.clone(), hit.score);
            return Err(EvaluateError::NonFiniteScore { query_id, doc_id, score });
        }
        if let Some((_, second)) = repeated(&hits) {
            let doc_id = hits[second].doc_id.clone();
            return Err(EvaluateError::RepeatedDocument { query_id, doc_id });
        }
        let position = self.position_or_push(&query_id);
        self.queries[position].hits = hits;
        Ok(())
    }

    /// The position of the query; a new query is added with an empty list.
    pub(crate) fn position_or_push(&mut self, query_id: &str) -> usize {
        match self.positions.get(query_id) {
            Some(position) => *position,
            None => {
                self.positions.insert(query_id.to_owned(), self.queries.len());
                self.queries.push(RunQuery { id: query_id.to_owned(), hits: Vec::new() });
                self.queries.len() - 1
            }
        }
    }

    /// The name of the system.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The queries, in the order in which they were added.
    #[must_use]
    pub fn queries(&self) -> &[RunQuery] {
        &self.queries
    }

    /// The results of one query.
    #[must_use]
    pub fn query(&self, query_id: &str) -> Option<&RunQuery> {
        self.positions.get(query_id).map(|position| &self.queries[*position])
    }

    /// Number of results, summed over all queries.
    #[must_use]
    pub fn n_hits(&self) -> usize {
        self.queries.iter().map(|query| query.hits.len()).sum()
    }

    /// Removes documents whose id is that of their query; returns how many. In some collections
    /// (ArguAna, Quora), queries are documents too; BEIR leaves these pairs out,
    /// sentence-transformers does not.
    pub fn remove_identical_ids(&mut self) -> usize {
        let before = self.n_hits();
        for query in &mut self.queries {
            query.hits.retain(|hit| hit.doc_id != query.id);
        }
        before - self.n_hits()
    }

    /// Queries that found a document with their own id; see
    /// [`remove_identical_ids`](Self::remove_identical_ids).
    #[must_use]
    pub fn n_identical_ids(&self) -> usize {
        let found_itself = |query: &&RunQuery| query.hits.iter().any(|hit| hit.doc_id == query.id);
        self.queries.iter().filter(found_itself).count()
    }

    /// Adds documents with score 0 to queries that have fewer than `depth` results above 0,
    /// starting with the lowest ids. sentence-transformers ranks all documents, even those that
    /// share no dimension with the query, which an index does not find. To measure as it does, call
    /// this with the ids of the whole corpus and the largest `k` of the measures.
    pub fn add_zero_scores<'a>(
        &mut self,
        corpus_ids: impl IntoIterator<Item = &'a str>,
        depth: usize,
    ) {
        let mut corpus_ids: Vec<&str> = corpus_ids.into_iter().collect();
        corpus_ids.sort_unstable();
        corpus_ids.dedup();
        for query in &mut self.queries {
            let n_positive = query.hits.iter().filter(|hit| hit.score > 0.0).count();
            let n_missing = depth.saturating_sub(n_positive);
            if n_missing == 0 {
                continue;
            }
            let found: HashSet<&str> = query.hits.iter().map(|hit| hit.doc_id.as_str()).collect();
            let added: Vec<ScoredDoc> = corpus_ids
                .iter()
                .filter(|doc_id| !found.contains(*doc_id))
                .take(n_missing)
                .map(|doc_id| ScoredDoc { doc_id: (*doc_id).to_owned(), score: 0.0 })
                .collect();
            query.hits.extend(added);
        }
    }
}

/// Positions of the first two hits with the same document, the earlier one first.
pub(crate) fn repeated(hits: &[ScoredDoc]) -> Option<(usize, usize)> {
    let mut order: Vec<usize> = (0..hits.len()).collect();
    let by_id = |a: usize, b: usize| -> Ordering { hits[a].doc_id.cmp(&hits[b].doc_id) };
    order.sort_unstable_by(|a, b| by_id(*a, *b).then(a.cmp(b)));
    order
        .windows(2)
        .filter(|pair| by_id(pair[0], pair[1]).is_eq())
        .map(|pair| (pair[0], pair[1]))
        .min_by_key(|(_, second)| *second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(pairs: &[(&str, f64)]) -> Vec<ScoredDoc> {
        pairs.iter().map(|(id, score)| ScoredDoc { doc_id: (*id).into(), score: *score }).collect()
    }

    fn ids<'a>(ranked: &[&'a ScoredDoc]) -> Vec<&'a str> {
        ranked.iter().map(|hit| hit.doc_id.as_str()).collect()
    }

    #[test]
    fn ties_go_by_document_id_either_way() {
        let mut run = Run::new("t");
        run.push("q", hits(&[("b", 1.0), ("c", 2.0), ("a", 1.0), ("é", 1.0)])).unwrap();
        let query = run.query("q").unwrap();
        assert_eq!(ids(&query.ranked()), ["c", "a", "b", "é"]);
        assert_eq!(ids(&query.ranked_by(|s| s, Ties::HigherIdFirst)), ["c", "é", "b", "a"]);
    }

    #[test]
    fn a_zero_below_zero_ties_with_zero() {
        let mut run = Run::new("t");
        run.push("q", hits(&[("b", 0.0), ("a", -0.0)])).unwrap();
        assert_eq!(ids(&run.queries()[0].ranked()), ["a", "b"]);
    }

    #[test]
    fn what_cannot_be_ranked_is_refused_and_changes_nothing() {
        let mut run = Run::new("t");
        let twice = run.push("q", hits(&[("a", 1.0), ("b", 1.0), ("a", 2.0)])).unwrap_err();
        assert_eq!(twice.to_string(), "document `a` occurs twice in the results of query `q`");
        let nan = run.push("q", hits(&[("a", f64::NAN)])).unwrap_err();
        assert!(matches!(nan, EvaluateError::NonFiniteScore { .. }));
        run.push("q", Vec::new()).unwrap();
        let again = run.push("q", hits(&[("a", 1.0)])).unwrap_err();
        assert_eq!(again.to_string(), "query `q` already has results");
        assert_eq!((run.queries().len(), run.n_hits()), (1, 0));
    }

    #[test]
    fn the_query_itself_can_be_left_out() {
        let mut run = Run::new("t");
        run.push("a", hits(&[("a", 2.0), ("b", 1.0)])).unwrap();
        run.push("b", hits(&[("a", 2.0)])).unwrap();
        assert_eq!(run.n_identical_ids(), 1);
        assert_eq!(run.remove_identical_ids(), 1);
        assert_eq!(run.n_identical_ids(), 0);
        assert_eq!(ids(&run.queries()[0].ranked()), ["b"]);
    }

    #[test]
    fn zero_scores_fill_a_ranking_by_lowest_id_above_negative_scores() {
        let mut run = Run::new("t");
        run.push("q", hits(&[("c", 2.0), ("a", -1.0)])).unwrap();
        run.add_zero_scores(["d", "c", "b", "a", "e"], 3);
        assert_eq!(ids(&run.queries()[0].ranked()), ["c", "b", "d", "a"]);
        run.add_zero_scores(["d"], 1);
        assert_eq!(run.n_hits(), 4);
    }
}
