//! Measures of retrieval, without a model.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use splade::SpladeError;
use splade::evaluate::{
    Judgements, Judging, Measured, Measures, NamedVectors, RetrieveOptions, measure_retrieval,
};

use crate::errors::{check_dimensions, to_python};
use crate::index::check_count;
use crate::matrix::{SparseMatrix, read_function};
use crate::threads::Threads;
use crate::waiting::{self, Watch};

/// Ranks documents for queries by exact search, and measures the ranking. Returns the measures by
/// name, and the sparsity of the vectors as sentence-transformers' evaluator reports it.
#[pyfunction]
#[pyo3(signature = (queries, documents, judgements, similarity = "dot", measures = "sentence-transformers", depth = 1000))]
pub(crate) fn measure(
    py: Python<'_>,
    queries: (Vec<String>, PyRef<'_, SparseMatrix>),
    documents: (Vec<String>, PyRef<'_, SparseMatrix>),
    judgements: BTreeMap<String, BTreeMap<String, i32>>,
    similarity: &str,
    measures: &str,
    depth: usize,
) -> PyResult<BTreeMap<String, f64>> {
    let measures = match measures {
        "sentence-transformers" => Measures::sentence_transformers(),
        "trec_eval" => Measures::trec_eval(),
        other => {
            let message =
                format!("measures is {other}, expected sentence-transformers or trec_eval");
            return Err(PyValueError::new_err(message));
        }
    };
    let depth = NonZeroUsize::new(depth)
        .ok_or_else(|| PyValueError::new_err("depth must be a positive integer, got 0."))?;
    let options =
        RetrieveOptions::default().with_similarity(read_function(similarity)?).with_depth(depth);
    let ((query_ids, queries), (document_ids, documents)) = (queries, documents);
    let (queries, documents) = (queries.to_rust(py)?, documents.to_rust(py)?);
    check_count(query_ids.len(), queries.n_rows())?;
    check_count(document_ids.len(), documents.n_rows())?;
    check_dimensions(queries.dimension(), documents.dimension())?;
    let judged = read_judgements(&judgements)?;
    let work = || -> Result<Vec<Measured>, SpladeError> {
        measure_retrieval(
            NamedVectors::new(&query_ids, &queries),
            NamedVectors::new(&document_ids, &documents),
            Judging { judgements: &judged, measures: &measures },
            &options,
            &[None],
        )
    };
    let measured = waiting::run(py, Threads::shared()?, &Watch::default(), work)?;
    let measured = measured.map_err(to_python)?;
    Ok(measured.first().map(values).unwrap_or_default())
}

fn read_judgements(judgements: &BTreeMap<String, BTreeMap<String, i32>>) -> PyResult<Judgements> {
    let mut read = Judgements::new();
    for (query, grades) in judgements {
        for (document, grade) in grades {
            let inserted = read.insert(query, document, *grade);
            inserted.map_err(|error| to_python(error.into()))?;
        }
    }
    Ok(read)
}

fn values(measured: &Measured) -> BTreeMap<String, f64> {
    let summary = measured.evaluation.summary();
    let mut values: BTreeMap<String, f64> =
        summary.map(|(name, value)| (name.to_owned(), value)).collect();
    let statistics = measured.statistics;
    values.extend([
        ("query_active_dims".to_owned(), statistics.query_active_dims),
        ("query_sparsity_ratio".to_owned(), statistics.query_sparsity_ratio),
        ("corpus_active_dims".to_owned(), statistics.corpus_active_dims),
        ("corpus_sparsity_ratio".to_owned(), statistics.corpus_sparsity_ratio),
        ("avg_flops".to_owned(), statistics.avg_flops),
    ]);
    values
}
