//! From a device's name to a model that runs on it: the one file of this crate with
//! `cfg(feature)` for a backend, and the one where the backend's type is erased.
#![cfg_attr(
    not(any(feature = "ndarray", feature = "flex", feature = "wgpu", feature = "cuda")),
    expect(dead_code, reason = "without a backend no model is loaded")
)]

use std::num::NonZeroUsize;
use std::sync::Arc;

use splade_model::{
    Checkpoint, DeviceThreads, Encoder, ModelError, PackedTokens, Pooled, Pooling, SpladeBackend,
    SpladeModel,
};

use crate::guard::guarded;
use crate::{Device, SpladeError};

/// A model on some device: packed tokens in, pooled rows out, in host memory.
pub(crate) trait Forward: Send + Sync {
    /// The largest `keep` weights of each text alone, where the device selects them.
    ///
    /// # Shapes
    /// Returns `[texts, vocab]`.
    fn forward(
        &self,
        tokens: PackedTokens<'_>,
        pooling: Pooling,
        keep: Option<NonZeroUsize>,
    ) -> Result<Pooled, ModelError>;

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
        Ok(Arc::new(OnDevice { backend, threads: B::device_threads(device), model }))
    }
}

impl Loaded for Arc<dyn HiddenStates> {
    fn load<B: SpladeBackend>(
        backend: &'static str,
        checkpoint: &Checkpoint,
        device: &B::Device,
    ) -> Result<Self, SpladeError> {
        let model = Encoder::<B>::load(checkpoint, device)?;
        Ok(Arc::new(OnDevice { backend, threads: B::device_threads(device), model }))
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
    choose(device, &COMPILED, || best_gpu(&cards().0))
}

/// The backends of a build.
pub(crate) struct Compiled {
    pub(crate) ndarray: bool,
    pub(crate) flex: bool,
    pub(crate) wgpu: bool,
    pub(crate) vulkan: bool,
    pub(crate) metal: bool,
    pub(crate) cuda: bool,
}

/// Those of this one.
pub(crate) const COMPILED: Compiled = Compiled {
    ndarray: cfg!(feature = "ndarray"),
    flex: cfg!(feature = "flex"),
    wgpu: cfg!(feature = "wgpu"),
    vulkan: cfg!(feature = "vulkan"),
    metal: cfg!(feature = "metal"),
    cuda: cfg!(feature = "cuda"),
};

fn choose(
    device: &Device,
    compiled: &Compiled,
    gpu: impl Fn() -> Option<Device>,
) -> Result<Device, SpladeError> {
    let cpu = if compiled.ndarray { Device::NdArray } else { Device::Flex };
    let chosen = match device {
        Device::Auto => gpu().unwrap_or(cpu),
        Device::Cpu => cpu,
        named => named.clone(),
    };
    let (is_compiled, feature) = match (device, &chosen) {
        (Device::Auto | Device::Cpu, Device::NdArray | Device::Flex) => {
            (compiled.ndarray || compiled.flex, "`ndarray` or `flex`")
        }
        (_, Device::NdArray) => (compiled.ndarray, "`ndarray`"),
        (_, Device::Flex) => (compiled.flex, "`flex`"),
        (_, Device::Vulkan(_)) => (compiled.vulkan, "`vulkan`"),
        (_, Device::Metal(_)) => (compiled.metal, "`metal`"),
        (_, Device::Cuda(_)) => (compiled.cuda, "`cuda`"),
        _ => (compiled.wgpu, "`wgpu`, `vulkan` or `metal`"),
    };
    match is_compiled {
        true => Ok(chosen),
        false => Err(SpladeError::DeviceNotCompiled { device: device.to_string(), feature }),
    }
}

/// A card through one backend of this build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenCard {
    pub(crate) device: Device,
    pub(crate) name: String,
    /// Whether it is a driver that computes on the CPU.
    pub(crate) is_software: bool,
    /// Where it is plugged in: one card through two backends has one place.
    pub(crate) bus: Option<String>,
}

/// The first card that is one: the CPU backends are faster than a driver that computes on the CPU.
fn best_gpu(cards: &[SeenCard]) -> Option<Device> {
    cards.iter().find(|card| !card.is_software).map(|card| card.device.clone())
}

/// The cards that the GPU backends of this build see, CUDA's first, and of each backend that sees none
/// its name and why.
pub(crate) fn cards() -> (Vec<SeenCard>, Vec<(&'static str, String)>) {
    #[allow(unused_mut, reason = "a build without GPU backends has none to add")]
    let (mut cards, mut missing) = (Vec::new(), Vec::new());
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    let seen = |device: fn(usize) -> Device, card: splade_model::Card| SeenCard {
        device: device(card.index),
        name: card.name,
        is_software: card.kind == splade_model::CardKind::Software,
        bus: card.bus,
    };
    #[cfg(feature = "cuda")]
    match splade_model::cuda_cards() {
        Ok(found) => cards.extend(found.into_iter().map(|card| seen(Device::Cuda, card))),
        Err(why) => missing.push(("cuda", why)),
    }
    #[cfg(feature = "wgpu")]
    match adapters() {
        Ok(found) => {
            let (_, device) = wgpu_name();
            cards.extend(found.iter().map(|adapter| seen(device, adapter.card.clone())));
        }
        Err(why) => missing.push((wgpu_name().0, why)),
    }
    (cards, missing)
}

/// The adapters of wgpu, looked for once: to look is to start and stop each driver, which some do not bear
/// beside a device in use.
#[cfg(feature = "wgpu")]
fn adapters() -> Result<&'static [splade_model::Adapter], String> {
    type Found = Result<Vec<splade_model::Adapter>, String>;
    static FOUND: std::sync::OnceLock<Found> = std::sync::OnceLock::new();
    FOUND.get_or_init(splade_model::wgpu_adapters).as_deref().map_err(Clone::clone)
}

/// What this build calls the cards that wgpu reaches.
#[cfg(feature = "wgpu")]
fn wgpu_name() -> (&'static str, fn(usize) -> Device) {
    match (cfg!(target_os = "macos"), COMPILED.metal, COMPILED.vulkan) {
        (true, true, _) => ("metal", Device::Metal),
        (false, _, true) => ("vulkan", Device::Vulkan),
        _ => ("wgpu", Device::Wgpu),
    }
}

fn load_as<L: Loaded>(device: &Device, checkpoint: &Checkpoint) -> Result<L, SpladeError> {
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    let absent = |why| SpladeError::DeviceNotFound { device: device.to_string(), why };
    match resolve(device)? {
        #[cfg(feature = "ndarray")]
        Device::NdArray => {
            L::load::<splade_model::NdArray>("ndarray", checkpoint, &Default::default())
        }
        #[cfg(feature = "flex")]
        Device::Flex => L::load::<splade_model::Flex>("flex", checkpoint, &Default::default()),
        #[cfg(feature = "wgpu")]
        chosen @ (Device::Wgpu(number) | Device::Vulkan(number) | Device::Metal(number)) => {
            let name = match chosen {
                Device::Wgpu(_) => "wgpu",
                Device::Vulkan(_) if cfg!(target_os = "macos") => {
                    return Err(absent("on macOS a GPU is reached through Metal".to_owned()));
                }
                Device::Vulkan(_) => "vulkan",
                _ if cfg!(target_os = "macos") => "metal",
                _ => return Err(absent("Metal is there on macOS alone".to_owned())),
            };
            let adapters = adapters().map_err(absent)?;
            splade_model::keep_kernels(&[]);
            let adapter = adapters.get(number).ok_or_else(|| absent(only(adapters.len())))?;
            load_guarded::<L, splade_model::Wgpu>(name, checkpoint, &adapter.device)
                .map_err(absent)?
        }
        #[cfg(feature = "cuda")]
        Device::Cuda(number) => {
            let cards = splade_model::cuda_cards().map_err(absent)?;
            splade_model::keep_kernels(
                &cards.iter().map(|card| card.name.clone()).collect::<Vec<_>>(),
            );
            cards.get(number).ok_or_else(|| absent(only(cards.len())))?;
            let device = splade_model::CudaDevice::new(number);
            load_guarded::<L, splade_model::Cuda>("cuda", checkpoint, &device).map_err(absent)?
        }
        other => {
            let _ = checkpoint;
            unreachable!("`{other}` is no resolved device of this build")
        }
    }
}

/// As [`Loaded::load`], or why the device failed at it.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn load_guarded<L: Loaded, B: SpladeBackend>(
    backend: &'static str,
    checkpoint: &Checkpoint,
    device: &B::Device,
) -> Result<Result<L, SpladeError>, String> {
    on_device(B::device_threads(device), || L::load::<B>(backend, checkpoint, device))
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn only(count: usize) -> String {
    match count {
        1 => "there is one card, number 0".to_owned(),
        count => format!("there are {count} cards, number 0 to {}", count - 1),
    }
}

/// What `run` returns, or why the device failed at it. A backend whose devices have no threads computes on
/// the CPU, and does not panic for the device's sake.
fn on_device<R>(threads: Option<DeviceThreads>, run: impl FnOnce() -> R) -> Result<R, String> {
    match threads {
        Some(threads) => guarded(threads, run),
        None => Ok(run()),
    }
}

/// A model on one backend.
struct OnDevice<M> {
    backend: &'static str,
    threads: Option<DeviceThreads>,
    model: M,
}

impl<B: SpladeBackend> Forward for OnDevice<SpladeModel<B>> {
    fn forward(
        &self,
        tokens: PackedTokens<'_>,
        pooling: Pooling,
        keep: Option<NonZeroUsize>,
    ) -> Result<Pooled, ModelError> {
        on_device(self.threads, || self.model.forward_to_host(tokens, pooling, keep))
            .map_err(|reason| ModelError::Device { reason })?
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
        on_device(self.threads, || self.model.forward_to_host(tokens))
            .map_err(|reason| ModelError::Device { reason })?
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

    const ALL: Compiled =
        Compiled { ndarray: true, flex: true, wgpu: true, vulkan: true, metal: true, cuda: true };
    const NONE: Compiled = Compiled {
        ndarray: false,
        flex: false,
        wgpu: false,
        vulkan: false,
        metal: false,
        cuda: false,
    };
    const FLEX: Compiled = Compiled { flex: true, ..NONE };

    #[test]
    fn names_mean_what_is_compiled_in_and_present() {
        let card = Some(Device::Cuda(0));
        for (device, compiled, gpu, expected) in [
            (Device::Cpu, &ALL, &card, Device::NdArray),
            (Device::Cpu, &FLEX, &None, Device::Flex),
            (Device::Auto, &ALL, &card, Device::Cuda(0)),
            (Device::Auto, &ALL, &None, Device::NdArray),
            (Device::Auto, &FLEX, &None, Device::Flex),
            (Device::Flex, &ALL, &card, Device::Flex),
            (Device::Vulkan(2), &ALL, &card, Device::Vulkan(2)),
        ] {
            assert_eq!(choose(&device, compiled, || gpu.clone()).unwrap(), expected, "{device}");
        }
    }

    #[test]
    fn a_device_that_is_not_compiled_in_names_its_feature() {
        for (device, compiled, features) in [
            (Device::NdArray, &FLEX, "`ndarray`"),
            (Device::Wgpu(0), &FLEX, "`wgpu`, `vulkan` or `metal`"),
            (Device::Vulkan(0), &Compiled { wgpu: true, ..NONE }, "`vulkan`"),
            (Device::Metal(0), &FLEX, "`metal`"),
            (Device::Cuda(1), &FLEX, "`cuda`"),
            (Device::Flex, &NONE, "`flex`"),
            (Device::Cpu, &NONE, "`ndarray` or `flex`"),
            (Device::Auto, &NONE, "`ndarray` or `flex`"),
        ] {
            let error = choose(&device, compiled, || None).unwrap_err();
            assert!(
                matches!(&error, SpladeError::DeviceNotCompiled { feature, .. } if *feature == features),
                "{device}: {error}"
            );
        }
    }

    #[test]
    fn a_driver_that_computes_on_the_cpu_is_no_gpu() {
        let card = |number, is_software| SeenCard {
            device: Device::Vulkan(number),
            name: "card".to_owned(),
            is_software,
            bus: None,
        };
        assert_eq!(best_gpu(&[card(0, true)]), None);
        assert_eq!(best_gpu(&[card(0, true), card(1, false)]), Some(Device::Vulkan(1)));
    }
}
