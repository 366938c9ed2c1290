//! The passes of a call: batches of texts of like length, several at once where that is faster.

use std::num::NonZeroUsize;

use splade_model::BackendKind;
use splade_sparse::{SparseError, SparseRow};
use splade_tokenizer::TokenBatch;

use crate::lanes::in_lanes;
use crate::progress::Tally;
use crate::{EncodeOptions, SpladeError, plan_batches};

/// At most this many pooled weights (4 bytes each) per batch, unless one text alone has more: it bounds a
/// batch of many short texts. On a CPU they are in host memory.
const MAX_POOLED: usize = 1 << 22;
const MAX_POOLED_OF_GPU: usize = 1 << 25;
/// Default token budget of the passes under way. Measured with BERT-base: on two cores of an AMD EPYC 9004
/// more than 2048 gain nothing, and 4096 leaves room for machines with more cores; on a GPU, fewer leave
/// parts of it idle.
const TOKENS: NonZeroUsize = NonZeroUsize::new(4096).expect("not 0");
const TOKENS_OF_GPU: NonZeroUsize = NonZeroUsize::new(16_384).expect("not 0");
/// At least this many tokens for each of several passes at once: with fewer, each weight that is read from
/// memory is used too seldom.
const TOKENS_OF_ONE: usize = 1024;
/// A call of fewer tokens is not divided so that each thread has a pass of its own.
const TOKENS_WORTH_DIVIDING: usize = 256;

/// How the texts of a call are put through a model.
pub(crate) struct Passes<'a> {
    /// Of a row.
    pub(crate) dimension: usize,
    /// On a CPU each thread may have a pass of its own: no thread waits for another after each operation
    /// then, and what an operation leaves for the next is still in the thread's cache.
    pub(crate) kind: BackendKind,
    pub(crate) options: &'a EncodeOptions,
    pub(crate) tally: &'a Tally<'a>,
}

/// What a pass gives: a row for each text of its batch.
type Given = Result<Vec<Result<SparseRow, SparseError>>, SpladeError>;

impl Passes<'_> {
    /// Runs `forward` over batches of texts of like length; returns the rows in the texts' order.
    pub(crate) fn run(
        &self,
        tokens: &TokenBatch,
        forward: impl Fn(&TokenBatch) -> Given + Sync,
    ) -> Result<Vec<SparseRow>, SpladeError> {
        let lengths: Vec<usize> = tokens.lengths().collect();
        let (n_lanes, budget) = self.lanes(tokens.n_tokens(), rayon::current_num_threads());
        let batches = plan_batches(&lengths, budget, self.max_texts());
        let pass = |batch: usize| self.pass(tokens, &batches[batch], &forward);
        let done = in_lanes(n_lanes, batches.len(), pass)?;
        let mut rows: Vec<Option<SparseRow>> = vec![None; tokens.n_texts()];
        for (text, row) in done.into_iter().flatten() {
            rows[text] = Some(row);
        }
        Ok(rows.into_iter().map(|row| row.expect("each text is in one batch")).collect())
    }

    fn pass(
        &self,
        tokens: &TokenBatch,
        batch: &[usize],
        forward: impl Fn(&TokenBatch) -> Given,
    ) -> Result<Vec<(usize, SparseRow)>, SpladeError> {
        let tokens = tokens.select(batch);
        let rows = forward(&tokens)?.into_iter().zip(batch);
        let named = rows.map(|(row, &text)| Ok((text, row.map_err(|e| name_text(e, text))?)));
        let named = named.collect::<Result<_, SpladeError>>()?;
        self.tally.add(tokens.n_texts(), tokens.n_tokens());
        Ok(named)
    }

    /// How many passes run at once, and the token budget of each. On a CPU they share the budget of the
    /// options, and each thread gets something to do.
    fn lanes(&self, n_tokens: usize, n_threads: usize) -> (usize, NonZeroUsize) {
        if self.kind == BackendKind::Gpu {
            return (1, self.options.max_batch_tokens.unwrap_or(TOKENS_OF_GPU));
        }
        let budget = self.options.max_batch_tokens.unwrap_or(TOKENS);
        let n_lanes = (budget.get() / TOKENS_OF_ONE).min(n_threads);
        if n_lanes < 2 || n_tokens < n_lanes * TOKENS_WORTH_DIVIDING {
            return (1, budget);
        }
        let own = (budget.get() / n_lanes).min(n_tokens.div_ceil(n_lanes));
        (n_lanes, NonZeroUsize::new(own).unwrap_or(NonZeroUsize::MIN))
    }

    fn max_texts(&self) -> NonZeroUsize {
        let max_pooled = match self.kind {
            BackendKind::Host => MAX_POOLED,
            BackendKind::Gpu => MAX_POOLED_OF_GPU,
        };
        let max_texts = NonZeroUsize::new(max_pooled / self.dimension).unwrap_or(NonZeroUsize::MIN);
        self.options.batch_size.map_or(max_texts, |batch_size| max_texts.min(batch_size))
    }
}

/// An error about a row, told as one about a text of the call.
fn name_text(error: SparseError, text: usize) -> SpladeError {
    match error {
        SparseError::NonFiniteValue { index, value, .. } => {
            SpladeError::NotFinite { text, index, value }
        }
        other => SpladeError::Sparse(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_keep_the_budget_and_leave_short_calls_whole() {
        let options = EncodeOptions::default();
        let tally = Tally::new(None, 0);
        let passes = |kind| Passes { dimension: 10, kind, options: &options, tally: &tally };
        let lanes = |tokens, threads| {
            let (n, budget) = passes(BackendKind::Host).lanes(tokens, threads);
            (n, budget.get())
        };
        assert_eq!(lanes(100_000, 2), (2, 2048));
        assert_eq!(lanes(100_000, 64), (4, 1024));
        assert_eq!(lanes(2_400, 2), (2, 1200));
        assert_eq!(lanes(500, 2), (1, 4096));
        assert_eq!(lanes(0, 2), (1, 4096));
        assert_eq!(lanes(100_000, 1), (1, 4096));
        assert_eq!(passes(BackendKind::Gpu).lanes(100_000, 2), (1, TOKENS_OF_GPU));
    }
}
