//! Vectors of Rust as arrays of numpy, which take them over.

use numpy::{Element, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;

/// A vector as an array that owns it.
pub(crate) fn array<T: Element>(py: Python<'_>, numbers: Vec<T>) -> Bound<'_, PyArray1<T>> {
    PyArray1::from_vec(py, numbers)
}

/// The number of elements of a table.
///
/// Numpy is asked whether there is room: the system refuses its allocator more than the memory,
/// and grants any size to mimalloc, which reserves none of it.
///
/// # Errors
/// A `MemoryError` for a table that the memory has no room for: the system would end the process.
pub(crate) fn check_room<T>(py: Python<'_>, n_rows: usize, n_cols: usize) -> PyResult<usize> {
    let n = n_rows.checked_mul(n_cols);
    let n_bytes = n.and_then(|n| n.checked_mul(size_of::<T>()));
    let numpy = py.import("numpy")?;
    let has_room = |n: usize| numpy.call_method1("empty", (n, "u1")).is_ok();
    match n.filter(|_| n_bytes.is_some_and(has_room)) {
        Some(n) => Ok(n),
        None => {
            let message = format!("no memory for a table of {n_rows} x {n_cols} numbers");
            Err(PyMemoryError::new_err(message))
        }
    }
}

/// A vector as a table of `n_rows` rows.
///
/// # Errors
/// A number of elements that is not the table's.
pub(crate) fn table<T: Element>(
    py: Python<'_>,
    numbers: Vec<T>,
    n_rows: usize,
    n_cols: usize,
) -> PyResult<Bound<'_, PyArray2<T>>> {
    array(py, numbers).reshape([n_rows, n_cols])
}

/// Borrows an array for reading.
///
/// # Errors
/// An array that is being written to, or is not contiguous.
pub(crate) fn borrow<'py, T: Element>(
    py: Python<'py>,
    array: &Py<PyArray1<T>>,
) -> PyResult<PyReadonlyArray1<'py, T>> {
    let borrowed = array.bind(py).try_readonly();
    let borrowed = borrowed.map_err(|error| PyValueError::new_err(error.to_string()))?;
    borrowed.as_slice().map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(borrowed)
}
