//! Searches encoded documents for encoded queries, and measures the runs.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use splade_evaluate::{
    Evaluation, FlopsCounter, JudgedQuery, Judgements, Measures, Run, ScoredDoc, SparseStatistics,
};
use splade_sparse::{SearchIndex, SimilarityFunction, SparseMatrix};

use crate::SpladeError;

/// Texts with their ids and vectors.
#[derive(Clone, Copy, Debug)]
pub struct NamedVectors<'a> {
    /// The id of each text.
    pub ids: &'a [String],
    /// One row for each text.
    pub vectors: &'a SparseMatrix,
}

impl<'a> NamedVectors<'a> {
    /// Row i belongs to `ids[i]`.
    ///
    /// # Panics
    /// If the number of ids is not the number of rows.
    #[must_use]
    pub fn new(ids: &'a [String], vectors: &'a SparseMatrix) -> Self {
        assert_eq!(ids.len(), vectors.n_rows(), "each vector needs one id");
        Self { ids, vectors }
    }
}

/// What happens to a document that has the id of the query.
///
/// In some collections (ArguAna, Quora) queries are documents too, and each finds itself first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdenticalIds {
    /// It is found like any other, as in sentence-transformers' evaluator.
    #[default]
    Keep,
    /// It is left out, as with BEIR's `ignore_identical_ids`.
    Remove,
}

/// How documents are found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RetrieveOptions {
    /// The function for scores: dot or cosine. Default dot.
    pub similarity: SimilarityFunction,
    /// At most this many documents per query. Default 1000.
    pub depth: NonZeroUsize,
    /// The name of the run. Default `splade`.
    pub tag: String,
    /// What happens to a document with the id of the query. Default [`IdenticalIds::Keep`].
    pub identical_ids: IdenticalIds,
}

impl Default for RetrieveOptions {
    fn default() -> Self {
        const DEPTH: NonZeroUsize = NonZeroUsize::new(1000).expect("not zero");
        let tag = "splade".to_owned();
        let (similarity, identical_ids) = (SimilarityFunction::Dot, IdenticalIds::Keep);
        Self { similarity, depth: DEPTH, tag, identical_ids }
    }
}

impl RetrieveOptions {
    /// Sets [`similarity`](Self::similarity).
    #[must_use]
    pub fn with_similarity(mut self, similarity: SimilarityFunction) -> Self {
        self.similarity = similarity;
        self
    }

    /// Sets [`depth`](Self::depth).
    #[must_use]
    pub fn with_depth(mut self, depth: NonZeroUsize) -> Self {
        self.depth = depth;
        self
    }

    /// Sets [`identical_ids`](Self::identical_ids).
    #[must_use]
    pub fn with_identical_ids(mut self, identical_ids: IdenticalIds) -> Self {
        self.identical_ids = identical_ids;
        self
    }
}

impl IdenticalIds {
    /// How many hits to request so that `depth` are left.
    #[must_use]
    pub fn search_depth(self, depth: NonZeroUsize) -> NonZeroUsize {
        match self {
            Self::Keep => depth,
            Self::Remove => depth.saturating_add(1),
        }
    }

    /// The first `depth` hits of a query, without those to be left out.
    #[must_use]
    pub fn kept(
        self,
        query_id: &str,
        mut hits: Vec<ScoredDoc>,
        depth: NonZeroUsize,
    ) -> Vec<ScoredDoc> {
        if self == Self::Remove {
            hits.retain(|hit| hit.doc_id != query_id);
        }
        hits.truncate(depth.get());
        hits
    }
}

/// The best documents for each query, by exact search. Documents that share no dimension with a
/// query are not found; of equal scores, earlier documents come first.
///
/// # Errors
/// [`SpladeError::RetrievalSimilarity`] for distances, which an inverted index cannot rank by; a
/// query or document id that occurs twice.
///
/// # Panics
/// If the dimensions differ.
pub fn retrieve(
    queries: NamedVectors<'_>,
    documents: NamedVectors<'_>,
    options: &RetrieveOptions,
) -> Result<Run, SpladeError> {
    let depth = options.identical_ids.search_depth(options.depth);
    let hits = match options.similarity {
        SimilarityFunction::Dot => {
            SearchIndex::new(documents.vectors).search(queries.vectors, depth)
        }
        // The cosine of two vectors is the dot product of both at length 1.
        SimilarityFunction::Cosine => {
            let documents = documents.vectors.normalized();
            SearchIndex::new(&documents).search(&queries.vectors.normalized(), depth)
        }
        other => return Err(SpladeError::RetrievalSimilarity { similarity: other.as_str() }),
    };
    let mut run = Run::new(&options.tag);
    for (query, hits) in queries.ids.iter().zip(hits) {
        let hits = hits.into_iter().map(|hit| ScoredDoc {
            doc_id: documents.ids[hit.doc_idx].clone(),
            score: hit.score.into(),
        });
        run.push(query, options.identical_ids.kept(query, hits.collect(), options.depth))?;
    }
    Ok(run)
}

/// The quality of a search of one collection, and the size of its vectors.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Measured {
    /// How many of the largest weights were kept of each vector; `None` for all.
    pub max_active_dims: Option<NonZeroUsize>,
    /// The documents found.
    pub run: Run,
    /// The measures of the run.
    pub evaluation: Evaluation,
    /// Active dimensions and FLOPs.
    pub statistics: SparseStatistics,
    /// Total number of weights of all documents.
    pub nnz: usize,
}

/// Retrieves and measures once for each limit in `limits`. A limit applies to queries and
/// documents, like `max_active_dims` of sentence-transformers' evaluator.
///
/// # Errors
/// See [`retrieve`]; judgements of which no query was searched.
///
/// # Panics
/// If the dimensions differ.
pub fn measure_retrieval(
    queries: NamedVectors<'_>,
    documents: NamedVectors<'_>,
    judging: Judging<'_>,
    options: &RetrieveOptions,
    limits: &[Option<NonZeroUsize>],
) -> Result<Vec<Measured>, SpladeError> {
    let measure = |max_active_dims: Option<NonZeroUsize>| {
        let kept = |vectors: &SparseMatrix| max_active_dims.map(|k| vectors.top_k(k));
        let (kept_queries, kept_documents) = (kept(queries.vectors), kept(documents.vectors));
        let query_vectors = kept_queries.as_ref().unwrap_or(queries.vectors);
        let vectors = kept_documents.as_ref().unwrap_or(documents.vectors);
        let run = retrieve(
            NamedVectors { ids: queries.ids, vectors: query_vectors },
            NamedVectors { ids: documents.ids, vectors },
            options,
        )?;
        let ids = documents.ids.iter().map(String::as_str);
        let evaluation = judging.measure(&run, ids, options.identical_ids)?;
        let (statistics, nnz) = (statistics(query_vectors, vectors)?, vectors.nnz());
        Ok(Measured { max_active_dims, run, evaluation, statistics, nnz })
    };
    limits.iter().copied().map(measure).collect()
}

/// What runs are judged by.
#[derive(Clone, Copy, Debug)]
pub struct Judging<'a> {
    /// Which documents are relevant.
    pub judgements: &'a Judgements,
    /// The measures to compute.
    pub measures: &'a Measures,
}

impl Judging<'_> {
    /// Measures a run over documents with these ids, and counts the relevant documents that are not
    /// among them ([`Evaluation::n_relevant_missing`]). sentence-transformers ranks all documents,
    /// including those that share no dimension with a query, by ascending id. For its measures
    /// these are added, except for the query's own document if that was left out.
    ///
    /// # Errors
    /// Judgements of which no query is in the run, or no document among the documents.
    pub fn measure<'d>(
        &self,
        run: &Run,
        document_ids: impl IntoIterator<Item = &'d str>,
        identical_ids: IdenticalIds,
    ) -> Result<Evaluation, SpladeError> {
        let document_ids: Vec<&str> = document_ids.into_iter().collect();
        let n_relevant_missing = self.n_relevant_missing(&document_ids)?;
        let mut evaluation = self.evaluate(run, document_ids, identical_ids)?;
        evaluation.n_relevant_missing = Some(n_relevant_missing);
        Ok(evaluation)
    }

    /// How many relevant documents are not among these.
    fn n_relevant_missing(&self, document_ids: &[&str]) -> Result<usize, SpladeError> {
        let level = self.measures.relevance_level();
        let mut is_relevant: HashMap<&str, bool> = HashMap::new();
        for (id, grade) in self.judgements.queries().iter().flat_map(JudgedQuery::grades) {
            *is_relevant.entry(id).or_default() |= grade >= level;
        }
        let n_judged = is_relevant.len();
        for id in document_ids {
            is_relevant.remove(id);
        }
        if n_judged > 0 && is_relevant.len() == n_judged {
            return Err(SpladeError::NoJudgedDocument {
                n_judged,
                n_documents: document_ids.len(),
            });
        }
        Ok(is_relevant.into_values().filter(|is_relevant| *is_relevant).count())
    }

    fn evaluate(
        &self,
        run: &Run,
        document_ids: Vec<&str>,
        identical_ids: IdenticalIds,
    ) -> Result<Evaluation, SpladeError> {
        let Measures::SentenceTransformers(measures) = self.measures else {
            return Ok(self.measures.evaluate(self.judgements, run)?);
        };
        let depth = measures.measures.iter().map(|measure| measure.k().get()).max();
        let mut run = run.clone();
        let depth = depth.unwrap_or(0);
        match identical_ids {
            IdenticalIds::Keep => run.add_zero_scores(document_ids, depth),
            IdenticalIds::Remove => {
                run.add_zero_scores(document_ids, depth.saturating_add(1));
                run.remove_identical_ids();
            }
        }
        Ok(self.measures.evaluate(self.judgements, &run)?)
    }
}

/// Active dimensions and FLOPs, as sentence-transformers' evaluator prints them.
///
/// # Errors
/// None if the dimensions agree.
pub fn statistics(
    queries: &SparseMatrix,
    documents: &SparseMatrix,
) -> Result<SparseStatistics, SpladeError> {
    let mut counter = FlopsCounter::new(documents.dimension());
    queries.rows().try_for_each(|row| counter.add_query(row.indices()))?;
    documents.rows().try_for_each(|row| counter.add_document(row.indices()))?;
    Ok(counter.statistics())
}
