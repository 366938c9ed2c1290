//! Rust's errors as Python's exceptions, with our message and its causes in full.

use std::error::Error;
use std::io;

use pyo3::exceptions::{
    PyFileNotFoundError, PyOSError, PyPermissionError, PyRuntimeError, PyValueError,
};
use pyo3::prelude::*;
use splade::SpladeError;
use splade::errors::{ErrorKind, SparseError};

/// The exception for an error of the library. A missing or unreadable file is an `OSError` of the
/// fitting class, a mistake of the caller's a `ValueError`, everything else a `RuntimeError`.
pub(crate) fn to_python(error: SpladeError) -> PyErr {
    let message = message(&error);
    if matches!(error, SpladeError::NoFolder { .. } | SpladeError::HubNotCompiled { .. }) {
        return PyFileNotFoundError::new_err(message);
    }
    match io_kind(&error) {
        Some(io::ErrorKind::NotFound) => return PyFileNotFoundError::new_err(message),
        Some(io::ErrorKind::PermissionDenied) => return PyPermissionError::new_err(message),
        Some(_) => return PyOSError::new_err(message),
        None => {}
    }
    match error.kind() {
        ErrorKind::Caller => PyValueError::new_err(message),
        _ => PyRuntimeError::new_err(message),
    }
}

/// The exception for vectors that break a rule: they are the caller's.
pub(crate) fn of_vectors(error: &SparseError) -> PyErr {
    PyValueError::new_err(message(error))
}

/// # Errors
/// Vectors of different dimensions, which cannot be compared.
pub(crate) fn check_dimensions(a: usize, b: usize) -> PyResult<()> {
    match a == b {
        true => Ok(()),
        false => Err(PyValueError::new_err(format!("the vectors have {a} and {b} dimensions"))),
    }
}

/// An error and its causes: `a: b: c`.
pub(crate) fn message(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // A transparent variant says the same as its source.
        if !message.ends_with(&said) {
            message = format!("{message}: {said}");
        }
        cause = error.source();
    }
    message
}

/// The kind of the I/O error that is at the bottom, if one is.
fn io_kind(error: &SpladeError) -> Option<io::ErrorKind> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}
