//! What positions add to the scores of keys and queries.

use std::ops::Range;

use super::softmax::HIDDEN;
use super::task::ScoreBlock;
use crate::matmul::View;
use crate::output::Block;

/// Adds `bias[key - query]` to each score; distances beyond its reach use its ends.
pub(super) fn add_bias(scores: &mut [f32], block: &ScoreBlock, bias: &[f32]) {
    let reach = (bias.len() / 2) as isize;
    block.for_each(scores, |query, keys, scores| {
        for (key, score) in keys.zip(scores) {
            let distance = (key as isize - query as isize).clamp(-reach, reach);
            *score += bias[(distance + reach) as usize];
        }
    });
}

/// Masks the keys beyond the window.
pub(super) fn hide_beyond(scores: &mut [f32], block: &ScoreBlock, window: usize) {
    block.for_each(scores, |query, keys, scores| {
        for (key, score) in keys.zip(scores) {
            if key.abs_diff(query) > window {
                *score = HIDDEN;
            }
        }
    });
}

/// Scores of a block's queries and keys with the buckets of disentangled attention.
#[derive(Default)]
pub(super) struct PositionScores {
    /// `[queries, buckets]`.
    by_query: Vec<f32>,
    /// `[keys, buckets]`.
    by_key: Vec<f32>,
}

/// One head of a block.
pub(super) struct Head<'a> {
    /// The rows from the block's first query on, and those from its first key on.
    pub(super) queries: &'a [f32],
    pub(super) keys: &'a [f32],
    /// Numbers from one token to the next.
    pub(super) stride: usize,
    /// The head's columns in the bucket tables, which are `hidden` wide.
    pub(super) columns: Range<usize>,
    pub(super) hidden: usize,
    pub(super) scale: f32,
}

impl PositionScores {
    /// Adds `scale * (query · key[b] + key · query[b])` for the bucket b of each distance.
    pub(super) fn add_disentangled(
        &mut self,
        scores: &mut [f32],
        block: &ScoreBlock,
        head: &Head<'_>,
        [key, query]: [Option<&[f32]>; 2],
        buckets: &[u32],
    ) {
        let n_buckets = key.or(query).map_or(0, |table| table.len() / head.hidden);
        let width = head.columns.len();
        let multiply = |out: &mut Vec<f32>, tokens: &[f32], count: usize, table: &[f32]| {
            out.resize(out.len().max(count * n_buckets), 0.0);
            let tokens = View::rows(tokens, count, width, head.stride);
            let table = View::rows(table, n_buckets, head.hidden, head.hidden);
            let table = table.columns(head.columns.start, width).transposed();
            Block::whole(out, count, n_buckets).multiply(tokens, table, head.scale);
        };
        if let Some(key) = key {
            multiply(&mut self.by_query, head.queries, block.queries.len(), key);
        }
        if let Some(query) = query {
            multiply(&mut self.by_key, head.keys, block.keys.len(), query);
        }
        let middle = buckets.len() / 2;
        let (first_query, first_key) = (block.queries.start, block.keys.start);
        block.for_each(scores, |q, keys, scores| {
            for (k, score) in keys.zip(scores) {
                let bucket = buckets[middle + q - k] as usize;
                if key.is_some() {
                    *score += self.by_query[(q - first_query) * n_buckets + bucket];
                }
                if query.is_some() {
                    *score += self.by_key[(k - first_key) * n_buckets + bucket];
                }
            }
        });
    }
}
