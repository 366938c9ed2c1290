//! Errors of `splade` as DataFusion's: Ballista retries I/O errors; any other ends the job.

use std::error::Error;
use std::io;

use datafusion::error::DataFusionError;
use splade::SpladeError;
use splade::errors::ErrorKind;

/// An I/O error if trying again may help; else one that ends the job. `what` comes first.
pub(crate) fn of_splade(what: &str, error: &SpladeError) -> DataFusionError {
    let text = format!("{what}: {}", chain(error));
    match error.kind() {
        ErrorKind::Machine => may_pass(text),
        _ => DataFusionError::Execution(text),
    }
}

/// An error that may be gone when the task is tried again, elsewhere perhaps.
pub(crate) fn may_pass(text: String) -> DataFusionError {
    DataFusionError::IoError(io::Error::other(text))
}

/// An error and its causes on one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
