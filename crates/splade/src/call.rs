//! One call with its options resolved: an encoder runs it on its own device, each worker of a pool
//! runs chunks of it.

use std::ops::Range;

use splade_sparse::{Pruning, SparseMatrix};

use crate::inputs::{Inputs, Source, Tokenizing, check_count};
use crate::pipeline::{Graph, Rows};
use crate::progress::Tally;
use crate::queue::run_at_once;
use crate::settings::Settings;
use crate::text_options::{PerText, prunings};
use crate::tokenized::TokenizedTexts;
use crate::{EncodeOptions, Encoded, SpladeError, TextOptions};

/// Parts in flight on a GPU at once.
const GPU_PARTS_AT_ONCE: usize = 2;
/// Parts of a call for a GPU, if their sizes allow it: two per part in flight.
const PARTS: usize = 2 * GPU_PARTS_AT_ONCE;
/// Texts per part: with fewer, units of the GPU idle; with more, the CPU has nothing to do
/// meanwhile.
const SMALLEST_PART: usize = 128;
const LARGEST_PART: usize = 1024;

/// A call's inputs, with its options resolved against the encoder's settings.
pub(crate) struct Call<'a> {
    source: Source<'a>,
    prunings: PerText<Pruning>,
    options: &'a EncodeOptions,
}

impl<'a> Call<'a> {
    /// A call with texts.
    ///
    /// # Errors
    /// See [`Tokenizing::settle`].
    pub(crate) fn of_texts(
        graph: &Graph,
        settings: &'a Settings,
        inputs: Inputs<'a>,
        each: Option<&'a [TextOptions]>,
        options: &'a EncodeOptions,
    ) -> Result<Self, SpladeError> {
        let tokenizing = Tokenizing::settle(graph, settings, inputs, each, options)?;
        let prunings = prunings(settings, options, each);
        Ok(Self { source: Source::Texts(tokenizing), prunings, options })
    }

    /// A call with texts that are already tokenised.
    ///
    /// # Errors
    /// Tokens of another model; a number of options other than the number of texts.
    pub(crate) fn of_tokens(
        graph: &Graph,
        settings: &Settings,
        tokens: &'a TokenizedTexts,
        each: Option<&[TextOptions]>,
        options: &'a EncodeOptions,
    ) -> Result<Self, SpladeError> {
        check_count(tokens.len(), each)?;
        graph.check_tokens(tokens)?;
        let prunings = prunings(settings, options, each);
        Ok(Self { source: Source::Tokens(tokens), prunings, options })
    }

    pub(crate) fn n_texts(&self) -> usize {
        self.source.n_texts()
    }

    /// A counter of the call's encoded texts, which reports progress.
    pub(crate) fn tally(&self) -> Tally<'a> {
        Tally::new(self.options.progress.as_ref(), self.n_texts())
    }

    /// Encodes a range of the texts on the current thread pool. For a GPU the range is divided into
    /// parts, so that the CPU tokenises one part while the GPU computes another. Errors name a text
    /// by its index in the call.
    ///
    /// # Errors
    /// A text that cannot be tokenised; arithmetic that breaks down; the call was cancelled.
    pub(crate) fn run(
        &self,
        graph: &Graph,
        texts: Range<usize>,
        tally: &Tally<'_>,
    ) -> Result<Rows, SpladeError> {
        let encode = |texts: Range<usize>| {
            let start = texts.start;
            let rows = self.source.tokens(texts).and_then(|tokens| {
                graph.encode(&tokens, |text| self.prunings.of(start + text), self.options, tally)
            });
            rows.map_err(|error| error.counted_from(start))
        };
        let part_size = texts.len().div_ceil(PARTS).clamp(SMALLEST_PART, LARGEST_PART);
        if texts.len() <= part_size || !graph.is_on_gpu(self.source.route()) {
            return encode(texts);
        }
        let n_parts = texts.len().div_ceil(part_size);
        let encoded = run_at_once(GPU_PARTS_AT_ONCE, n_parts, |part| {
            let start = texts.start + part * part_size;
            encode(start..(start + part_size).min(texts.end))
        });
        Ok(Rows::joined(encoded?))
    }
}

impl Rows {
    /// Concatenates the rows of a call's parts, in order.
    pub(crate) fn joined(parts: Vec<Self>) -> Self {
        let n_rows = parts.iter().map(|part| part.rows.len()).sum();
        let (mut rows, mut lengths) = (Vec::with_capacity(n_rows), Vec::with_capacity(n_rows));
        for part in parts {
            rows.extend(part.rows);
            lengths.extend(part.lengths);
        }
        Self { rows, lengths }
    }

    /// The rows as one matrix.
    ///
    /// # Errors
    /// More weights than a matrix can hold.
    pub(crate) fn into_encoded(self, dimension: usize) -> Result<Encoded, SpladeError> {
        Ok(Encoded {
            embeddings: SparseMatrix::from_rows(dimension, &self.rows)?,
            n_tokens: self.lengths.iter().map(|length| length.n_tokens).sum(),
            n_truncated: self.lengths.iter().filter(|length| length.is_cut()).count(),
            lengths: self.lengths,
        })
    }
}
