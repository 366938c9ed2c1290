//! Options for loading an encoder, and for each call.

use std::num::NonZeroUsize;
use std::path::Path;

use splade_sparse::{Pruning, SimilarityFunction};
use splade_tokenizer::{SpecialTokens, TruncationSide};

#[cfg(feature = "hub")]
use crate::hub::HubOptions;
use crate::info::{GpuProducts, Isa};
use crate::progress::Callback;
use crate::settings::Settings;
use crate::{CancelHandle, Device, EncodeProgress, Precision, SparseEncoder, SpladeError};

/// What to do with a text longer than `max_seq_length`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Truncation {
    /// Cut it; [`Encoded`](crate::Encoded) reports how much.
    #[default]
    Cut,
    /// Fail with [`SpladeError::TextTooLong`].
    Refuse,
}

/// Options for one call of [`SparseEncoder::encode_with`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct EncodeOptions {
    /// Token budget per forward pass. On a CPU, parallel passes share it (at most one per thread,
    /// each given at least 1,024 tokens); on a GPU it applies to each of the two passes in flight.
    /// `None`, the default, means 16,384 on a GPU; on a CPU it means 1,024 per thread, at least
    /// 4,096 and at most what about 4 GiB of memory hold. A larger budget costs memory. A single
    /// text longer than the budget gets a pass of its own.
    pub max_batch_tokens: Option<NonZeroUsize>,
    /// Which weights of each text are dropped, in this order: those below a minimum weight, those
    /// below a ratio of the row's largest, those outside a share of the row's mass, and all but the
    /// `max_active_dims` largest. Default: none.
    ///
    /// `max_active_dims` is the text's ([`TextOptions::pruning`](crate::TextOptions::pruning)),
    /// else the call's (this field), else the encoder's
    /// ([`with_max_active_dims`](SparseEncoder::with_max_active_dims)), else the checkpoint's.
    pub pruning: Pruning,
    /// At most this many texts per forward pass, as in the reference; `None` leaves it to
    /// `max_batch_tokens`, which is the better knob.
    pub batch_size: Option<NonZeroUsize>,
    /// Text to put before each text, in place of the checkpoint's prompt. May be empty.
    pub prompt: Option<String>,
    /// The name of the checkpoint's prompt to put before each text.
    pub prompt_name: Option<String>,
    /// Which route of a router the texts take: `query`, `document`, or a route's own name. Without
    /// one, the default route.
    pub task: Option<String>,
    /// Number of tokens, special tokens included, that texts are cut to in this call; `None` means
    /// the encoder's limit. Like [`with_max_seq_length`](SparseEncoder::with_max_seq_length), it
    /// applies on routes with a transformer, unless the checkpoint sets a limit for the task.
    pub max_seq_length: Option<usize>,
    /// What to do with a longer text. Default: cut it.
    pub truncation: Truncation,
    /// Which end of a longer text is cut off; `None` means the checkpoint's choice.
    pub truncation_side: Option<TruncationSide>,
    /// Whether special tokens are put around each text; `None` means the model's choice.
    pub special_tokens: Option<SpecialTokens>,
    /// Cancels the call from another thread.
    pub cancel: Option<CancelHandle>,
    /// Number of texts that a worker of an [`EncoderPool`](crate::EncoderPool) takes at a time;
    /// without a pool it is ignored. Default: the reference's formula, a tenth of each worker's
    /// share of the texts, at most 5000.
    pub chunk_size: Option<NonZeroUsize>,
    /// Called with the progress of the call.
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

    /// Sets [`pruning`](Self::pruning). If it has no `max_active_dims`, one set earlier stays.
    #[must_use]
    pub fn with_pruning(mut self, pruning: Pruning) -> Self {
        self.pruning = with_limit(pruning, self.pruning.max_active_dims());
        self
    }

    /// Sets [`max_seq_length`](Self::max_seq_length).
    #[must_use]
    pub fn with_max_seq_length(mut self, max_seq_length: usize) -> Self {
        self.max_seq_length = Some(max_seq_length);
        self
    }

    /// Sets [`truncation`](Self::truncation).
    #[must_use]
    pub fn with_truncation(mut self, truncation: Truncation) -> Self {
        self.truncation = truncation;
        self
    }

    /// Sets [`truncation_side`](Self::truncation_side).
    #[must_use]
    pub fn with_truncation_side(mut self, side: TruncationSide) -> Self {
        self.truncation_side = Some(side);
        self
    }

    /// Sets [`special_tokens`](Self::special_tokens).
    #[must_use]
    pub fn with_special_tokens(mut self, special_tokens: SpecialTokens) -> Self {
        self.special_tokens = Some(special_tokens);
        self
    }

    /// Sets [`cancel`](Self::cancel).
    #[must_use]
    pub fn with_cancel(mut self, handle: CancelHandle) -> Self {
        self.cancel = Some(handle);
        self
    }

    /// Sets [`chunk_size`](Self::chunk_size).
    #[must_use]
    pub fn with_chunk_size(mut self, chunk_size: NonZeroUsize) -> Self {
        self.chunk_size = Some(chunk_size);
        self
    }

    /// Calls `on_progress` after each batch of texts, on the thread that encoded it, which waits
    /// until `on_progress` returns.
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

    /// Keeps only the largest weights of each text: `max_active_dims` of
    /// [`pruning`](Self::pruning). Of equal weights, those with lower indices are kept.
    #[must_use]
    pub fn with_max_active_dims(mut self, max_active_dims: NonZeroUsize) -> Self {
        self.pruning = self.pruning.with_max_active_dims(max_active_dims);
        self
    }
}

/// `pruning`, with `max_active_dims` added if it has none.
pub(crate) fn with_limit(pruning: Pruning, max_active_dims: Option<NonZeroUsize>) -> Pruning {
    match pruning.max_active_dims().or(max_active_dims) {
        Some(k) => pruning.with_max_active_dims(k),
        None => pruning,
    }
}

/// Options for loading an encoder; made by [`SparseEncoder::builder`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct SparseEncoderBuilder {
    pub(crate) device: Device,
    pub(crate) precision: Precision,
    pub(crate) isa: Option<Isa>,
    pub(crate) gpu_products: GpuProducts,
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

    /// The type that weights are held and multiplied in, whatever type they are stored in. Default:
    /// `f32`.
    ///
    /// Every precision but `f32` rounds the weights of linear layers, the word embeddings and the
    /// decoder. On a CPU, `bf16` and `int8` also round the rows that these multiply, and attention
    /// multiplies in bf16 where the CPU has instructions for it; on a GPU, `f16` and `bf16` hold
    /// the states between layers too. Sums, positions, norms, softmax and activations are `f32`
    /// everywhere. A precision that the device lacks is an error.
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// The best instruction set that CPUs may use, of those that [`Isa::available`] lists: to
    /// compare them, and to find faults. Sets change vectors only by rounding. Kernels beside the
    /// model's layers that give the same bits on every set (such as a rotation) are not limited.
    /// GPUs ignore it. Default: the CPU's best.
    pub fn isa(mut self, isa: Isa) -> Self {
        self.isa = Some(isa);
        self
    }

    /// Which kernels multiply in f16 and bf16 on a GPU. Default: CubeCL's.
    ///
    /// With [`GpuProducts::Hopper`] or [`GpuProducts::Auto`], and on a card that has the kernel, it
    /// is first checked in the process, once for each card and precision; this takes some seconds
    /// where its compiled form is not in the cache. If it gives wrong results, CubeCL's kernels are
    /// used for the rest of the process, with a warning in the log and in
    /// [`Devices::find`](crate::Devices::find). If it hangs, the process is aborted after two
    /// minutes.
    pub fn gpu_products(mut self, products: GpuProducts) -> Self {
        self.gpu_products = products;
        self
    }

    /// How to download a model from the hub if no folder has its name: revision, token, cache,
    /// offline, endpoint, progress. Default: taken from the environment ([`HubOptions::from_env`]).
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

    /// Number of tokens, special tokens included, that texts are cut to. Default: what the
    /// tokenizer and the model's positions allow.
    pub fn max_seq_length(mut self, max_seq_length: usize) -> Self {
        self.max_seq_length = Some(max_seq_length);
        self
    }

    /// Keeps only the largest weights of each text, unless a call overrides it.
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

    /// The name of the default prompt, for calls that choose none. Default: the checkpoint's.
    pub fn default_prompt_name(mut self, name: impl Into<String>) -> Self {
        self.default_prompt_name = Some(name.into());
        self
    }

    /// Loads a model: the folder `model` if it exists, else the model with that id on the hub.
    ///
    /// # Errors
    /// See [`SparseEncoder::load`].
    pub fn load(self, model: impl AsRef<Path>) -> Result<SparseEncoder, SpladeError> {
        SparseEncoder::load_with(model.as_ref(), self)
    }

    /// Overrides the checkpoint's settings with those chosen here.
    ///
    /// # Errors
    /// A default prompt that exists in neither.
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
