//! Judgements and runs from files, compressed or not.

use std::path::Path;

use splade_corpus::open_text;
use splade_evaluate::{Judgements, Run};

use crate::SpladeError;

/// Reads judgements as [`Judgements::load`] does, from a file that may be compressed by gzip or
/// Zstandard; `-` is standard input.
///
/// # Errors
/// A file that cannot be read; a broken line, by its number.
pub fn load_judgements(path: &Path) -> Result<Judgements, SpladeError> {
    Ok(Judgements::read(open_text(path)?, path)?)
}

/// Reads a TREC run as [`Run::load`] does, from a file that may be compressed by gzip or Zstandard;
/// `-` is standard input.
///
/// # Errors
/// A file that cannot be read; a broken line, by its number.
pub fn load_run(path: &Path) -> Result<Run, SpladeError> {
    Ok(Run::read(open_text(path)?, path)?)
}
