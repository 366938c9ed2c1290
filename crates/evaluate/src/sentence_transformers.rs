//! The measures of sentence-transformers' `InformationRetrievalEvaluator`: binary gains.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use crate::evaluation::Counted;
use crate::run::Ties;
use crate::{EvaluateError, JudgedQuery, RunQuery};

/// A measure of sentence-transformers at a cutoff `k`, with its name there: `ndcg@10`. (Its keys
/// are prefixed with the similarity, `dot_ndcg@10`; the caller can add that.)
///
/// Relevance is binary, since its `relevant_docs` is a set of ids. Here these are the documents
/// with a grade above 0. Let `rel(i)` be 1 if the document at rank `i` (from 1) is relevant, else
/// 0, and `R` the number of relevant documents. Documents are ranked by descending score, ties by
/// ascending id. Queries with `R = 0` do not count.
///
/// # Source
/// `compute_metrics` of sentence-transformers 6.2.0,
/// `sentence_transformer/evaluation/information_retrieval.py`;
/// `SparseInformationRetrievalEvaluator` inherits it. Its `NanoBEIREvaluator` puts every row of its
/// judgements into the set, whatever the grade; all grades there are above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StMeasure {
    /// 1 if one of the first `k` is relevant, else 0.
    Accuracy(NonZeroUsize),
    /// `sum of rel(i), i <= k, / k`, even if fewer than `k` were found.
    Precision(NonZeroUsize),
    /// `sum of rel(i), i <= k, / R`.
    Recall(NonZeroUsize),
    /// `sum of rel(i) / log2(i + 1), i <= k`, divided by the same sum for a ranking with all
    /// relevant documents first.
    Ndcg(NonZeroUsize),
    /// `1 / i` for the first relevant document, 0 if none is among the first `k`.
    Mrr(NonZeroUsize),
    /// `sum of rel(i) (rel(1) + ... + rel(i)) / i, i <= k, / min(k, R)`.
    Map(NonZeroUsize),
}

/// Which measures of sentence-transformers to compute, over which queries.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StMeasures {
    /// The measures, in the order of the results. Default [`StMeasure::defaults`].
    pub measures: Vec<StMeasure>,
    /// Which queries count. Default [`Counted::Judged`]: sentence-transformers searches for all of
    /// its queries, and one without results is 0 in every measure.
    pub queries: Counted,
}

impl Default for StMeasures {
    fn default() -> Self {
        Self { measures: StMeasure::defaults(), queries: Counted::Judged }
    }
}

impl StMeasures {
    /// Sets [`measures`](Self::measures).
    #[must_use]
    pub fn with_measures(mut self, measures: Vec<StMeasure>) -> Self {
        self.measures = measures;
        self
    }

    /// Sets [`queries`](Self::queries).
    #[must_use]
    pub fn with_queries(mut self, queries: Counted) -> Self {
        self.queries = queries;
        self
    }
}

const KNOWN: &str = "accuracy@k, precision@k, recall@k, ndcg@k, mrr@k, map@k";

impl StMeasure {
    /// The default measures of sentence-transformers, in its order: accuracy, precision and recall
    /// at 1, 3, 5 and 10, nDCG and MRR at 10, MAP at 100.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        let at = |k: usize| NonZeroUsize::new(k).expect("cutoffs below are not 0");
        let few = [1, 3, 5, 10].map(at);
        let of = |measure: fn(NonZeroUsize) -> Self| few.into_iter().map(measure);
        of(Self::Accuracy)
            .chain(of(Self::Precision))
            .chain(of(Self::Recall))
            .chain([Self::Ndcg(at(10)), Self::Mrr(at(10)), Self::Map(at(100))])
            .collect()
    }

    /// The cutoff: a run needs this many results per query.
    #[must_use]
    pub fn k(self) -> NonZeroUsize {
        let (Self::Accuracy(k)
        | Self::Precision(k)
        | Self::Recall(k)
        | Self::Ndcg(k)
        | Self::Mrr(k)
        | Self::Map(k)) = self;
        k
    }

    /// `relevant[i]`: whether the document at rank `i + 1` is relevant. `n_relevant` is not 0.
    fn value(self, relevant: &[bool], n_relevant: usize) -> f64 {
        let k = self.k().get();
        let top = &relevant[..k.min(relevant.len())];
        let n_correct = top.iter().filter(|relevant| **relevant).count() as f64;
        match self {
            Self::Accuracy(_) => f64::from(n_correct > 0.0),
            Self::Precision(_) => n_correct / k as f64,
            Self::Recall(_) => n_correct / n_relevant as f64,
            Self::Ndcg(_) => dcg(top) / dcg(&vec![true; k.min(n_relevant)]),
            Self::Mrr(_) => match top.iter().position(|relevant| *relevant) {
                Some(position) => 1.0 / (position + 1) as f64,
                None => 0.0,
            },
            Self::Map(_) => {
                let mut n_correct = 0.0;
                let mut sum = 0.0;
                for (rank, _) in (1..).zip(top).filter(|(_, relevant)| **relevant) {
                    n_correct += 1.0;
                    sum += n_correct / f64::from(rank);
                }
                sum / k.min(n_relevant) as f64
            }
        }
    }
}

fn dcg(relevant: &[bool]) -> f64 {
    let gains = (2..).zip(relevant).filter(|(_, relevant)| **relevant);
    gains.map(|(discount, _)| 1.0 / f64::from(discount).log2()).sum()
}

/// The values of all measures for one query that has a relevant document.
pub(crate) fn values(
    measures: &[StMeasure],
    judged: &JudgedQuery,
    found: Option<&RunQuery>,
) -> Vec<f64> {
    let ranked = found.map(|found| found.ranked_by(|score| score, Ties::LowerIdFirst));
    let relevant: Vec<bool> = ranked
        .iter()
        .flatten()
        .map(|hit| judged.grade(&hit.doc_id).is_some_and(|grade| grade > 0))
        .collect();
    let n_relevant = judged.n_relevant(1);
    measures.iter().map(|measure| measure.value(&relevant, n_relevant)).collect()
}

impl fmt::Display for StMeasure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Accuracy(_) => "accuracy",
            Self::Precision(_) => "precision",
            Self::Recall(_) => "recall",
            Self::Ndcg(_) => "ndcg",
            Self::Mrr(_) => "mrr",
            Self::Map(_) => "map",
        };
        write!(formatter, "{name}@{}", self.k())
    }
}

/// Parses a name such as `ndcg@10`, ignoring case.
impl FromStr for StMeasure {
    type Err = EvaluateError;

    fn from_str(text: &str) -> Result<Self, EvaluateError> {
        let unknown = || EvaluateError::UnknownMeasure { name: text.to_owned(), known: KNOWN };
        let (name, k) = text.split_once('@').ok_or_else(unknown)?;
        let k = k.parse().map_err(|_| unknown())?;
        match name.to_ascii_lowercase().as_str() {
            "accuracy" => Ok(Self::Accuracy(k)),
            "precision" => Ok(Self::Precision(k)),
            "recall" => Ok(Self::Recall(k)),
            "ndcg" => Ok(Self::Ndcg(k)),
            "mrr" => Ok(Self::Mrr(k)),
            "map" => Ok(Self::Map(k)),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for measure in StMeasure::defaults() {
            assert_eq!(measure.to_string().parse::<StMeasure>().unwrap(), measure);
        }
        assert_eq!("nDCG@10".parse::<StMeasure>().unwrap().to_string(), "ndcg@10");
        for name in ["ndcg", "ndcg@0", "ndcg@x", "f1@3", "ndcg@-1", ""] {
            let error = name.parse::<StMeasure>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("unknown measure `{name}`, known are:")), "{error}");
        }
    }

    #[test]
    fn map_divides_by_what_could_be_found() {
        let map = |k| StMeasure::Map(NonZeroUsize::new(k).unwrap());
        let relevant = [true, false, true];
        assert_eq!(map(1).value(&relevant, 4), 1.0);
        assert_eq!(map(3).value(&relevant, 4), (1.0 + 2.0 / 3.0) / 3.0);
        assert_eq!(map(100).value(&relevant, 4), (1.0 + 2.0 / 3.0) / 4.0);
    }
}
