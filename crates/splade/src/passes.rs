//! The passes of a call: batches of texts of similar length, several at once if that is faster.

use std::num::NonZeroUsize;

use splade_model::BackendKind;
use splade_sparse::{SparseError, SparseRow};
use splade_tokenizer::TokenBatch;

use crate::plan::plan_batches;
use crate::progress::Tally;
use crate::queue::run_at_once;
use crate::{CancelHandle, EncodeOptions, SpladeError};

/// At most this many pooled weights (4 bytes each) per batch, unless one text alone has more: this
/// bounds a batch of many short texts. On a CPU the weights are in host memory.
const MAX_POOLED: usize = 1 << 22;
const MAX_POOLED_OF_GPU: usize = 1 << 25;
/// Default token budget of all passes in flight; on a CPU it grows with the threads, so that each
/// has a pass of `TOKENS_OF_ONE`. Measured with BERT-base: on two cores of an AMD EPYC 9004 more
/// than 2048 gain nothing; on a GPU, fewer leave parts of it idle.
const TOKENS: NonZeroUsize = NonZeroUsize::new(4096).expect("not 0");
const TOKENS_OF_GPU: NonZeroUsize = NonZeroUsize::new(16_384).expect("not 0");
/// Minimum number of tokens per pass when several run at once: with fewer, each weight read from
/// memory is used too few times.
const TOKENS_OF_ONE: usize = 1024;
/// Memory bound for all passes in flight, if the threads raise the budget above `TOKENS`: about 60
/// passes of BERT-base.
const MAX_BYTES: usize = 4 << 30;
/// Bytes per token and per number of its hidden state during a pass: what layers hold beside the
/// state itself (queries, keys and values, a chunk of wide states), rounded up.
const BYTES_OF_STATE: usize = 64;
/// A call is divided among threads only if each pass gets at least this many tokens.
const TOKENS_WORTH_DIVIDING: usize = 256;

/// How the texts of a call are run through a model.
pub(crate) struct Passes<'a> {
    /// Length of a row.
    pub(crate) dimension: usize,
    /// Length of a token's hidden state.
    pub(crate) hidden_size: usize,
    /// On a CPU each thread may run its own pass: threads then do not wait for each other after
    /// each operation, and an operation finds its input in its thread's cache.
    pub(crate) kind: BackendKind,
    /// Tokens per pass that fill a GPU, if that is known.
    pub(crate) pass_tokens: Option<NonZeroUsize>,
    pub(crate) options: &'a EncodeOptions,
    pub(crate) tally: &'a Tally<'a>,
}

/// The result of a pass: a row for each text of its batch.
type Given = Result<Vec<Result<SparseRow, SparseError>>, SpladeError>;

impl Passes<'_> {
    /// Runs `forward` on batches of texts of similar length, together with the indices of their
    /// texts; returns the rows in the order of the texts.
    pub(crate) fn run(
        &self,
        tokens: &TokenBatch,
        forward: impl Fn(&TokenBatch, &[usize]) -> Given + Sync,
    ) -> Result<Vec<SparseRow>, SpladeError> {
        let lengths: Vec<usize> = tokens.lengths().collect();
        let (n_at_once, budget) = self.passes(tokens.n_tokens(), rayon::current_num_threads());
        let batches = plan_batches(&lengths, budget, self.max_texts());
        let pass = |batch: usize| self.pass(tokens, &batches[batch], &forward);
        let done = run_at_once(n_at_once, batches.len(), pass)?;
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
        forward: impl Fn(&TokenBatch, &[usize]) -> Given,
    ) -> Result<Vec<(usize, SparseRow)>, SpladeError> {
        CancelHandle::check(self.options.cancel.as_ref())?;
        let tokens = tokens.select(batch);
        let rows = forward(&tokens, batch)?.into_iter().zip(batch);
        let named = rows.map(|(row, &text)| Ok((text, row.map_err(|e| name_text(e, text))?)));
        let named = named.collect::<Result<_, SpladeError>>()?;
        self.tally.add(tokens.n_texts(), tokens.n_tokens());
        Ok(named)
    }

    /// How many passes run at once, and the token budget of each. On a CPU each thread runs its own
    /// pass if the call has enough tokens for that.
    fn passes(&self, n_tokens: usize, n_threads: usize) -> (usize, NonZeroUsize) {
        if self.kind == BackendKind::Gpu {
            let default = self.pass_tokens.unwrap_or(TOKENS_OF_GPU);
            return (1, self.options.max_batch_tokens.unwrap_or(default));
        }
        let few = self.options.max_batch_tokens.unwrap_or(TOKENS);
        let budget = match self.options.max_batch_tokens {
            Some(chosen) => chosen,
            None => few.max(self.tokens_of_threads(n_threads)),
        };
        // A call too short for one pass per thread may still be divided into a few.
        let divided = [budget, few].into_iter().find_map(|budget| {
            let n_passes = (budget.get() / TOKENS_OF_ONE).min(n_threads);
            (n_passes >= 2 && n_tokens >= n_passes * TOKENS_WORTH_DIVIDING)
                .then(|| (n_passes, (budget.get() / n_passes).min(n_tokens.div_ceil(n_passes))))
        });
        let (n_passes, own) = divided.unwrap_or((1, few.get()));
        (n_passes, NonZeroUsize::new(own).unwrap_or(NonZeroUsize::MIN))
    }

    /// The token budget for one pass per thread, for as many threads as memory allows.
    fn tokens_of_threads(&self, n_threads: usize) -> NonZeroUsize {
        let n_bytes = TOKENS_OF_ONE * self.hidden_size * BYTES_OF_STATE + 4 * MAX_POOLED;
        let n_passes = n_threads.min(MAX_BYTES / n_bytes);
        NonZeroUsize::new(n_passes * TOKENS_OF_ONE).unwrap_or(NonZeroUsize::MIN)
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

/// Converts an error about a row to one about the text of the call.
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

    fn passes<'a>(
        kind: BackendKind,
        options: &'a EncodeOptions,
        tally: &'a Tally<'a>,
    ) -> impl Fn(usize, usize) -> (usize, usize) + use<'a> {
        let passes =
            Passes { dimension: 10, hidden_size: 768, kind, pass_tokens: None, options, tally };
        move |tokens, threads| {
            let (n, budget) = passes.passes(tokens, threads);
            (n, budget.get())
        }
    }

    #[test]
    fn each_thread_has_a_pass_and_short_calls_stay_whole() {
        let (options, tally) = (EncodeOptions::default(), Tally::new(None, 0));
        let on_cpu = passes(BackendKind::Host, &options, &tally);
        assert_eq!(on_cpu(100_000, 2), (2, 2048));
        assert_eq!(on_cpu(100_000, 4), (4, 1024));
        assert_eq!(on_cpu(100_000, 16), (16, 1024));
        assert_eq!(on_cpu(100_000, 48), (48, 1024));
        assert_eq!(on_cpu(5_000, 48), (4, 1024));
        assert_eq!(on_cpu(20_000, 48), (48, 417));
        assert_eq!(on_cpu(2_400, 2), (2, 1200));
        assert_eq!(on_cpu(500, 2), (1, 4096));
        assert_eq!(on_cpu(0, 2), (1, 4096));
        assert_eq!(on_cpu(100_000, 1), (1, 4096));
        assert_eq!(
            passes(BackendKind::Gpu, &options, &tally)(100_000, 2),
            (1, TOKENS_OF_GPU.get())
        );
    }

    #[test]
    fn a_pass_has_the_tokens_that_fill_a_card_if_that_is_known() {
        let (options, tally) = (EncodeOptions::default(), Tally::new(None, 0));
        let chosen = EncodeOptions::default().with_max_batch_tokens(TOKENS);
        let budget = |options, pass_tokens| {
            let (dimension, hidden_size, kind) = (10, 768, BackendKind::Gpu);
            let tally = &tally;
            let passes = Passes { dimension, hidden_size, kind, pass_tokens, options, tally };
            passes.passes(100_000, 2)
        };
        let full = NonZeroUsize::new(16_896);
        assert_eq!(budget(&options, full), (1, full.unwrap()));
        assert_eq!(budget(&options, None), (1, TOKENS_OF_GPU));
        assert_eq!(budget(&chosen, full), (1, TOKENS));
    }

    #[test]
    fn memory_bounds_the_passes_of_many_threads() {
        let (options, tally) = (EncodeOptions::default(), Tally::new(None, 0));
        let (n_passes, budget) = passes(BackendKind::Host, &options, &tally)(10_000_000, 1024);
        assert_eq!((n_passes, budget), (64, 1024));
    }

    #[test]
    fn a_chosen_budget_is_shared_by_the_threads() {
        let chosen = EncodeOptions::default().with_max_batch_tokens(TOKENS);
        let tally = Tally::new(None, 0);
        assert_eq!(passes(BackendKind::Host, &chosen, &tally)(100_000, 64), (4, 1024));
    }
}
