//! One call with its options settled: what the encoder runs on its own device, and each worker of
//! a pool on its chunks.

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

/// Parts that a GPU has under way at once.
const GPU_PARTS_AT_ONCE: usize = 2;
/// Parts of a call for a GPU, where their sizes allow it: two for each that is under way.
const PARTS: usize = 2 * GPU_PARTS_AT_ONCE;
/// Texts of a part: fewer leave parts of a GPU idle, more leave the CPU with nothing to do beside it.
const SMALLEST_PART: usize = 128;
const LARGEST_PART: usize = 1024;

/// A call's options over what the encoder was loaded with.
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

    /// A call with texts that are tokenised already.
    ///
    /// # Errors
    /// Tokens of another model; not as many options as texts.
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

    /// Counts the texts of the call, for whoever waits for it.
    pub(crate) fn tally(&self) -> Tally<'a> {
        Tally::new(self.options.progress.as_ref(), self.n_texts())
    }

    /// Encodes some of the texts, on the current thread pool: for a GPU in parts, so that while it computes
    /// one the CPU tokenises the next. Errors name a text by its index in the call.
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
    /// Those of several parts of a call, in their order.
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
    /// More weights than a matrix can count.
    pub(crate) fn into_encoded(self, dimension: usize) -> Result<Encoded, SpladeError> {
        Ok(Encoded {
            embeddings: SparseMatrix::from_rows(dimension, &self.rows)?,
            n_tokens: self.lengths.iter().map(|length| length.n_tokens).sum(),
            n_truncated: self.lengths.iter().filter(|length| length.is_cut()).count(),
            lengths: self.lengths,
        })
    }
}
