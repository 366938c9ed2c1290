//! From the result of a pass to rows: one for each text of its batch, pruned.

use std::num::NonZeroUsize;
use std::ops::Range;

use rayon::prelude::*;
use splade_model::{Pooled, SparseRows};
use splade_sparse::{Pruning, SparseError, SparseRow};
use splade_tokenizer::TokenBatch;
use tracing::info_span;

use crate::SpladeError;

/// Runs one pass over a batch, in a tracing span.
pub(crate) fn forward<R>(
    batch: &TokenBatch,
    pass: impl FnOnce() -> Result<R, SpladeError>,
) -> Result<R, SpladeError> {
    let _span = info_span!("forward", texts = batch.n_texts(), tokens = batch.n_tokens()).entered();
    pass()
}

/// A row for each text of a batch, from `[texts, dimension]`; `finish` is applied to each before
/// it is pruned.
pub(crate) fn sparsify(
    pooled: &Pooled,
    dimension: usize,
    pruning: impl Fn(usize) -> Pruning + Sync,
    finish: impl Fn(usize, SparseRow) -> Result<SparseRow, SparseError> + Sync,
) -> Vec<Result<SparseRow, SparseError>> {
    let _span = info_span!("sparsify").entered();
    let row = |text: usize, row: Result<SparseRow, SparseError>| {
        let row = finish(text, row?)?;
        let pruning = pruning(text);
        Ok(if pruning == Pruning::default() { row } else { row.prune(&pruning) })
    };
    match pooled {
        Pooled::Dense(weights) => {
            let rows = weights.par_chunks_exact(dimension).enumerate();
            rows.map(|(text, dense)| row(text, SparseRow::from_dense(dense))).collect()
        }
        Pooled::Sparse(SparseRows { offsets, indices, values }) => {
            let rows = offsets.par_windows(2).map(|ends| ends[0]..ends[1]).enumerate();
            let entries = |range: Range<usize>| {
                let (indices, values) = (&indices[range.clone()], &values[range]);
                SparseRow::from_parts(dimension, indices.to_vec(), values.to_vec())
            };
            rows.map(|(text, range)| row(text, entries(range))).collect()
        }
    }
}

/// The largest `max_active_dims` of `texts`; `None` unless each text has one and no other pruning.
pub(crate) fn most_kept(
    texts: &[usize],
    pruning: impl Fn(usize) -> Pruning,
) -> Option<NonZeroUsize> {
    let kept = |&text: &usize| {
        let pruning = pruning(text);
        let is_all = |k: &NonZeroUsize| pruning == Pruning::default().with_max_active_dims(*k);
        pruning.max_active_dims().filter(is_all)
    };
    texts.iter().map(kept).collect::<Option<Vec<_>>>()?.into_iter().max()
}
