//! One call with its options settled: what the encoder runs on its own device, and each worker of
//! a pool on its chunks.

use splade_sparse::{Pruning, SparseMatrix};

use crate::lanes::in_lanes;
use crate::pipeline::{Graph, Rows};
use crate::progress::Tally;
use crate::settings::Settings;
use crate::{EncodeOptions, Encoded, SpladeError};

/// Parts that a GPU has under way at once.
const GPU_LANES: usize = 2;
/// Parts of a call for a GPU, where their sizes allow it: two for each lane.
const PARTS: usize = 2 * GPU_LANES;
/// Texts of a part: fewer leave parts of a GPU idle, more leave the CPU with nothing to do beside it.
const SMALLEST_PART: usize = 128;
const LARGEST_PART: usize = 1024;

/// A call's options over what the encoder was loaded with.
pub(crate) struct Call<'a> {
    prompt: &'a str,
    pruning: Pruning,
    options: &'a EncodeOptions,
}

impl<'a> Call<'a> {
    /// # Errors
    /// A prompt that the model does not have.
    pub(crate) fn settle(
        settings: &'a Settings,
        options: &'a EncodeOptions,
    ) -> Result<Self, SpladeError> {
        let (prompt, prompt_name) = (options.prompt.as_deref(), options.prompt_name.as_deref());
        let prompt = settings.prompt(prompt, prompt_name)?;
        let limit = options.max_active_dims.or(options.pruning.max_active_dims());
        let pruning = match limit.or(settings.max_active_dims) {
            Some(k) => options.pruning.with_max_active_dims(k),
            None => options.pruning,
        };
        Ok(Self { prompt, pruning, options })
    }

    /// Encodes texts, on the current thread pool.
    ///
    /// # Errors
    /// A task that no route serves; a text that cannot be tokenised; arithmetic that breaks down.
    pub(crate) fn run<T: AsRef<str> + Sync>(
        &self,
        graph: &Graph,
        texts: &[T],
        tally: &Tally<'_>,
    ) -> Result<Rows, SpladeError> {
        let prompt = self.prompt;
        if prompt.is_empty() {
            return self.run_prompted(graph, texts, tally);
        }
        let prompted: Vec<String> =
            texts.iter().map(|text| format!("{prompt}{}", text.as_ref())).collect();
        self.run_prompted(graph, &prompted, tally)
    }

    /// Encodes texts that have the prompt before them: for a GPU in parts, so that while it computes one
    /// the CPU tokenises the next.
    fn run_prompted<T: AsRef<str> + Sync>(
        &self,
        graph: &Graph,
        texts: &[T],
        tally: &Tally<'_>,
    ) -> Result<Rows, SpladeError> {
        let Self { prompt, pruning, options } = self;
        let encode = |texts: &[T]| graph.encode(texts, prompt, pruning, options, tally);
        let part_size = texts.len().div_ceil(PARTS).clamp(SMALLEST_PART, LARGEST_PART);
        if texts.len() <= part_size || !graph.is_on_gpu(options.task.as_deref())? {
            return encode(texts);
        }
        let parts: Vec<&[T]> = texts.chunks(part_size).collect();
        let encoded = in_lanes(GPU_LANES, parts.len(), |part| {
            encode(parts[part]).map_err(|error| error.counted_from(part * part_size))
        });
        Ok(Rows::joined(encoded?))
    }
}

impl Rows {
    /// Those of several parts of a call, in their order.
    pub(crate) fn joined(parts: Vec<Self>) -> Self {
        let n_rows = parts.iter().map(|part| part.rows.len()).sum();
        let mut all = Self { rows: Vec::with_capacity(n_rows), n_tokens: 0, n_truncated: 0 };
        for part in parts {
            all.rows.extend(part.rows);
            all.n_tokens += part.n_tokens;
            all.n_truncated += part.n_truncated;
        }
        all
    }

    /// The rows as one matrix.
    ///
    /// # Errors
    /// More weights than a matrix can count.
    pub(crate) fn into_encoded(self, dimension: usize) -> Result<Encoded, SpladeError> {
        Ok(Encoded {
            embeddings: SparseMatrix::from_rows(dimension, &self.rows)?,
            n_tokens: self.n_tokens,
            n_truncated: self.n_truncated,
        })
    }
}
