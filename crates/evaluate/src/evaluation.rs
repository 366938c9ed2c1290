//! Measures a run against judgements, per query and over all queries.

use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

use crate::{
    EvaluateError, JudgedQuery, Judgements, Run, StMeasures, TrecMeasures, sentence_transformers,
};

/// Whose definitions to use. They differ in ties, grades and averages.
#[derive(Debug, Clone, PartialEq)]
pub enum Measures {
    /// sentence-transformers' `InformationRetrievalEvaluator`: see [`StMeasure`](crate::StMeasure).
    SentenceTransformers(StMeasures),
    /// trec_eval: see [`TrecMeasure`](crate::TrecMeasure).
    TrecEval(TrecMeasures),
}

/// Which queries count in the overall values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// All judged queries; one that is not in the run has no results.
    Judged,
    /// Queries that are both judged and in the run.
    InRun,
}

/// The values of some measures, for each query that counts and over all of them.
///
/// Serialises as `{"n_queries", "n_missing", "n_unjudged", "n_without_relevant", "summary":
/// {measure: value}, "queries": {query: {measure: value}}}`, with `"n_relevant_missing"` before
/// `"summary"` if it is known.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    names: Vec<String>,
    summary: Vec<f64>,
    queries: Vec<(String, Vec<f64>)>,
    /// Judged queries that are not in the run: they are 0 with [`Counted::Judged`], and left out
    /// with [`Counted::InRun`].
    pub n_missing: usize,
    /// Queries of the run without judgements. They are left out.
    pub n_unjudged: usize,
    /// Judged queries without a relevant document: sentence-transformers leaves them out; trec_eval
    /// gives them 0.
    pub n_without_relevant: usize,
    /// Relevant documents that are missing from the searched collection, so that no search could
    /// find them. `None` if only the run is known.
    pub n_relevant_missing: Option<usize>,
}

impl Measures {
    /// sentence-transformers with its defaults.
    #[must_use]
    pub fn sentence_transformers() -> Self {
        Self::SentenceTransformers(StMeasures::default())
    }

    /// trec_eval with the defaults of [`TrecMeasures`].
    #[must_use]
    pub fn trec_eval() -> Self {
        Self::TrecEval(TrecMeasures::default())
    }

    /// Measures `run` against `judgements`. Queries keep the order of the judgements.
    ///
    /// An overall value is the mean over the queries that count, or their sum for trec_eval's
    /// `num_*`.
    ///
    /// # Errors
    /// [`EvaluateError::NoQueries`] if no query counts, usually because the ids do not agree;
    /// [`EvaluateError::NothingRelevant`].
    pub fn evaluate(
        &self,
        judgements: &Judgements,
        run: &Run,
    ) -> Result<Evaluation, EvaluateError> {
        self.check(judgements)?;
        let level = self.relevance_level();
        let has_relevant = |judged: &&JudgedQuery| judged.n_relevant(level) > 0;
        let n_without_relevant =
            judgements.queries().iter().filter(|judged| !has_relevant(judged)).count();
        let counted = match self {
            Self::SentenceTransformers(options) => options.queries,
            Self::TrecEval(options) => options.queries,
        };
        let (mut n_found, mut n_missing) = (0, 0);
        let mut queries = Vec::new();
        for judged in judgements.queries() {
            if matches!(self, Self::SentenceTransformers(_)) && !has_relevant(&judged) {
                continue;
            }
            let found = run.query(judged.id());
            match found {
                Some(_) => n_found += 1,
                None => n_missing += 1,
            }
            if found.is_none() && counted == Counted::InRun {
                continue;
            }
            let values = match self {
                Self::SentenceTransformers(options) => {
                    sentence_transformers::values(&options.measures, judged, found)
                }
                Self::TrecEval(options) => options.values(judged, found),
            };
            // The sum of no values is -0.0.
            let values = values.into_iter().map(|value| value + 0.0).collect();
            queries.push((judged.id().to_owned(), values));
        }
        let n_unjudged =
            run.queries().iter().filter(|query| judgements.query(query.id()).is_none()).count();
        // If no judged query is in the run, every value would be 0, which hides the cause.
        if n_found == 0 {
            let (n_judged, n_run) = (judgements.queries().len(), run.queries().len());
            return Err(EvaluateError::NoQueries { n_judged, n_run });
        }
        let summary = self.summary(&queries);
        let names = self.names();
        Ok(Evaluation {
            names,
            summary,
            queries,
            n_missing,
            n_unjudged,
            n_without_relevant,
            n_relevant_missing: None,
        })
    }

    /// Refuses judgements with which no query can count, whatever is found.
    ///
    /// # Errors
    /// [`EvaluateError::NothingRelevant`] for sentence-transformers, which averages only over
    /// queries with a relevant document; with trec_eval every query is 0 then.
    pub fn check(&self, judgements: &Judgements) -> Result<(), EvaluateError> {
        let (level, queries) = (self.relevance_level(), judgements.queries());
        let counts = |judged: &JudgedQuery| judged.n_relevant(level) > 0;
        match self {
            Self::SentenceTransformers(_) if !queries.is_empty() && !queries.iter().any(counts) => {
                Err(EvaluateError::NothingRelevant { n_judged: queries.len(), level })
            }
            _ => Ok(()),
        }
    }

    /// The smallest relevant grade.
    #[must_use]
    pub fn relevance_level(&self) -> i32 {
        match self {
            Self::SentenceTransformers(_) => 1,
            Self::TrecEval(options) => i32::from(options.relevance_level.get()),
        }
    }

    /// The names of the measures, in the order of the results.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::SentenceTransformers(options) => {
                options.measures.iter().map(ToString::to_string).collect()
            }
            Self::TrecEval(options) => options.measures.iter().map(ToString::to_string).collect(),
        }
    }

    fn summary(&self, queries: &[(String, Vec<f64>)]) -> Vec<f64> {
        let sum = |measure: usize| queries.iter().map(|(_, values)| values[measure]).sum::<f64>();
        let mean = |measure: usize| sum(measure) / queries.len() as f64;
        match self {
            Self::SentenceTransformers(options) => (0..options.measures.len()).map(mean).collect(),
            Self::TrecEval(options) => (0..)
                .zip(&options.measures)
                .map(|(at, measure)| if measure.is_summed() { sum(at) } else { mean(at) })
                .collect(),
        }
    }
}

impl Evaluation {
    /// Number of queries that count.
    #[must_use]
    pub fn n_queries(&self) -> usize {
        self.queries.len()
    }

    /// The names of the measures.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The overall value of each measure, by name.
    pub fn summary(&self) -> impl ExactSizeIterator<Item = (&str, f64)> {
        self.names.iter().map(String::as_str).zip(self.summary.iter().copied())
    }

    /// The overall value of one measure.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<f64> {
        self.summary().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// Each query that counts, with its values in the order of [`Evaluation::names`].
    pub fn queries(&self) -> impl ExactSizeIterator<Item = (&str, &[f64])> {
        self.queries.iter().map(|(id, values)| (id.as_str(), values.as_slice()))
    }
}

/// Names and values of equal length, as a map.
struct Named<'a>(&'a [String], &'a [f64]);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().zip(self.1))
    }
}

struct ByQuery<'a>(&'a Evaluation);

impl Serialize for ByQuery<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.queries.len()))?;
        for (id, values) in &self.0.queries {
            map.serialize_entry(id, &Named(&self.0.names, values))?;
        }
        map.end()
    }
}

impl Serialize for Evaluation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let n_fields = 6 + usize::from(self.n_relevant_missing.is_some());
        let mut fields = serializer.serialize_struct("Evaluation", n_fields)?;
        fields.serialize_field("n_queries", &self.queries.len())?;
        fields.serialize_field("n_missing", &self.n_missing)?;
        fields.serialize_field("n_unjudged", &self.n_unjudged)?;
        fields.serialize_field("n_without_relevant", &self.n_without_relevant)?;
        if let Some(n) = &self.n_relevant_missing {
            fields.serialize_field("n_relevant_missing", n)?;
        }
        fields.serialize_field("summary", &Named(&self.names, &self.summary))?;
        fields.serialize_field("queries", &ByQuery(self))?;
        fields.end()
    }
}
