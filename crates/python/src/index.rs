//! [`Index`]: an inverted index on disk; and search among vectors in memory.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use splade::index::{IndexBuilder, IndexError, IndexOptions, WeightFormat};
use splade::sparse::SearchIndex;

use crate::errors::{check_dimensions, message, to_python};
use crate::matrix::SparseMatrix;
use crate::row::SparseRow;
use crate::threads::Threads;
use crate::waiting::{self, Watch};

/// Documents of a query with their scores, the best first.
type Hits<T> = Vec<Vec<(T, f32)>>;

/// Documents with ids, mapped into memory; search is exact.
#[pyclass(frozen, module = "splade._splade")]
pub(crate) struct Index(splade::index::Index);

#[pymethods]
impl Index {
    /// Writes an index of vectors, row i with `ids[i]`, and opens it.
    #[staticmethod]
    #[pyo3(signature = (path, vectors, ids, weight_format = "f32", metadata = ""))]
    fn build(
        py: Python<'_>,
        path: PathBuf,
        vectors: &SparseMatrix,
        ids: Vec<String>,
        weight_format: &str,
        metadata: &str,
    ) -> PyResult<Self> {
        let format = match weight_format {
            "f32" => WeightFormat::F32,
            "f16" => WeightFormat::F16,
            "u8" => WeightFormat::U8,
            other => {
                let message = format!("weight_format is {other}, expected f32, f16 or u8");
                return Err(PyValueError::new_err(message));
            }
        };
        let vectors = vectors.to_rust(py)?;
        check_count(ids.len(), vectors.n_rows())?;
        let options = IndexOptions::default().with_weight_format(format).with_metadata(metadata);
        let build = || -> Result<_, IndexError> {
            let mut builder = IndexBuilder::create(&path, vectors.dimension(), options)?;
            for (id, row) in ids.iter().zip(vectors.rows()) {
                builder.push(id, row)?;
            }
            builder.finish()?;
            splade::index::Index::open(&path)
        };
        py.detach(build).map(Self).map_err(of_index)
    }

    /// Opens an index.
    #[staticmethod]
    fn open(path: PathBuf) -> PyResult<Self> {
        splade::index::Index::open(path).map(Self).map_err(of_index)
    }

    /// The `k` documents with the largest dot product with each query: ids and scores.
    fn search(
        &self,
        py: Python<'_>,
        queries: &SparseMatrix,
        k: NonZeroUsize,
    ) -> PyResult<Hits<String>> {
        let queries = queries.to_rust(py)?;
        let search = || -> Result<Hits<String>, IndexError> {
            let found = self.0.search_many(&queries, k)?;
            let named = found.into_iter().map(|hits| {
                let named =
                    |hit: splade::sparse::Hit| Ok((self.0.id(hit.doc_idx)?.to_owned(), hit.score));
                hits.into_iter().map(named).collect()
            });
            named.collect()
        };
        waiting::run(py, Threads::shared()?, &Watch::default(), search)?.map_err(of_index)
    }

    /// Why a document has its score: the terms shared with a query, the weights of both, and their
    /// product, the largest first.
    fn explain(
        &self,
        py: Python<'_>,
        query: &SparseRow,
        id: &str,
    ) -> PyResult<Vec<(u32, f32, f32, f64)>> {
        let query = query.to_rust(py)?;
        let document = self.0.find(id).map_err(of_index)?;
        let document = document.ok_or_else(|| PyKeyError::new_err(id.to_owned()))?;
        let terms = self.0.explain(query.view(), document).map_err(of_index)?;
        let parts = terms.into_iter();
        Ok(parts.map(|t| (t.term, t.query_weight, t.document_weight, t.product)).collect())
    }

    /// Reads the whole file and checks it.
    fn verify(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.verify()).map_err(of_index)
    }

    /// Length of a vector when written densely.
    #[getter]
    fn dimension(&self) -> usize {
        self.0.dimension()
    }

    /// Number of weights.
    #[getter]
    fn nnz(&self) -> usize {
        self.0.nnz()
    }

    /// The text that was stored with it.
    #[getter]
    fn metadata(&self) -> String {
        self.0.metadata().to_owned()
    }

    /// The file.
    #[getter]
    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    fn __len__(&self) -> usize {
        self.0.n_docs()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, pyo3::types::PyTuple>> {
        (slf.get_type().getattr("open")?, (slf.get().0.path(),)).into_pyobject(slf.py())
    }
}

/// The `k` rows of `documents` with the largest dot product with each query: rows and scores.
#[pyfunction]
pub(crate) fn search(
    py: Python<'_>,
    queries: &SparseMatrix,
    documents: &SparseMatrix,
    k: NonZeroUsize,
) -> PyResult<Hits<usize>> {
    let (queries, documents) = (queries.to_rust(py)?, documents.to_rust(py)?);
    check_dimensions(queries.dimension(), documents.dimension())?;
    let search = || SearchIndex::new(&documents).search(&queries, k);
    let found = waiting::run(py, Threads::shared()?, &Watch::default(), search)?;
    let plain = |hits: Vec<splade::sparse::Hit>| {
        hits.into_iter().map(|hit| (hit.doc_idx, hit.score)).collect()
    };
    Ok(found.into_iter().map(plain).collect())
}

/// # Errors
/// A number of ids other than the number of vectors.
pub(crate) fn check_count(n_ids: usize, n_rows: usize) -> PyResult<()> {
    if n_ids == n_rows {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("there are {n_rows} vectors, but {n_ids} ids")))
}

fn of_index(error: IndexError) -> PyErr {
    // The library counts it as data's fault, since ids come from files there.
    if matches!(error, IndexError::DuplicateId { .. }) {
        return PyValueError::new_err(message(&error));
    }
    to_python(error.into())
}
