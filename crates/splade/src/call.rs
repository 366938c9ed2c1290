//! One call with its options settled: what the encoder runs on its own device, and each worker of
//! a pool on its chunks.

use splade_sparse::{Pruning, SparseMatrix};

use crate::pipeline::{Graph, Rows};
use crate::progress::Tally;
use crate::settings::Settings;
use crate::{EncodeOptions, Encoded, SpladeError};

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
        let Self { prompt, pruning, options } = self;
        if prompt.is_empty() {
            return graph.encode(texts, prompt, pruning, options, tally);
        }
        let prompted: Vec<String> =
            texts.iter().map(|text| format!("{prompt}{}", text.as_ref())).collect();
        graph.encode(&prompted, prompt, pruning, options, tally)
    }
}

impl Rows {
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
