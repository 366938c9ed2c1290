//! The options of a call, from the dictionary that Python passes.

use std::num::NonZeroUsize;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use splade::tokens::{SpecialTokens, TruncationSide};
use splade::{EncodeOptions, Truncation};

/// Reads the options of a call. A missing key means the library's default; `None` too, and so does
/// a missing dictionary.
///
/// # Errors
/// A key that is unknown; a value of another type, or that is impossible.
pub(crate) fn read(options: Option<&Bound<'_, PyDict>>) -> PyResult<EncodeOptions> {
    let mut read = EncodeOptions::default();
    let Some(options) = options else { return Ok(read) };
    for (key, value) in options.iter().filter(|(_, value)| !value.is_none()) {
        let key: String = key.cast_into::<PyString>()?.extract()?;
        let number = || positive(&key, &value);
        read = match key.as_str() {
            "prompt" => read.with_prompt(value.extract::<String>()?),
            "task" => read.with_task(value.extract::<String>()?),
            "batch_size" => read.with_batch_size(number()?),
            "max_batch_tokens" => read.with_max_batch_tokens(number()?),
            "max_active_dims" => read.with_max_active_dims(number()?),
            "max_seq_length" => read.with_max_seq_length(number()?.get()),
            "chunk_size" => read.with_chunk_size(number()?),
            "truncation" => read.with_truncation(match value.extract::<String>()?.as_str() {
                "cut" => Truncation::Cut,
                "refuse" => Truncation::Refuse,
                _ => return Err(refuse(&key, &value, "`cut` or `refuse`")),
            }),
            "truncation_side" => {
                read.with_truncation_side(match value.extract::<String>()?.as_str() {
                    "left" => TruncationSide::Left,
                    "right" => TruncationSide::Right,
                    _ => return Err(refuse(&key, &value, "`left` or `right`")),
                })
            }
            "special_tokens" => {
                read.with_special_tokens(match value.extract::<String>()?.as_str() {
                    "add" => SpecialTokens::Add,
                    "leave" => SpecialTokens::Leave,
                    _ => return Err(refuse(&key, &value, "`add` or `leave`")),
                })
            }
            _ => return Err(PyTypeError::new_err(format!("unknown option `{key}`"))),
        };
    }
    Ok(read)
}

fn positive(name: &str, value: &Bound<'_, PyAny>) -> PyResult<NonZeroUsize> {
    let number = value.extract::<usize>().ok().and_then(NonZeroUsize::new);
    number.ok_or_else(|| refuse(name, value, "a positive integer"))
}

fn refuse(name: &str, value: &Bound<'_, PyAny>, expected: &str) -> PyErr {
    PyValueError::new_err(format!("{name} is {value}, expected {expected}"))
}
