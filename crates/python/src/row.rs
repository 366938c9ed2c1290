//! [`SparseRow`]: the vector of one text, in arrays of numpy.

use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::numbers::{array, borrow};
use crate::{errors, matrix};

/// A sparse vector: the indices (uint32, increasing) and weights (float32) of its entries.
#[pyclass(frozen, module = "splade._splade")]
pub(crate) struct SparseRow {
    pub(crate) dimension: usize,
    pub(crate) indices: Py<PyArray1<i32>>,
    pub(crate) values: Py<PyArray1<f32>>,
}

impl SparseRow {
    /// The vector as the library has it, copied and checked.
    ///
    /// # Errors
    /// Arrays that break a rule of the vector.
    pub(crate) fn to_rust(&self, py: Python<'_>) -> PyResult<splade::SparseRow> {
        let (indices, values) = (borrow(py, &self.indices)?, borrow(py, &self.values)?);
        let indices: Vec<u32> = bytemuck::cast_slice(indices.as_slice()?).to_vec();
        let values = values.as_slice()?.to_vec();
        let row = splade::SparseRow::from_parts(self.dimension, indices, values);
        row.map_err(|error| errors::of_vectors(&error))
    }
}

#[pymethods]
impl SparseRow {
    /// A row over arrays that it shares, after checking them.
    #[staticmethod]
    fn from_parts(
        py: Python<'_>,
        indices: Bound<'_, PyArray1<i32>>,
        values: Bound<'_, PyArray1<f32>>,
        dimension: usize,
    ) -> PyResult<Self> {
        let row = Self { dimension, indices: indices.unbind(), values: values.unbind() };
        row.to_rust(py)?;
        Ok(row)
    }

    /// The indices of the entries.
    #[getter]
    fn indices<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.indices.bind(py).call_method1("view", ("uint32",))
    }

    /// The weights of the entries.
    #[getter]
    fn values(&self, py: Python<'_>) -> Py<PyArray1<f32>> {
        self.values.clone_ref(py)
    }

    /// Its length when written densely.
    #[getter]
    fn shape(&self) -> (usize,) {
        (self.dimension,)
    }

    /// Number of entries.
    #[getter]
    fn nnz(&self, py: Python<'_>) -> PyResult<usize> {
        self.values.bind(py).len()
    }

    /// The vector densely.
    fn to_dense(&self, py: Python<'_>) -> PyResult<Py<PyArray1<f32>>> {
        Ok(array(py, self.to_rust(py)?.to_dense()).unbind())
    }

    /// The vector as a matrix of one row.
    fn to_matrix(&self, py: Python<'_>) -> PyResult<matrix::SparseMatrix> {
        let rows = [self.to_rust(py)?];
        let one = splade::SparseMatrix::from_rows(self.dimension, &rows);
        matrix::SparseMatrix::of_matrix(py, one.map_err(|error| errors::of_vectors(&error))?)
    }

    /// The dot product with another vector.
    fn dot(&self, py: Python<'_>, other: &Self) -> PyResult<f32> {
        let (a, b) = (self.to_rust(py)?, other.to_rust(py)?);
        errors::check_dimensions(a.dimension(), b.dimension())?;
        Ok(a.dot(&b))
    }

    fn __len__(&self) -> usize {
        self.dimension
    }

    /// A row of its own: parts of a batch's arrays would bring the whole batch along.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let (py, this) = (slf.py(), slf.get());
        let copy = |array: &Bound<'py, PyAny>| array.call_method0("copy");
        let (indices, values) = (copy(this.indices.bind(py))?, copy(this.values.bind(py))?);
        let arguments = (indices, values, this.dimension);
        (slf.get_type().getattr("from_parts")?, arguments).into_pyobject(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("SparseRow(dimension={}, nnz={})", self.dimension, self.nnz(py)?))
    }
}
