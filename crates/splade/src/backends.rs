//! From a device's name to a model that runs on it: the one file of this crate with
//! `cfg(feature)` for a backend, and the one where the backend's type is erased.

use splade_model::{Checkpoint, ModelError, PackedTokens, Pooling};
#[cfg(any(feature = "ndarray", feature = "flex", feature = "wgpu"))]
use splade_model::{SpladeBackend, SpladeModel};

use crate::{Device, SpladeError};

/// A model on some device: packed tokens in, pooled rows out, in host memory.
pub(crate) trait Forward: Send + Sync {
    /// # Shapes
    /// Returns `[texts, vocab]`, row-major.
    fn forward(&self, tokens: PackedTokens<'_>, pooling: Pooling) -> Result<Vec<f32>, ModelError>;

    /// The backend's name, for people.
    fn backend(&self) -> &'static str;
}

/// Loads a checkpoint onto a device.
///
/// # Errors
/// A device whose backend is not compiled in or that is not there; a broken checkpoint.
pub(crate) fn load(
    device: &Device,
    checkpoint: &Checkpoint,
) -> Result<Box<dyn Forward>, SpladeError> {
    match device {
        #[cfg(feature = "ndarray")]
        Device::Cpu | Device::NdArray => {
            OnDevice::<splade_model::NdArray>::load("ndarray", checkpoint, &Default::default())
        }
        #[cfg(all(feature = "flex", not(feature = "ndarray")))]
        Device::Cpu => {
            OnDevice::<splade_model::Flex>::load("flex", checkpoint, &Default::default())
        }
        #[cfg(feature = "flex")]
        Device::Flex => {
            OnDevice::<splade_model::Flex>::load("flex", checkpoint, &Default::default())
        }
        #[cfg(feature = "wgpu")]
        Device::Wgpu => {
            splade_model::probe_wgpu()
                .map_err(|why| SpladeError::DeviceNotFound { device: device.to_string(), why })?;
            OnDevice::<splade_model::Wgpu>::load("wgpu", checkpoint, &Default::default())
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
#[cfg(any(feature = "ndarray", feature = "flex", feature = "wgpu"))]
struct OnDevice<B: SpladeBackend> {
    backend: &'static str,
    model: SpladeModel<B>,
}

#[cfg(any(feature = "ndarray", feature = "flex", feature = "wgpu"))]
impl<B: SpladeBackend> OnDevice<B> {
    fn load(
        backend: &'static str,
        checkpoint: &Checkpoint,
        device: &B::Device,
    ) -> Result<Box<dyn Forward>, SpladeError> {
        Ok(Box::new(Self { backend, model: SpladeModel::load(checkpoint, device)? }))
    }
}

#[cfg(any(feature = "ndarray", feature = "flex", feature = "wgpu"))]
impl<B: SpladeBackend> Forward for OnDevice<B> {
    fn forward(&self, tokens: PackedTokens<'_>, pooling: Pooling) -> Result<Vec<f32>, ModelError> {
        self.model.forward_to_host(tokens, pooling)
    }

    fn backend(&self) -> &'static str {
        self.backend
    }
}
