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
/// # Errors
/// A `MemoryError` for a table that the memory has no room for: Rust would end the process.
pub(crate) fn check_room<T>(n_rows: usize, n_cols: usize) -> PyResult<usize> {
    let n = n_rows.checked_mul(n_cols);
    match n.filter(|&n| Vec::<T>::new().try_reserve_exact(n).is_ok()) {
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
