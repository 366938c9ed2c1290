//! The measures of trec_eval: graded judgements, at cutoffs and over whole rankings.

use std::fmt;
use std::num::{NonZeroU16, NonZeroUsize};

use crate::evaluation::Counted;
use crate::run::Ties;
use crate::{EvaluateError, JudgedQuery, RunQuery};

/// A measure of trec_eval, named as in its output: `ndcg_cut_10`.
///
/// Let `rel(i)` be 1 if the grade of the document at rank `i` (from 1) is at least the relevance
/// level (1 by default), else 0; `R` the number of documents with such a grade; `gain(i)` the grade
/// itself, or 0 if it is negative or the document is not judged. Documents are ranked by descending
/// score, ties by **descending** id. If `R = 0`, every value is 0.
///
/// # Source
/// The files `m_*.c` and `form_res_rels.c` of trec_eval 9.0.8 and 10.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TrecMeasure {
    /// 1; over all queries, their number.
    NumQ,
    /// Documents found; over all queries, their sum.
    NumRet,
    /// `R`; over all queries, their sum.
    NumRel,
    /// Relevant documents found; over all queries, their sum.
    NumRelRet,
    /// `sum of rel(i) (rel(1) + ... + rel(i)) / i, / R`.
    Map,
    /// As `map` over the first `k`; divided by `R`, however small `k` is.
    MapCut(NonZeroUsize),
    /// `1 / i` for the first relevant document, 0 if there is none.
    RecipRank,
    /// `sum of gain(i) / log2(i + 1)`, divided by the same sum for a ranking of all judged
    /// documents by descending grade. It does not depend on the relevance level.
    Ndcg,
    /// As `ndcg`, with both sums over the first `k`.
    NdcgCut(NonZeroUsize),
    /// `sum of rel(i), i <= k, / k`, even if fewer than `k` were found.
    P(NonZeroUsize),
    /// `sum of rel(i), i <= k, / R`.
    Recall(NonZeroUsize),
    /// 1 if one of the first `k` is relevant, else 0.
    Success(NonZeroUsize),
}

/// The precision in which scores are compared; equal scores are ties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScorePrecision {
    /// As f32: trec_eval up to 9.0.8, and pytrec_eval.
    #[default]
    Single,
    /// As f64: trec_eval 10.0.
    Double,
}

/// Which measures of trec_eval to compute, and how.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TrecMeasures {
    /// The measures, in the order of the results. Default [`TrecMeasure::defaults`].
    pub measures: Vec<TrecMeasure>,
    /// Which queries count. Default [`Counted::InRun`]; [`Counted::Judged`] is trec_eval's `-c`.
    pub queries: Counted,
    /// The smallest relevant grade, trec_eval's `-l`. Default 1.
    pub relevance_level: NonZeroU16,
    /// How scores are compared. Default [`ScorePrecision::Single`].
    pub precision: ScorePrecision,
}

impl Default for TrecMeasures {
    fn default() -> Self {
        Self {
            measures: TrecMeasure::defaults(),
            queries: Counted::InRun,
            relevance_level: NonZeroU16::MIN,
            precision: ScorePrecision::Single,
        }
    }
}

impl TrecMeasures {
    /// Sets [`measures`](Self::measures).
    #[must_use]
    pub fn with_measures(mut self, measures: Vec<TrecMeasure>) -> Self {
        self.measures = measures;
        self
    }

    /// Sets [`queries`](Self::queries).
    #[must_use]
    pub fn with_queries(mut self, queries: Counted) -> Self {
        self.queries = queries;
        self
    }

    /// Sets [`relevance_level`](Self::relevance_level).
    #[must_use]
    pub fn with_relevance_level(mut self, level: NonZeroU16) -> Self {
        self.relevance_level = level;
        self
    }

    /// Sets [`precision`](Self::precision).
    #[must_use]
    pub fn with_precision(mut self, precision: ScorePrecision) -> Self {
        self.precision = precision;
        self
    }

    /// The values of all measures for one query; if it is not in the run, nothing was found.
    pub(crate) fn values(&self, judged: &JudgedQuery, found: Option<&RunQuery>) -> Vec<f64> {
        let level = i32::from(self.relevance_level.get());
        let ranked = found.map(|found| match self.precision {
            ScorePrecision::Single => {
                found.ranked_by(|score| f64::from(score as f32), Ties::HigherIdFirst)
            }
            ScorePrecision::Double => found.ranked_by(|score| score, Ties::HigherIdFirst),
        });
        let grade = |doc_id: &str| judged.grade(doc_id).unwrap_or(0).max(0);
        let mut ideal: Vec<i32> = judged.grades().map(|(_, grade)| grade.max(0)).collect();
        ideal.sort_unstable_by(|a, b| b.cmp(a));
        let ranking = Ranking {
            grades: ranked.iter().flatten().map(|hit| grade(&hit.doc_id)).collect(),
            ideal,
            n_relevant: judged.n_relevant(level),
            level,
        };
        self.measures.iter().map(|measure| measure.value(&ranking)).collect()
    }
}

struct Ranking {
    /// Grades of the documents found, by rank; 0 where trec_eval has a negative value.
    grades: Vec<i32>,
    /// Grades of all judged documents, descending.
    ideal: Vec<i32>,
    n_relevant: usize,
    level: i32,
}

impl Ranking {
    fn relevant(&self, k: usize) -> impl Iterator<Item = usize> {
        let top = self.grades[..k.min(self.grades.len())].iter();
        (1..).zip(top).filter(|(_, grade)| **grade >= self.level).map(|(rank, _)| rank)
    }

    fn n_relevant_found(&self, k: usize) -> f64 {
        self.relevant(k).count() as f64
    }

    fn average_precision(&self, k: usize) -> f64 {
        let precisions = (1..).zip(self.relevant(k));
        let sum: f64 = precisions.map(|(n, rank): (usize, usize)| n as f64 / rank as f64).sum();
        ratio(sum, self.n_relevant as f64)
    }

    fn ndcg(&self, k: usize) -> f64 {
        ratio(dcg(&self.grades, k), dcg(&self.ideal, k))
    }
}

fn dcg(gains: &[i32], k: usize) -> f64 {
    let top = (1..).zip(&gains[..k.min(gains.len())]).filter(|(_, gain)| **gain > 0);
    top.map(|(rank, gain): (usize, _)| f64::from(*gain) / ((rank + 1) as f64).log2()).sum()
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

const KNOWN: &str = "num_q, num_ret, num_rel, num_rel_ret, map, map_cut_k, recip_rank, ndcg, \
                     ndcg_cut_k, P_k, recall_k, success_k";

impl TrecMeasure {
    /// The counts, `map`, `recip_rank`, `ndcg`, then nDCG, MAP, recall and precision at 1, 3, 5,
    /// 10, 100 and 1000 (the cutoffs of BEIR's `EvaluateRetrieval`) and success at 1, 5 and 10
    /// (trec_eval's own).
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        let at = |measure: fn(NonZeroUsize) -> Self, cutoffs: &[usize]| -> Vec<Self> {
            cutoffs.iter().filter_map(|k| NonZeroUsize::new(*k)).map(measure).collect()
        };
        let mut measures = vec![Self::NumQ, Self::NumRet, Self::NumRel, Self::NumRelRet];
        measures.extend([Self::Map, Self::RecipRank, Self::Ndcg]);
        for measure in [Self::NdcgCut, Self::MapCut, Self::Recall, Self::P] {
            measures.extend(at(measure, &[1, 3, 5, 10, 100, 1000]));
        }
        measures.extend(at(Self::Success, &[1, 5, 10]));
        measures
    }

    /// Parses a name as in trec_eval's output (`ndcg_cut_10`) or its option `-m` (`ndcg_cut.5,10`).
    /// Without a number, a measure gets trec_eval's default cutoffs: 5, 10, 15, 20, 30, 100, 200,
    /// 500 and 1000; success gets 1, 5 and 10.
    ///
    /// # Errors
    /// [`EvaluateError::UnknownMeasure`], also for a cutoff of 0.
    pub fn parse(text: &str) -> Result<Vec<Self>, EvaluateError> {
        let unknown = || EvaluateError::UnknownMeasure { name: text.to_owned(), known: KNOWN };
        let plain = [
            Self::NumQ,
            Self::NumRet,
            Self::NumRel,
            Self::NumRelRet,
            Self::Map,
            Self::RecipRank,
            Self::Ndcg,
        ];
        if let Some(measure) = plain.into_iter().find(|measure| measure.base_name() == text) {
            return Ok(vec![measure]);
        }
        let with_cutoffs: [fn(NonZeroUsize) -> Self; 5] =
            [Self::MapCut, Self::NdcgCut, Self::P, Self::Recall, Self::Success];
        for measure in with_cutoffs {
            let name = measure(NonZeroUsize::MIN).base_name();
            let Some(rest) = text.strip_prefix(name) else { continue };
            let cutoffs = match (rest, rest.strip_prefix(['_', '.'])) {
                ("", _) if name == "success" => "1,5,10",
                ("", _) => "5,10,15,20,30,100,200,500,1000",
                (_, Some(cutoffs)) => cutoffs,
                (_, None) => continue,
            };
            let parse = |k: &str| k.parse().map(measure).map_err(|_| unknown());
            return cutoffs.split(',').map(parse).collect();
        }
        Err(unknown())
    }

    /// Whether the overall value is the sum instead of the mean.
    #[must_use]
    pub fn is_summed(self) -> bool {
        matches!(self, Self::NumQ | Self::NumRet | Self::NumRel | Self::NumRelRet)
    }

    fn cutoff(self) -> Option<NonZeroUsize> {
        match self {
            Self::MapCut(k)
            | Self::NdcgCut(k)
            | Self::P(k)
            | Self::Recall(k)
            | Self::Success(k) => Some(k),
            Self::NumQ
            | Self::NumRet
            | Self::NumRel
            | Self::NumRelRet
            | Self::Map
            | Self::RecipRank
            | Self::Ndcg => None,
        }
    }

    fn base_name(self) -> &'static str {
        match self {
            Self::NumQ => "num_q",
            Self::NumRet => "num_ret",
            Self::NumRel => "num_rel",
            Self::NumRelRet => "num_rel_ret",
            Self::Map => "map",
            Self::MapCut(_) => "map_cut",
            Self::RecipRank => "recip_rank",
            Self::Ndcg => "ndcg",
            Self::NdcgCut(_) => "ndcg_cut",
            Self::P(_) => "P",
            Self::Recall(_) => "recall",
            Self::Success(_) => "success",
        }
    }

    fn value(self, ranking: &Ranking) -> f64 {
        const ALL: usize = usize::MAX;
        match self {
            Self::NumQ => 1.0,
            Self::NumRet => ranking.grades.len() as f64,
            Self::NumRel => ranking.n_relevant as f64,
            Self::NumRelRet => ranking.n_relevant_found(ALL),
            Self::Map => ranking.average_precision(ALL),
            Self::MapCut(k) => ranking.average_precision(k.get()),
            Self::RecipRank => ranking.relevant(ALL).next().map_or(0.0, |rank| 1.0 / rank as f64),
            Self::Ndcg => ranking.ndcg(ALL),
            Self::NdcgCut(k) => ranking.ndcg(k.get()),
            Self::P(k) => ranking.n_relevant_found(k.get()) / k.get() as f64,
            Self::Recall(k) => ratio(ranking.n_relevant_found(k.get()), ranking.n_relevant as f64),
            Self::Success(k) => f64::from(ranking.relevant(k.get()).next().is_some()),
        }
    }
}

impl fmt::Display for TrecMeasure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.base_name())?;
        match self.cutoff() {
            Some(k) => write!(formatter, "_{k}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        TrecMeasure::parse(text).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for measure in TrecMeasure::defaults() {
            assert_eq!(names(&measure.to_string()), [measure.to_string()]);
        }
    }

    #[test]
    fn names_are_read_as_the_command_line_of_trec_eval_has_them() {
        assert_eq!(names("ndcg_cut.5,10"), ["ndcg_cut_5", "ndcg_cut_10"]);
        assert_eq!(names("success"), ["success_1", "success_5", "success_10"]);
        assert_eq!(names("P").len(), 9);
    }

    #[test]
    fn an_unknown_name_is_refused() {
        for name in ["ndcg@10", "ndcg_10", "P_0", "P_", "Px", "map_5", "bpref", "", "P.5,x"] {
            let error = TrecMeasure::parse(name).unwrap_err().to_string();
            assert!(error.starts_with(&format!("unknown measure `{name}`")), "{error}");
        }
    }
}
