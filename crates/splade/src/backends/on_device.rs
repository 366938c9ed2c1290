//! A model on some device, with the type of its backend erased.

use std::num::NonZeroUsize;
use std::sync::Arc;

use splade_model::{
    BackendKind, Checkpoint, DeviceThreads, Encoder, ModelError, PackedTokens, Pooled, Pooling,
    SpladeBackend, SpladeModel,
};

use crate::SpladeError;
use crate::guard::guarded;

/// A model on some device.
pub(crate) struct OnDevice<M: ?Sized> {
    /// The backend's name, for people.
    pub(crate) backend: &'static str,
    pub(crate) kind: BackendKind,
    threads: Option<DeviceThreads>,
    /// Tokens per pass that fill the device, if that is known.
    pass_tokens: Option<NonZeroUsize>,
    model: M,
}

/// What a masked-LM checkpoint computes.
pub(crate) trait MaskedLm: Send + Sync {
    fn forward(
        &self,
        tokens: PackedTokens<'_>,
        pooling: Pooling,
        keep: Option<NonZeroUsize>,
    ) -> Result<Pooled, ModelError>;
}

/// What an encoder without head computes.
pub(crate) trait HiddenStates: Send + Sync {
    fn forward(&self, tokens: PackedTokens<'_>) -> Result<Vec<f32>, ModelError>;
}

impl<B: SpladeBackend> MaskedLm for SpladeModel<B> {
    fn forward(
        &self,
        tokens: PackedTokens<'_>,
        pooling: Pooling,
        keep: Option<NonZeroUsize>,
    ) -> Result<Pooled, ModelError> {
        self.forward_to_host(tokens, pooling, keep)
    }
}

impl<B: SpladeBackend> HiddenStates for Encoder<B> {
    fn forward(&self, tokens: PackedTokens<'_>) -> Result<Vec<f32>, ModelError> {
        self.forward_to_host(tokens)
    }
}

impl<M> OnDevice<M> {
    fn of<B: SpladeBackend>(
        backend: &'static str,
        device: &B::Device,
        pass_tokens: Option<NonZeroUsize>,
        model: M,
    ) -> Self {
        Self { backend, kind: B::KIND, threads: B::device_threads(device), pass_tokens, model }
    }
}

impl<M: ?Sized> OnDevice<M> {
    /// What passes are planned by: the kind of device, and the tokens that fill it, if known.
    pub(crate) fn scheduling(&self) -> (BackendKind, Option<NonZeroUsize>) {
        (self.kind, self.pass_tokens)
    }

    /// Runs one pass.
    fn run<R>(&self, pass: impl FnOnce(&M) -> Result<R, ModelError>) -> Result<R, ModelError> {
        on_device(self.threads, || pass(&self.model))
            .map_err(|reason| ModelError::Device { reason })?
    }
}

impl OnDevice<dyn MaskedLm> {
    /// Pooled rows, in host memory: only the largest `keep` weights of each text, if the device
    /// selects them.
    ///
    /// # Shapes
    /// Returns `[texts, vocab]`.
    pub(crate) fn pooled(
        &self,
        tokens: PackedTokens<'_>,
        pooling: Pooling,
        keep: Option<NonZeroUsize>,
    ) -> Result<Pooled, ModelError> {
        self.run(|model| model.forward(tokens, pooling, keep))
    }
}

impl OnDevice<dyn HiddenStates> {
    /// Hidden states of tokens, in host memory.
    ///
    /// # Shapes
    /// Returns `[tokens, hidden]`, row-major.
    pub(crate) fn hidden_states(&self, tokens: PackedTokens<'_>) -> Result<Vec<f32>, ModelError> {
        self.run(|model| model.forward(tokens))
    }
}

/// Returns what `run` returns, or why the device failed. A backend without device threads computes
/// on the CPU, where a device cannot fail.
pub(crate) fn on_device<R>(
    threads: Option<DeviceThreads>,
    run: impl FnOnce() -> R,
) -> Result<R, String> {
    match threads {
        Some(threads) => guarded(threads, run),
        None => Ok(run()),
    }
}

/// How a checkpoint can be loaded: with its masked-LM head ([`MaskedLm`]), or without any head
/// ([`HiddenStates`]).
pub(crate) trait Loaded {
    /// Selects the loader for this from a backend's two.
    fn loader(loaders: &Loaders) -> Load<Self>;

    fn load<B: SpladeBackend>(
        backend: &'static str,
        checkpoint: &Checkpoint,
        device: &B::Device,
    ) -> Result<Arc<OnDevice<Self>>, SpladeError>;
}

impl Loaded for dyn MaskedLm {
    fn loader(loaders: &Loaders) -> Load<Self> {
        loaders.masked_lm
    }

    fn load<B: SpladeBackend>(
        backend: &'static str,
        checkpoint: &Checkpoint,
        device: &B::Device,
    ) -> Result<Arc<OnDevice<Self>>, SpladeError> {
        let model = SpladeModel::<B>::load(checkpoint, device)?;
        Ok(Arc::new(OnDevice::of::<B>(backend, device, model.pass_tokens(), model)))
    }
}

impl Loaded for dyn HiddenStates {
    fn loader(loaders: &Loaders) -> Load<Self> {
        loaders.hidden_states
    }

    fn load<B: SpladeBackend>(
        backend: &'static str,
        checkpoint: &Checkpoint,
        device: &B::Device,
    ) -> Result<Arc<OnDevice<Self>>, SpladeError> {
        let model = Encoder::<B>::load(checkpoint, device)?;
        Ok(Arc::new(OnDevice::of::<B>(backend, device, model.pass_tokens(), model)))
    }
}

/// The inner result is the model, or why the checkpoint did not load. The outer error says why the
/// device is not available, or failed.
pub(crate) type LoadResult<M> = Result<Result<Arc<OnDevice<M>>, SpladeError>, String>;

/// Loads a checkpoint onto the device with a number. The name is the backend's, for people.
pub(crate) type Load<M> = fn(&'static str, usize, &Checkpoint) -> LoadResult<M>;

/// A backend's two loaders.
pub(crate) struct Loaders {
    pub(crate) masked_lm: Load<dyn MaskedLm>,
    pub(crate) hidden_states: Load<dyn HiddenStates>,
}
