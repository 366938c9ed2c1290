//! From a device's name to a model that runs on it: the one file of this crate with
//! `cfg(feature)` for a backend, and the one where the backend's type is erased.

use std::sync::Arc;

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

    /// [`SpladeBackend::SIDE_BY_SIDE`].
    fn side_by_side(&self) -> bool;
}

/// An encoder without head on some device: packed tokens in, their states out, in host memory.
pub(crate) trait HiddenStates: Send + Sync {
    /// # Shapes
    /// Returns `[tokens, hidden]`, row-major.
    fn hidden_states(&self, tokens: PackedTokens<'_>) -> Result<Vec<f32>, ModelError>;

    /// The backend's name, for people.
    fn backend(&self) -> &'static str;

    /// [`SpladeBackend::SIDE_BY_SIDE`].
    fn side_by_side(&self) -> bool;
}

/// What a checkpoint is loaded as.
trait Loaded: Sized {
    fn load<B: SpladeBackend>(
        backend: &'static str,
        checkpoint: &Checkpoint,
        device: &B::Device,
    ) -> Result<Self, SpladeError>;
}

impl Loaded for Arc<dyn Forward> {
    fn load<B: SpladeBackend>(
        backend: &'static str,
        checkpoint: &Checkpoint,
        device: &B::Device,
    ) -> Result<Self, SpladeError> {
        let model = SpladeModel::<B>::load(checkpoint, device)?;
        Ok(Arc::new(OnDevice { backend, model }))
    }
}

impl Loaded for Arc<dyn HiddenStates> {
    fn load<B: SpladeBackend>(
        backend: &'static str,
        checkpoint: &Checkpoint,
        device: &B::Device,
    ) -> Result<Self, SpladeError> {
        let model = Encoder::<B>::load(checkpoint, device)?;
        Ok(Arc::new(OnDevice { backend, model }))
    }
}

/// Loads a masked-LM checkpoint onto a device.
///
/// # Errors
/// A device whose backend is not compiled in or that is not there; a broken checkpoint.
pub(crate) fn load(
    device: &Device,
    checkpoint: &Checkpoint,
) -> Result<Arc<dyn Forward>, SpladeError> {
    load_as(device, checkpoint)
}

/// Loads a checkpoint's encoder, without any head, onto a device.
///
/// # Errors
/// See [`load`].
pub(crate) fn load_encoder(
    device: &Device,
    checkpoint: &Checkpoint,
) -> Result<Arc<dyn HiddenStates>, SpladeError> {
    load_as(device, checkpoint)
}

/// The device that a name means in this build, on this machine: `cpu` is the CPU backend that is
/// compiled in (`ndarray` before `flex`), `auto` is a GPU where there is one, else the CPU.
///
/// # Errors
/// A device whose backend is not compiled in.
pub(crate) fn resolve(device: &Device) -> Result<Device, SpladeError> {
    choose(device, &COMPILED, has_gpu)
}

/// The backends of a build.
struct Compiled {
    ndarray: bool,
    flex: bool,
    wgpu: bool,
}

const COMPILED: Compiled = Compiled {
    ndarray: cfg!(feature = "ndarray"),
    flex: cfg!(feature = "flex"),
    wgpu: cfg!(feature = "wgpu"),
};

fn choose(
    device: &Device,
    compiled: &Compiled,
    has_gpu: impl Fn() -> bool,
) -> Result<Device, SpladeError> {
    let cpu = if compiled.ndarray { Device::NdArray } else { Device::Flex };
    let chosen = match device {
        Device::Auto if has_gpu() => Device::Wgpu,
        Device::Auto | Device::Cpu => cpu,
        named => named.clone(),
    };
    let (is_compiled, feature) = match (device, &chosen) {
        (Device::Auto | Device::Cpu, Device::NdArray | Device::Flex) => {
            (compiled.ndarray || compiled.flex, "`ndarray` or `flex`")
        }
        (_, Device::NdArray) => (compiled.ndarray, "`ndarray`"),
        (_, Device::Flex) => (compiled.flex, "`flex`"),
        _ => (compiled.wgpu, "`wgpu`"),
    };
    match is_compiled {
        true => Ok(chosen),
        false => Err(SpladeError::DeviceNotCompiled { device: device.to_string(), feature }),
    }
}

/// Whether there is a graphics card. A driver that computes on the CPU is none: the CPU backends
/// are faster.
fn has_gpu() -> bool {
    #[cfg(feature = "wgpu")]
    return splade_model::probe_wgpu().is_ok_and(|adapter| adapter == splade_model::Adapter::Gpu);
    #[cfg(not(feature = "wgpu"))]
    false
}

fn load_as<L: Loaded>(device: &Device, checkpoint: &Checkpoint) -> Result<L, SpladeError> {
    match resolve(device)? {
        #[cfg(feature = "ndarray")]
        Device::NdArray => {
            L::load::<splade_model::NdArray>("ndarray", checkpoint, &Default::default())
        }
        #[cfg(feature = "flex")]
        Device::Flex => L::load::<splade_model::Flex>("flex", checkpoint, &Default::default()),
        #[cfg(feature = "wgpu")]
        Device::Wgpu => {
            splade_model::probe_wgpu()
                .map_err(|why| SpladeError::DeviceNotFound { device: device.to_string(), why })?;
            L::load::<splade_model::Wgpu>("wgpu", checkpoint, &Default::default())
        }
        other => {
            let _ = checkpoint;
            unreachable!("`{other}` is no resolved device of this build")
        }
    }
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

    fn side_by_side(&self) -> bool {
        B::SIDE_BY_SIDE
    }
}

impl<B: SpladeBackend> HiddenStates for OnDevice<Encoder<B>> {
    fn hidden_states(&self, tokens: PackedTokens<'_>) -> Result<Vec<f32>, ModelError> {
        self.model.forward_to_host(tokens)
    }

    fn backend(&self) -> &'static str {
        self.backend
    }

    fn side_by_side(&self) -> bool {
        B::SIDE_BY_SIDE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Compiled = Compiled { ndarray: true, flex: true, wgpu: true };
    const FLEX: Compiled = Compiled { ndarray: false, flex: true, wgpu: false };
    const NONE: Compiled = Compiled { ndarray: false, flex: false, wgpu: false };

    #[test]
    fn names_mean_what_is_compiled_in_and_present() {
        for (device, compiled, has_gpu, expected) in [
            (Device::Cpu, &ALL, true, Device::NdArray),
            (Device::Cpu, &FLEX, false, Device::Flex),
            (Device::Auto, &ALL, true, Device::Wgpu),
            (Device::Auto, &ALL, false, Device::NdArray),
            (Device::Auto, &FLEX, false, Device::Flex),
            (Device::Flex, &ALL, true, Device::Flex),
        ] {
            assert_eq!(choose(&device, compiled, || has_gpu).unwrap(), expected, "{device}");
        }
    }

    #[test]
    fn a_device_that_is_not_compiled_in_names_its_feature() {
        for (device, compiled, features) in [
            (Device::NdArray, &FLEX, "`ndarray`"),
            (Device::Wgpu, &FLEX, "`wgpu`"),
            (Device::Flex, &NONE, "`flex`"),
            (Device::Cpu, &NONE, "`ndarray` or `flex`"),
            (Device::Auto, &NONE, "`ndarray` or `flex`"),
        ] {
            let error = choose(&device, compiled, || false).unwrap_err();
            assert!(
                matches!(&error, SpladeError::DeviceNotCompiled { feature, .. } if *feature == features),
                "{device}: {error}"
            );
        }
    }
}
