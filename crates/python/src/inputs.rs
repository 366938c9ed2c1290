//! Texts from Python, borrowed: from `str` objects, or from Arrow arrays.

use arrow_array::{Array, ArrayRef, LargeStringArray, StringArray, StringViewArray};
use pyo3::exceptions::{PyTypeError, PyUnicodeEncodeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::PyString;

use crate::arrow;

/// Texts that keep their Python or Arrow objects alive; nothing is copied.
pub(crate) enum Texts {
    Python(Vec<PyBackedStr>),
    Arrow(Vec<ArrayRef>),
}

impl Texts {
    /// Reads a sequence of `str`, an Arrow array of strings, or an object with several (`chunks`).
    ///
    /// # Errors
    /// `TypeError` for anything else; `ValueError` for a null; `UnicodeEncodeError` for a lone
    /// surrogate. All name the text.
    pub(crate) fn read(texts: &Bound<'_, PyAny>) -> PyResult<Self> {
        if arrow::is_array(texts)? {
            return Self::of_arrays(vec![arrow::import(texts)?]);
        }
        if texts.hasattr("chunks")? {
            let chunks = texts.getattr("chunks")?;
            let arrays = chunks.try_iter()?.map(|chunk| arrow::import(&chunk?));
            return Self::of_arrays(arrays.collect::<PyResult<_>>()?);
        }
        let mut strings = Vec::with_capacity(texts.len().unwrap_or(0));
        for (row, text) in texts.try_iter()?.enumerate() {
            strings.push(read_string(row, text?)?);
        }
        Ok(Self::Python(strings))
    }

    fn of_arrays(arrays: Vec<ArrayRef>) -> PyResult<Self> {
        let mut first_row = 0;
        for array in &arrays {
            if string_slices(array.as_ref()).is_none() {
                return Err(PyTypeError::new_err(format!(
                    "the texts are an Arrow array of {}, expected string, large_string or \
                     string_view",
                    array.data_type()
                )));
            }
            if let Some(row) = (0..array.len()).find(|&row| array.is_null(row)) {
                return Err(PyValueError::new_err(format!("text {} is null", first_row + row)));
            }
            first_row += array.len();
        }
        Ok(Self::Arrow(arrays))
    }

    /// The texts, in order.
    pub(crate) fn slices(&self) -> Vec<&str> {
        match self {
            Self::Python(strings) => strings.iter().map(PyBackedStr::as_str).collect(),
            Self::Arrow(arrays) => {
                arrays.iter().filter_map(|array| string_slices(array.as_ref())).flatten().collect()
            }
        }
    }
}

fn read_string(row: usize, text: Bound<'_, PyAny>) -> PyResult<PyBackedStr> {
    let py = text.py();
    let string = text.cast_into::<PyString>().map_err(|error| {
        let found = error.into_inner().get_type().name();
        let found = found.map_or_else(|_| "?".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!("text {row} is of type {found}, not str"))
    })?;
    PyBackedStr::try_from(string).map_err(|error| match name_row(py, &error, row) {
        Ok(named) => named,
        Err(_) => error,
    })
}

/// The same `UnicodeEncodeError`, which also names the text.
fn name_row(py: Python<'_>, error: &PyErr, row: usize) -> PyResult<PyErr> {
    let value = error.value(py);
    let part = |name: &str| value.getattr(name).map(Bound::unbind);
    let reason = format!("{} (text {row})", value.getattr("reason")?.extract::<String>()?);
    let parts = (part("encoding")?, part("object")?, part("start")?, part("end")?, reason);
    Ok(PyUnicodeEncodeError::new_err(parts))
}

/// The strings of an array without nulls; `None` for an array of another type.
fn string_slices(array: &dyn Array) -> Option<Vec<&str>> {
    let array = array.as_any();
    if let Some(strings) = array.downcast_ref::<StringArray>() {
        return Some((0..strings.len()).map(|row| strings.value(row)).collect());
    }
    if let Some(strings) = array.downcast_ref::<LargeStringArray>() {
        return Some((0..strings.len()).map(|row| strings.value(row)).collect());
    }
    let strings = array.downcast_ref::<StringViewArray>()?;
    Some((0..strings.len()).map(|row| strings.value(row)).collect())
}
