//! What can be chosen when an encoder is loaded, and for each call.

use std::num::NonZeroUsize;
use std::path::Path;

use splade_sparse::{Pruning, SimilarityFunction};

#[cfg(feature = "hub")]
use crate::hub::HubOptions;
use crate::progress::Callback;
use crate::settings::Settings;
use crate::{Device, EncodeProgress, Precision, SparseEncoder, SpladeError};

/// What can be chosen for one call of [`SparseEncoder::encode_with`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct EncodeOptions {
    /// Token budget per forward pass. On a CPU, parallel passes share it (at most one per thread, each
    /// given at least 1,024 tokens); on a GPU it applies to each of the two passes in flight. `None`, the
    /// default, is 4,096 on a CPU and 16,384 on a GPU. More costs memory; a single text that is longer is
    /// a pass of its own.
    pub max_batch_tokens: Option<NonZeroUsize>,
    /// Keep only the largest weights of each text; `None` keeps what the encoder was loaded with.
    /// Among equal weights those of lower vocabulary entries are kept.
    pub max_active_dims: Option<NonZeroUsize>,
    /// Which weights to drop before that: by least weight, then by ratio to the row's largest, then
    /// by share of the row's mass. Default: none. Its own `max_active_dims` counts where the field
    /// of that name is `None`.
    pub pruning: Pruning,
    /// At most this many texts per forward pass, as in the reference; `None` leaves it to
    /// `max_batch_tokens`, which is the better knob.
    pub batch_size: Option<NonZeroUsize>,
    /// Put before each text, whatever the checkpoint says. May be empty.
    pub prompt: Option<String>,
    /// The name of the checkpoint's prompt to put before each text.
    pub prompt_name: Option<String>,
    /// Which route of a router the texts take: `query`, `document`, or a route's own name. Without
    /// one, the default route.
    pub task: Option<String>,
    /// Texts that a worker of an [`EncoderPool`](crate::EncoderPool) takes at a time; an encoder by
    /// itself has no use for it. Default: the reference's formula, a tenth of each worker's share
    /// of the texts, and not more than 5000.
    pub chunk_size: Option<NonZeroUsize>,
    /// Told how far the call is.
    pub(crate) progress: Option<Callback<EncodeProgress>>,
}

impl EncodeOptions {
    /// What [`SparseEncoder::encode_query`] uses: the route and the prompt named `query`.
    pub fn query() -> Self {
        Self::default().with_task("query").with_prompt_name("query")
    }

    /// What [`SparseEncoder::encode_document`] uses: the route and the prompt named `document`.
    pub fn document() -> Self {
        Self::default().with_task("document").with_prompt_name("document")
    }

    /// Sets [`task`](Self::task), which chooses a route and no prompt.
    #[must_use]
    pub fn with_task(mut self, task: impl Into<String>) -> Self {
        self.task = Some(task.into());
        self
    }

    /// Sets [`pruning`](Self::pruning).
    #[must_use]
    pub fn with_pruning(mut self, pruning: Pruning) -> Self {
        self.pruning = pruning;
        self
    }

    /// Sets [`chunk_size`](Self::chunk_size).
    #[must_use]
    pub fn with_chunk_size(mut self, chunk_size: NonZeroUsize) -> Self {
        self.chunk_size = Some(chunk_size);
        self
    }

    /// Calls `on_progress` after each batch of texts, on the thread that encoded it, which waits for
    /// the call to return.
    #[must_use]
    pub fn with_progress(
        mut self,
        on_progress: impl Fn(&EncodeProgress) + Send + Sync + 'static,
    ) -> Self {
        self.progress = Some(Callback::new(on_progress));
        self
    }

    /// Sets [`batch_size`](Self::batch_size).
    #[must_use]
    pub fn with_batch_size(mut self, batch_size: NonZeroUsize) -> Self {
        self.batch_size = Some(batch_size);
        self
    }

    /// Sets [`prompt`](Self::prompt).
    #[must_use]
    pub fn with_prompt(mut self, prompt: impl Into<String>) -> Self {
        self.prompt = Some(prompt.into());
        self
    }

    /// Sets [`prompt_name`](Self::prompt_name).
    #[must_use]
    pub fn with_prompt_name(mut self, prompt_name: impl Into<String>) -> Self {
        self.prompt_name = Some(prompt_name.into());
        self
    }

    /// Sets [`max_batch_tokens`](Self::max_batch_tokens).
    #[must_use]
    pub fn with_max_batch_tokens(mut self, tokens: NonZeroUsize) -> Self {
        self.max_batch_tokens = Some(tokens);
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
    pub(crate) precision: Precision,
    #[cfg(feature = "hub")]
    pub(crate) hub: Option<HubOptions>,
    pub(crate) threads: Option<NonZeroUsize>,
    pub(crate) max_seq_length: Option<usize>,
    pub(crate) max_active_dims: Option<NonZeroUsize>,
    pub(crate) similarity: Option<SimilarityFunction>,
    pub(crate) prompts: Vec<(String, String)>,
    pub(crate) default_prompt_name: Option<String>,
}

impl SparseEncoderBuilder {
    /// Where the model runs. Default: the CPU.
    pub fn device(mut self, device: Device) -> Self {
        self.device = device;
        self
    }

    /// What weights are held and multiplied in, whatever they are stored in. Default: `f32`.
    ///
    /// Every precision but `f32` rounds the weights of linear layers, the word embeddings and the decoder.
    /// On a CPU, `bf16` and `int8` also round the rows that these multiply, and attention multiplies in bf16
    /// where the CPU has instructions for it; on a GPU, `f16` and `bf16` hold the states between layers too.
    /// Sums, positions, norms, softmax and activations are `f32` everywhere. A precision that the device
    /// lacks is an error.
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// How a model that is no folder is brought from the hub: revision, token, cache, offline,
    /// endpoint, progress. Default: what the environment says
    /// ([`HubOptions::from_env`]).
    #[cfg(feature = "hub")]
    pub fn hub(mut self, options: HubOptions) -> Self {
        self.hub = Some(options);
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

    /// The function of [`SparseEncoder::similarity`]. Default: the checkpoint's, else dot product.
    pub fn similarity(mut self, similarity: SimilarityFunction) -> Self {
        self.similarity = Some(similarity);
        self
    }

    /// Adds a prompt, or replaces the checkpoint's of that name.
    pub fn prompt(mut self, name: impl Into<String>, prompt: impl Into<String>) -> Self {
        self.prompts.push((name.into(), prompt.into()));
        self
    }

    /// The name of the prompt of calls that choose none. Default: the checkpoint's.
    pub fn default_prompt_name(mut self, name: impl Into<String>) -> Self {
        self.default_prompt_name = Some(name.into());
        self
    }

    /// Loads a model: the folder `model`, else the model of that id on the hub.
    ///
    /// # Errors
    /// See [`SparseEncoder::load`].
    pub fn load(self, model: impl AsRef<Path>) -> Result<SparseEncoder, SpladeError> {
        SparseEncoder::load_with(model.as_ref(), self)
    }

    /// Puts what was chosen here over what the checkpoint says.
    ///
    /// # Errors
    /// A default prompt that neither has.
    pub(crate) fn settle(&self, settings: &mut Settings) -> Result<(), SpladeError> {
        settings.prompts.extend(self.prompts.iter().cloned());
        settings.similarity = self.similarity.unwrap_or(settings.similarity);
        settings.max_active_dims = self.max_active_dims.or(settings.max_active_dims);
        if let Some(name) = &self.default_prompt_name {
            settings.default_prompt_name = Some(name.clone());
            settings.prompt(None, None)?;
        }
        Ok(())
    }
}
