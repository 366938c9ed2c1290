//! Rows from a weight for each token (BGE-M3): the largest of a token's weights stands at its id.

use rayon::prelude::*;
use splade_sparse::{Pruning, SparseError, SparseRow};
use splade_tokenizer::{TokenBatch, Tokenizer};

/// A row for each text of a batch, from the weights of its tokens. The tokens that begin, end and
/// pad a text, and the unknown one, get none; `<mask>` does.
///
/// # Source
/// FlagEmbedding, `_process_token_weights` in `inference/embedder/encoder_only/m3.py`.
pub(crate) fn rows(
    batch: &TokenBatch,
    weights: &[f32],
    tokenizer: &Tokenizer,
    dimension: usize,
    pruning: impl Fn(usize) -> Pruning + Sync,
) -> Vec<Result<SparseRow, SparseError>> {
    let unused = tokenizer.idle_ids();
    let row = |text: usize| {
        let range = batch.range(text);
        let tokens =
            batch.input_ids[range.clone()].iter().copied().zip(weights[range].iter().copied());
        let mut entries: Vec<(u32, f32)> =
            tokens.filter(|(id, weight)| *weight != 0.0 && !unused.contains(id)).collect();
        // By id, the largest first; NaN counts as larger, so that it is told.
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        entries.dedup_by_key(|(id, _)| *id);
        let (indices, values) = entries.into_iter().unzip();
        Ok(SparseRow::from_parts(dimension, indices, values)?.prune(&pruning(text)))
    };
    (0..batch.n_texts()).into_par_iter().map(row).collect()
}
