//! What can be chosen when an encoder is loaded, and for each call.

use std::num::NonZeroUsize;
use std::path::Path;

use crate::{Device, SparseEncoder, SpladeError};

/// What can be chosen for one call of [`SparseEncoder::encode_with`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EncodeOptions {
    /// Tokens per forward pass, summed over its texts. Default 4096. More costs memory; a single
    /// text that is longer is a pass of its own.
    pub max_batch_tokens: NonZeroUsize,
    /// Keep only the largest weights of each text; `None` keeps what the encoder was loaded with.
    /// Among equal weights those of lower vocabulary entries are kept.
    pub max_active_dims: Option<NonZeroUsize>,
}

/// Measured on two cores of an AMD EPYC 9004 with BERT-base: from 2048 tokens on, more gain
/// nothing; 4096 leaves room for machines with more cores.
const DEFAULT_MAX_BATCH_TOKENS: NonZeroUsize = NonZeroUsize::new(4096).expect("not 0");

impl Default for EncodeOptions {
    fn default() -> Self {
        Self { max_batch_tokens: DEFAULT_MAX_BATCH_TOKENS, max_active_dims: None }
    }
}

impl EncodeOptions {
    /// Sets [`max_batch_tokens`](Self::max_batch_tokens).
    #[must_use]
    pub fn with_max_batch_tokens(mut self, tokens: NonZeroUsize) -> Self {
        self.max_batch_tokens = tokens;
        self
    }

    /// Sets [`max_active_dims`](Self::max_active_dims).
    #[must_use]
    pub fn with_max_active_dims(mut self, max_active_dims: NonZeroUsize) -> Self {
        self.max_active_dims = Some(max_active_dims);
        self
    }
}

/// What can be chosen when an encoder is loaded; made by [`SparseEncoder::builder`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct SparseEncoderBuilder {
    pub(crate) device: Device,
    pub(crate) threads: Option<NonZeroUsize>,
    pub(crate) max_seq_length: Option<usize>,
    pub(crate) max_active_dims: Option<NonZeroUsize>,
}

impl SparseEncoderBuilder {
    /// Where the model runs. Default: the CPU.
    pub fn device(mut self, device: Device) -> Self {
        self.device = device;
        self
    }

    /// CPU threads that the encoder starts for itself. Default: it shares rayon's global pool.
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Tokens that a text is cut to, special tokens counted. Default: what the tokenizer and the
    /// model's positions allow.
    pub fn max_seq_length(mut self, max_seq_length: usize) -> Self {
        self.max_seq_length = Some(max_seq_length);
        self
    }

    /// Keep only the largest weights of each text, where a call does not say otherwise.
    pub fn max_active_dims(mut self, max_active_dims: NonZeroUsize) -> Self {
        self.max_active_dims = Some(max_active_dims);
        self
    }

    /// Loads the model in `folder`.
    ///
    /// # Errors
    /// See [`SparseEncoder::load`].
    pub fn load(self, folder: impl AsRef<Path>) -> Result<SparseEncoder, SpladeError> {
        SparseEncoder::load_with(folder.as_ref(), self)
    }
}
