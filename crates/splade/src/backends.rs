//! From a device's name to a model that runs on it: the one file of this crate with
//! `cfg(feature)` for a backend, and the one where the backend's type is erased.

use splade_model::{
    Checkpoint, Encoder, ModelError, PackedTokens, Pooling, SpladeBackend, SpladeModel,
};

use crate::{Device, SpladeError};

/// A model on some device: packed tokens in, pooled rows out, in host memory.
pub(crate) trait Forward: Send + Sync {
    /// # Shapes
    /// Returns `[texts, vocab]`, row-major.
    fn forward(&self, tokens: PackedTokens<'_>, pooling: Pooling) -> Result<Vec<f32>, ModelError>;

    /// The backend's name, for people.
    fn backend(&self) -> &'static str;
}

/// An encoder without head on some device: packed tokens in, their states out, in host memory.
pub(crate) trait HiddenStates: Send + Sync {
    /// # Shapes
    /// Returns `[tokens, hidden]`, row-major.
    fn hidden_states(&self, tokens: PackedTokens<'_>) -> Result<Vec<f32>, ModelError>;

    /// The backend's name, for people.
    fn backend(&self) -> &'static str;
}

/// What a checkpoint is loaded as.
trait Loaded: Sized {
    fn load<B: SpladeBackend>(
        backend: &'static str,
        checkpoint: &Checkpoint,
        device: &B::Device,
    ) -> Result<Self, SpladeError>;
}

impl Loaded for Box<dyn Forward> {
    fn load<B: SpladeBackend>(
        backend: &'static str,
        checkpoint: &Checkpoint,
        device: &B::Device,
    ) -> Result<Self, SpladeError> {
        let model = SpladeModel::<B>::load(checkpoint, device)?;
        Ok(Box::new(OnDevice { backend, model }))
    }
}

impl Loaded for Box<dyn HiddenStates> {
    fn load<B: SpladeBackend>(
        backend: &'static str,
        checkpoint: &Checkpoint,
        device: &B::Device,
    ) -> Result<Self, SpladeError> {
        let model = Encoder::<B>::load(checkpoint, device)?;
        Ok(Box::new(OnDevice { backend, model }))
    }
}

/// Loads a masked-LM checkpoint onto a device.
///
/// # Errors
/// A device whose backend is not compiled in or that is not there; a broken checkpoint.
pub(crate) fn load(
    device: &Device,
    checkpoint: &Checkpoint,
) -> Result<Box<dyn Forward>, SpladeError> {
    load_as(device, checkpoint)
}

/// Loads a checkpoint's encoder, without any head, onto a device.
///
/// # Errors
/// See [`load`].
pub(crate) fn load_encoder(
    device: &Device,
    checkpoint: &Checkpoint,
) -> Result<Box<dyn HiddenStates>, SpladeError> {
    load_as(device, checkpoint)
}

fn load_as<L: Loaded>(device: &Device, checkpoint: &Checkpoint) -> Result<L, SpladeError> {
    match device {
        #[cfg(feature = "ndarray")]
        Device::Cpu | Device::NdArray => {
            L::load::<splade_model::NdArray>("ndarray", checkpoint, &Default::default())
        }
        #[cfg(all(feature = "flex", not(feature = "ndarray")))]
        Device::Cpu => L::load::<splade_model::Flex>("flex", checkpoint, &Default::default()),
        #[cfg(feature = "flex")]
        Device::Flex => L::load::<splade_model::Flex>("flex", checkpoint, &Default::default()),
        #[cfg(feature = "wgpu")]
        Device::Wgpu => {
            splade_model::probe_wgpu()
                .map_err(|why| SpladeError::DeviceNotFound { device: device.to_string(), why })?;
            L::load::<splade_model::Wgpu>("wgpu", checkpoint, &Default::default())
        }
        #[allow(unreachable_patterns, reason = "reached where a feature is off")]
        _ => {
            let _ = checkpoint;
            Err(not_compiled(device))
        }
    }
}

fn not_compiled(device: &Device) -> SpladeError {
    let feature = match device {
        Device::Cpu => "`ndarray` or `flex`",
        Device::NdArray => "`ndarray`",
        Device::Flex => "`flex`",
        Device::Wgpu => "`wgpu`",
    };
    SpladeError::DeviceNotCompiled { device: device.to_string(), feature }
}

/// A model on one backend.
struct OnDevice<M> {
    backend: &'static str,
    model: M,
}

impl<B: SpladeBackend> Forward for OnDevice<SpladeModel<B>> {
    fn forward(&self, tokens: PackedTokens<'_>, pooling: Pooling) -> Result<Vec<f32>, ModelError> {
        self.model.forward_to_host(tokens, pooling)
    }

    fn backend(&self) -> &'static str {
        self.backend
    }
}

impl<B: SpladeBackend> HiddenStates for OnDevice<Encoder<B>> {
    fn hidden_states(&self, tokens: PackedTokens<'_>) -> Result<Vec<f32>, ModelError> {
        self.model.forward_to_host(tokens)
    }

    fn backend(&self) -> &'static str {
        self.backend
    }
}
