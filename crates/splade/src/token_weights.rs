//! Rows from a weight for each token (BGE-M3): an id gets the largest weight of its tokens.

use rayon::prelude::*;
use splade_sparse::{Pruning, SparseError, SparseRow};
use splade_tokenizer::{TokenBatch, Tokenizer};

/// A row for each text of a batch, from the weights of its tokens. Tokens that begin, end or pad a
/// text, and the unknown token, are left out; `<mask>` is not.
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
        // By id, the largest weight first. NaN sorts as the largest, so that it is reported.
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        entries.dedup_by_key(|(id, _)| *id);
        let (indices, values) = entries.into_iter().unzip();
        Ok(SparseRow::from_parts(dimension, indices, values)?.prune(&pruning(text)))
    };
    (0..batch.n_texts()).into_par_iter().map(row).collect()
}
