//! [`run_batch`]: computes one batch, and finds the texts that are to blame if it fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use splade::errors::panic_message;

use super::Compute;
use super::request::TextError;

/// A row for each text, or why there is none.
pub(super) type Rows<C> = Vec<Result<<C as Compute>::Row, TextError<<C as Compute>::Error>>>;

/// Computes texts together. A batch that fails or panics is computed again in halves, until each
/// text that is to blame is alone: the others have their rows.
pub(super) fn run_batch<C: Compute>(compute: &C, texts: &[&C::Text]) -> Rows<C> {
    let failure = match catch_unwind(AssertUnwindSafe(|| compute.compute(texts))) {
        Ok(Ok(rows)) if rows.len() == texts.len() => return rows.into_iter().map(Ok).collect(),
        Ok(Ok(rows)) => TextError::Panic(format!("{} rows for {} texts", rows.len(), texts.len())),
        Ok(Err(error)) => TextError::Compute(error),
        Err(panic) => TextError::Panic(panic_message(&*panic).to_owned()),
    };
    if texts.len() <= 1 {
        return vec![Err(failure)];
    }
    let (left, right) = texts.split_at(texts.len() / 2);
    let mut rows = run_batch(compute, left);
    rows.extend(run_batch(compute, right));
    rows
}
