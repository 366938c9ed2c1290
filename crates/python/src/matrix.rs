//! [`SparseMatrix`]: vectors of many texts, in arrays of numpy.

use std::ops::Range;

use numpy::{PyArray1, PyArray2};
use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyCapsule, PyRange, PySlice, PyTuple};
use splade::{Encoded, SimilarityFunction};

use crate::numbers::{array, borrow, check_room, table};
use crate::row::SparseRow;
use crate::threads::Threads;
use crate::waiting::{self, Watch};
use crate::{arrow, errors};

/// Sparse vectors in CSR form: row i is the vector of text i.
///
/// `indptr` is int64, `indices` uint32 (increasing within a row), `values` float32. The arrays own
/// the memory that the encoder filled; nothing was copied.
#[pyclass(frozen, module = "splade._splade")]
pub(crate) struct SparseMatrix {
    dimension: usize,
    indptr: Py<PyArray1<i64>>,
    /// int32 is what scipy and torch share; `indices` gives them as uint32.
    indices: Py<PyArray1<i32>>,
    values: Py<PyArray1<f32>>,
    /// How many tokens the texts had, and how many texts were cut.
    counts: Option<(usize, usize)>,
}

impl SparseMatrix {
    /// Takes over vectors and the counts of their texts.
    ///
    /// # Errors
    /// A dimension that int32 cannot number.
    pub(crate) fn of(py: Python<'_>, encoded: Encoded) -> PyResult<Self> {
        let counts = Some((encoded.n_tokens, encoded.n_truncated));
        Ok(Self { counts, ..Self::of_matrix(py, encoded.embeddings)? })
    }

    /// Takes over vectors.
    ///
    /// # Errors
    /// A dimension that int32 cannot number.
    pub(crate) fn of_matrix(py: Python<'_>, matrix: splade::SparseMatrix) -> PyResult<Self> {
        let dimension = check_dimension(matrix.dimension())?;
        let (indptr, indices, values) = matrix.into_csr_parts();
        let indptr = match bytemuck::allocation::try_cast_vec::<usize, i64>(indptr) {
            Ok(indptr) => indptr,
            // Where a usize has 32 bits.
            Err((_, indptr)) => indptr.into_iter().map(|offset| offset as i64).collect(),
        };
        let indices: Vec<i32> = bytemuck::allocation::cast_vec(indices);
        Ok(Self {
            dimension,
            indptr: array(py, indptr).unbind(),
            indices: array(py, indices).unbind(),
            values: array(py, values).unbind(),
            counts: None,
        })
    }

    /// The vectors as the library has them, copied and checked: Python may have written to them.
    ///
    /// # Errors
    /// Arrays that break a rule of the matrix.
    pub(crate) fn to_rust(&self, py: Python<'_>) -> PyResult<splade::SparseMatrix> {
        let (indptr, indices) = (borrow(py, &self.indptr)?, borrow(py, &self.indices)?);
        let values = borrow(py, &self.values)?;
        let (indptr, indices, values) =
            (indptr.as_slice()?, indices.as_slice()?, values.as_slice()?);
        let dimension = self.dimension;
        let matrix = py.detach(|| {
            let offsets: Option<Vec<usize>> =
                indptr.iter().map(|&offset| usize::try_from(offset).ok()).collect();
            let indices: Vec<u32> = bytemuck::cast_slice(indices).to_vec();
            offsets.map(|offsets| {
                splade::SparseMatrix::from_csr_parts(dimension, offsets, indices, values.to_vec())
            })
        });
        let matrix = matrix.ok_or_else(|| PyValueError::new_err("indptr has a negative offset"))?;
        matrix.map_err(|error| errors::of_vectors(&error))
    }

    fn n_rows(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.indptr.bind(py).len()?.saturating_sub(1))
    }

    /// The entries of the rows `rows`.
    fn entries(&self, py: Python<'_>, rows: Range<usize>) -> PyResult<Range<usize>> {
        let indptr = borrow(py, &self.indptr)?;
        let indptr = indptr.as_slice()?;
        let at = |row: usize| usize::try_from(indptr[row]);
        Ok(at(rows.start)?..at(rows.end)?)
    }

    /// A part of an array, which shares its memory.
    fn part<T: numpy::Element>(
        py: Python<'_>,
        array: &Py<PyArray1<T>>,
        part: &Range<usize>,
    ) -> PyResult<Py<PyArray1<T>>> {
        let part = PySlice::new(py, isize::try_from(part.start)?, isize::try_from(part.end)?, 1);
        let part = array.bind(py).get_item(part)?;
        Ok(part.cast_into::<PyArray1<T>>()?.unbind())
    }

    fn row(&self, py: Python<'_>, row: usize) -> PyResult<SparseRow> {
        let entries = self.entries(py, row..row + 1)?;
        Ok(SparseRow {
            dimension: self.dimension,
            indices: Self::part(py, &self.indices, &entries)?,
            values: Self::part(py, &self.values, &entries)?,
        })
    }
}

#[pymethods]
impl SparseMatrix {
    /// A matrix over arrays that it shares, after checking them. `counts` are the tokens of the
    /// texts and the number of texts that were cut.
    #[staticmethod]
    #[pyo3(signature = (indptr, indices, values, dimension, counts = None))]
    fn from_csr(
        py: Python<'_>,
        indptr: Bound<'_, PyArray1<i64>>,
        indices: Bound<'_, PyArray1<i32>>,
        values: Bound<'_, PyArray1<f32>>,
        dimension: usize,
        counts: Option<(usize, usize)>,
    ) -> PyResult<Self> {
        let dimension = check_dimension(dimension)?;
        let (indptr, indices, values) = (indptr.unbind(), indices.unbind(), values.unbind());
        let matrix = Self { dimension, indptr, indices, values, counts };
        matrix.to_rust(py)?;
        Ok(matrix)
    }

    /// The offset of each row among the entries, and the end of the last row.
    #[getter]
    fn indptr(&self, py: Python<'_>) -> Py<PyArray1<i64>> {
        self.indptr.clone_ref(py)
    }

    /// The indices of all entries within their rows.
    #[getter]
    fn indices<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.indices.bind(py).call_method1("view", ("uint32",))
    }

    /// The weights of all entries.
    #[getter]
    fn values(&self, py: Python<'_>) -> Py<PyArray1<f32>> {
        self.values.clone_ref(py)
    }

    /// Number of rows, and length of a row when written densely.
    #[getter]
    fn shape(&self, py: Python<'_>) -> PyResult<(usize, usize)> {
        Ok((self.n_rows(py)?, self.dimension))
    }

    /// Number of entries.
    #[getter]
    fn nnz(&self, py: Python<'_>) -> PyResult<usize> {
        self.values.bind(py).len()
    }

    /// Number of tokens of the texts, after cutting; None if it was not made by encoding texts.
    #[getter]
    fn n_tokens(&self) -> Option<usize> {
        self.counts.map(|(n_tokens, _)| n_tokens)
    }

    /// Number of texts that were cut; None if it was not made by encoding texts.
    #[getter]
    fn n_truncated(&self) -> Option<usize> {
        self.counts.map(|(_, n_truncated)| n_truncated)
    }

    /// `(indptr, indices, values)` as scipy shares them: all indices int32, or all int64 from 2^31
    /// entries on.
    fn scipy_parts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let (indptr, indices) = (self.indptr.bind(py), self.indices.bind(py));
        let values = self.values.bind(py);
        if i32::try_from(values.len()?).is_ok() {
            let indptr = indptr.call_method1("astype", ("int32",))?;
            return (indptr, indices, values).into_pyobject(py);
        }
        let indices = indices.call_method1("astype", ("int64",))?;
        (indptr, indices, values).into_pyobject(py)
    }

    /// The row and column of each entry, `[2, nnz]`, int64: what torch's COO tensors need.
    fn coo(&self, py: Python<'_>) -> PyResult<Py<PyArray2<i64>>> {
        let (indptr, indices) = (borrow(py, &self.indptr)?, borrow(py, &self.indices)?);
        let (indptr, indices) = (indptr.as_slice()?, indices.as_slice()?);
        check_offsets(indptr, indices.len())?;
        let n_numbers = check_room::<i64>(py, 2, indices.len())?;
        let coordinates = py.detach(|| {
            let mut coordinates = Vec::with_capacity(n_numbers);
            for (row, bounds) in indptr.windows(2).enumerate() {
                let n_entries = (bounds[1] - bounds[0]) as usize;
                coordinates.extend(std::iter::repeat_n(row as i64, n_entries));
            }
            coordinates.extend(indices.iter().map(|&index| i64::from(index)));
            coordinates
        });
        Ok(table(py, coordinates, 2, indices.len())?.unbind())
    }

    /// All vectors densely, `[rows, dimension]`.
    fn to_dense(&self, py: Python<'_>) -> PyResult<Py<PyArray2<f32>>> {
        let matrix = self.to_rust(py)?;
        let (n_rows, dimension) = (matrix.n_rows(), self.dimension);
        let n_numbers = check_room::<f32>(py, n_rows, dimension)?;
        let numbers = py.detach(|| {
            let mut numbers = vec![0.0; n_numbers];
            for (dense, row) in numbers.chunks_mut(dimension.max(1)).zip(matrix.rows()) {
                for (index, value) in row.iter() {
                    dense[index as usize] = value;
                }
            }
            numbers
        });
        Ok(table(py, numbers, n_rows, dimension)?.unbind())
    }

    /// A scipy CSR array that shares the memory.
    fn to_scipy<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("splade.outputs")?.call_method1("to_scipy", (slf,))
    }

    /// A torch tensor: `coo`, `csr` or `dense`. All but `dense` share the weights.
    #[pyo3(signature = (layout = "coo"))]
    fn to_torch<'py>(slf: &Bound<'py, Self>, layout: &str) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("splade.outputs")?.call_method1("to_torch", (slf, layout))
    }

    /// A pyarrow array of structs of two lists, indices and values, which shares the memory.
    fn to_arrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("splade.outputs")?.call_method1("to_arrow", (slf,))
    }

    /// The rows as an Arrow array of structs of two lists, for any library that reads the capsule
    /// interface.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        // A wish that need not be granted, says the interface: the consumer casts.
        drop(requested_schema);
        let (indptr, indices) = (borrow(py, &self.indptr)?, borrow(py, &self.indices)?);
        let values = borrow(py, &self.values)?;
        let indices = bytemuck::cast_slice(indices.as_slice()?);
        arrow::export(py, indptr.as_slice()?, indices, values.as_slice()?)
    }

    /// Each row against each row of `other`: `[rows, other's rows]`.
    fn similarity(
        &self,
        py: Python<'_>,
        other: &Self,
        function: &str,
    ) -> PyResult<Py<PyArray2<f32>>> {
        let function = read_function(function)?;
        errors::check_dimensions(self.dimension, other.dimension)?;
        let (a, b) = (self.to_rust(py)?, other.to_rust(py)?);
        check_room::<f32>(py, a.n_rows(), b.n_rows())?;
        let scores = waiting::run(py, Threads::shared()?, &Watch::default(), || {
            function.similarity(&a, &b)
        })?;
        Ok(table(py, scores.into_vec(), a.n_rows(), b.n_rows())?.unbind())
    }

    /// Row i against row i of `other`.
    fn similarity_pairwise(
        &self,
        py: Python<'_>,
        other: &Self,
        function: &str,
    ) -> PyResult<Py<PyArray1<f32>>> {
        let function = read_function(function)?;
        errors::check_dimensions(self.dimension, other.dimension)?;
        let (a, b) = (self.to_rust(py)?, other.to_rust(py)?);
        if a.n_rows() != b.n_rows() {
            let (a, b) = (a.n_rows(), b.n_rows());
            let message = format!("pairs need as many rows on both sides, not {a} and {b}");
            return Err(PyValueError::new_err(message));
        }
        let scores = waiting::run(py, Threads::shared()?, &Watch::default(), || {
            function.similarity_pairwise(&a, &b)
        })?;
        Ok(array(py, scores).unbind())
    }

    /// The mean number of entries of a row, and the share of zeros.
    fn sparsity(&self, py: Python<'_>) -> PyResult<(f64, f64)> {
        let sparsity = self.to_rust(py)?.sparsity();
        Ok((sparsity.active_dims, sparsity.sparsity_ratio))
    }

    /// The rows scaled to length 1.
    fn normalized(&self, py: Python<'_>) -> PyResult<Self> {
        let matrix = self.to_rust(py)?;
        Self::of_matrix(py, py.detach(|| matrix.normalized()))
    }

    /// The `k` largest weights of each row.
    fn top_k(&self, py: Python<'_>, k: std::num::NonZeroUsize) -> PyResult<Self> {
        let matrix = self.to_rust(py)?;
        let threads = Threads::shared()?;
        Self::of_matrix(py, waiting::run(py, threads, &Watch::default(), || matrix.top_k(k))?)
    }

    /// For each row the terms shared with one row, and the product of their weights.
    fn intersection(&self, py: Python<'_>, row: &SparseRow) -> PyResult<Self> {
        errors::check_dimensions(row.dimension, self.dimension)?;
        let (matrix, row) = (self.to_rust(py)?, row.to_rust(py)?);
        let shared = py.detach(|| {
            let shared = matrix.rows().map(|other| splade::sparse::intersection(row.view(), other));
            splade::SparseMatrix::from_rows(matrix.dimension(), &shared.collect::<Vec<_>>())
        });
        Self::of_matrix(py, shared.map_err(|error| errors::of_vectors(&error))?)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.n_rows(py)
    }

    /// The rows, one after another.
    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let rows = PyRange::new(slf.py(), 0, isize::try_from(slf.get().n_rows(slf.py())?)?)?;
        let map = slf.py().import("builtins")?.getattr("map")?;
        map.call1((slf.getattr("__getitem__")?, rows))
    }

    /// A row, which shares the memory, for a number; a matrix for a slice, a list or an array of
    /// numbers, or a mask with a bool for each row.
    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        which: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let n_rows = self.n_rows(py)?;
        let position = |row: isize| {
            let from_start = if row < 0 { row + n_rows as isize } else { row };
            usize::try_from(from_start).ok().filter(|&row| row < n_rows).ok_or_else(|| {
                PyIndexError::new_err(format!("row {row} of a matrix of {n_rows} rows"))
            })
        };
        let refused = || {
            let expected = "a number, a slice, a list of numbers or a mask";
            PyTypeError::new_err(format!("rows are chosen by {expected}"))
        };
        // To Python a bool is a number, and to numpy a tuple is a row and a column.
        if which.is_instance_of::<PyBool>() || which.is_instance_of::<PyTuple>() {
            return Err(refused());
        }
        if let Ok(row) = which.extract::<isize>() {
            return Ok(self.row(py, position(row)?)?.into_pyobject(py)?.into_any());
        }
        let rows: Vec<usize> = if let Ok(slice) = which.cast::<PySlice>() {
            let slice = slice.indices(isize::try_from(n_rows)?)?;
            let rows = (0..slice.slicelength).map(|i| slice.start + i as isize * slice.step);
            rows.map(position).collect::<PyResult<_>>()?
        } else if let Some(mask) = mask(which) {
            if mask.len() != n_rows {
                let n = mask.len();
                let message = format!("a mask of {n} for a matrix of {n_rows} rows");
                return Err(PyIndexError::new_err(message));
            }
            (0..n_rows).filter(|&row| mask[row]).collect()
        } else {
            let rows: Vec<isize> = which.extract().map_err(|_| refused())?;
            rows.into_iter().map(position).collect::<PyResult<_>>()?
        };
        let matrix = self.to_rust(py)?.select_rows(&rows);
        Ok(Self::of_matrix(py, matrix)?.into_pyobject(py)?.into_any())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (n_rows, nnz) = (self.n_rows(py)?, self.nnz(py)?);
        Ok(format!("SparseMatrix(shape=({n_rows}, {}), nnz={nnz})", self.dimension))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let (py, this) = (slf.py(), slf.get());
        let (indptr, indices) = (this.indptr.bind(py), this.indices.bind(py));
        let arguments = (indptr, indices, this.values.bind(py), this.dimension, this.counts);
        (slf.get_type().getattr("from_csr")?, arguments).into_pyobject(py)
    }
}

/// A list or an array of bools, one for each row. An empty one is a list of numbers.
fn mask(which: &Bound<'_, PyAny>) -> Option<Vec<bool>> {
    which.extract().ok().filter(|mask: &Vec<bool>| !mask.is_empty())
}

/// # Errors
/// Offsets that do not divide `n_entries` entries into rows: Python may have written to them.
fn check_offsets(indptr: &[i64], n_entries: usize) -> PyResult<()> {
    let (first, last) = (indptr.first().copied(), indptr.last().copied());
    let is_whole =
        first == Some(0) && last.and_then(|last| last.try_into().ok()) == Some(n_entries);
    match is_whole && indptr.is_sorted() {
        true => Ok(()),
        false => Err(PyValueError::new_err("indptr does not divide the entries into rows")),
    }
}

/// # Errors
/// A dimension that int32 cannot number.
fn check_dimension(dimension: usize) -> PyResult<usize> {
    match i32::try_from(dimension) {
        Ok(_) => Ok(dimension),
        Err(_) => Err(PyValueError::new_err(format!("{dimension} dimensions are too many"))),
    }
}

/// # Errors
/// A name that is no function.
pub(crate) fn read_function(name: &str) -> PyResult<SimilarityFunction> {
    name.parse().map_err(|error: splade::errors::SparseError| errors::of_vectors(&error))
}
