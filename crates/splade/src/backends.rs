//! The table of backends, and from a device's name to a model that runs on it: the one file of this
//! crate with `cfg(feature)` for a backend.
#![cfg_attr(
    not(any(feature = "ndarray", feature = "flex", feature = "wgpu", feature = "cuda")),
    expect(dead_code, reason = "without a backend no model is loaded")
)]

mod on_device;

use std::sync::Arc;

#[cfg(any(feature = "ndarray", feature = "flex", feature = "wgpu", feature = "cuda"))]
use splade_model::SpladeBackend;
use splade_model::{BackendKind, Checkpoint};

#[cfg(any(feature = "ndarray", feature = "flex", feature = "wgpu", feature = "cuda"))]
use self::on_device::LoadResult;
use self::on_device::Loaders;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use self::on_device::on_device;
use crate::{Device, SpladeError};

pub(crate) use self::on_device::{HiddenStates, Loaded, MaskedLm, OnDevice};

/// Every backend. To add one, add its row here and its name to [`Device`].
///
/// `cpu` prefers the first of the CPU backends, `auto` the last of the GPU backends that sees a card.
pub(crate) static BACKENDS: [Backend; 4] = [
    Backend {
        kind: BackendKind::Host,
        names: &[Name::new("ndarray", "`ndarray`", |_| Device::NdArray, cfg!(feature = "ndarray"))],
        #[cfg(feature = "ndarray")]
        compiled: Some(Compiled::on_cpu::<splade_model::NdArray>()),
        #[cfg(not(feature = "ndarray"))]
        compiled: None,
    },
    Backend {
        kind: BackendKind::Host,
        names: &[Name::new("flex", "`flex`", |_| Device::Flex, cfg!(feature = "flex"))],
        #[cfg(feature = "flex")]
        compiled: Some(Compiled::on_cpu::<splade_model::Flex>()),
        #[cfg(not(feature = "flex"))]
        compiled: None,
    },
    Backend {
        kind: BackendKind::Gpu,
        names: &[
            Name::new("wgpu", "`wgpu`, `vulkan` or `metal`", Device::Wgpu, cfg!(feature = "wgpu")),
            Name {
                unsupported: if cfg!(target_os = "macos") {
                    Some("on macOS a GPU is reached through Metal")
                } else {
                    None
                },
                ..Name::new("vulkan", "`vulkan`", Device::Vulkan, cfg!(feature = "vulkan"))
            },
            Name {
                unsupported: if cfg!(target_os = "macos") {
                    None
                } else {
                    Some("Metal is there on macOS alone")
                },
                ..Name::new("metal", "`metal`", Device::Metal, cfg!(feature = "metal"))
            },
        ],
        #[cfg(feature = "wgpu")]
        compiled: Some(wgpu::COMPILED),
        #[cfg(not(feature = "wgpu"))]
        compiled: None,
    },
    Backend {
        kind: BackendKind::Gpu,
        names: &[Name::new("cuda", "`cuda`", Device::Cuda, cfg!(feature = "cuda"))],
        #[cfg(feature = "cuda")]
        compiled: Some(cuda::COMPILED),
        #[cfg(not(feature = "cuda"))]
        compiled: None,
    },
];

/// The features that bring a CPU backend, for people.
const CPU_FEATURES: &str = "`ndarray` or `flex`";

/// A backend of burn's, with the names of its devices.
pub(crate) struct Backend {
    pub(crate) kind: BackendKind,
    /// Where several are compiled in, cards are listed under the last that this platform has.
    pub(crate) names: &'static [Name],
    /// `None` where it is not compiled in.
    compiled: Option<Compiled>,
}

/// A name of devices, which is a Cargo feature too.
pub(crate) struct Name {
    pub(crate) name: &'static str,
    /// The device of a number; a CPU backend has but one.
    device: fn(usize) -> Device,
    /// Whether this build has the feature.
    pub(crate) is_compiled: bool,
    /// The features that bring it, for people.
    features: &'static str,
    /// Why no machine of this platform has such devices.
    unsupported: Option<&'static str>,
}

impl Name {
    const fn new(
        name: &'static str,
        features: &'static str,
        device: fn(usize) -> Device,
        is_compiled: bool,
    ) -> Self {
        Self { name, device, is_compiled, features, unsupported: None }
    }
}

/// Lists a backend's cards, each named by the function; or says why it sees none.
type FindCards = fn(fn(usize) -> Device) -> Result<Vec<SeenCard>, String>;

/// What is to be had of a backend that is compiled in.
struct Compiled {
    loaders: Loaders,
    /// Its cards as devices of a name, or why there are none; a CPU backend has none to list.
    cards: FindCards,
}

impl Compiled {
    #[cfg(any(feature = "ndarray", feature = "flex"))]
    const fn on_cpu<B: SpladeBackend>() -> Self {
        fn load<M: Loaded + ?Sized, B: SpladeBackend>(
            name: &'static str,
            _number: usize,
            checkpoint: &Checkpoint,
        ) -> LoadResult<M> {
            Ok(M::load::<B>(name, checkpoint, &Default::default()))
        }
        let loaders = Loaders { masked_lm: load::<_, B>, hidden_states: load::<_, B> };
        Self { loaders, cards: |_| Ok(Vec::new()) }
    }
}

/// GPUs through wgpu.
#[cfg(feature = "wgpu")]
mod wgpu {
    use std::sync::OnceLock;

    use splade_model::{Adapter, Wgpu};

    use super::*;

    pub(super) const COMPILED: Compiled = Compiled {
        loaders: Loaders { masked_lm: load, hidden_states: load },
        cards: |device| {
            Ok(adapters()?.iter().map(|adapter| seen(device, adapter.card.clone())).collect())
        },
    };

    /// The adapters, looked for once: to look is to start and stop each driver, which some do not bear
    /// beside a device in use.
    fn adapters() -> Result<&'static [Adapter], String> {
        static FOUND: OnceLock<Result<Vec<Adapter>, String>> = OnceLock::new();
        FOUND.get_or_init(splade_model::wgpu_adapters).as_deref().map_err(Clone::clone)
    }

    fn load<M: Loaded + ?Sized>(
        name: &'static str,
        number: usize,
        checkpoint: &Checkpoint,
    ) -> LoadResult<M> {
        let adapters = adapters()?;
        splade_model::keep_kernels(&[]);
        let adapter = adapters.get(number).ok_or_else(|| only(adapters.len()))?;
        load_guarded::<M, Wgpu>(name, checkpoint, &adapter.device)
    }
}

/// NVIDIA's GPUs.
#[cfg(feature = "cuda")]
mod cuda {
    use splade_model::{Cuda, CudaDevice, cuda_cards};

    use super::*;

    pub(super) const COMPILED: Compiled = Compiled {
        loaders: Loaders { masked_lm: load, hidden_states: load },
        cards: |device| Ok(cuda_cards()?.into_iter().map(|card| seen(device, card)).collect()),
    };

    fn load<M: Loaded + ?Sized>(
        name: &'static str,
        number: usize,
        checkpoint: &Checkpoint,
    ) -> LoadResult<M> {
        let cards = cuda_cards()?;
        let names: Vec<String> = cards.iter().map(|card| card.name.clone()).collect();
        splade_model::keep_kernels(&names);
        cards.get(number).ok_or_else(|| only(cards.len()))?;
        load_guarded::<M, Cuda>(name, checkpoint, &CudaDevice::new(number))
    }
}

/// As [`Loaded::load`], or why the device failed at it.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn load_guarded<M: Loaded + ?Sized, B: SpladeBackend>(
    backend: &'static str,
    checkpoint: &Checkpoint,
    device: &B::Device,
) -> LoadResult<M> {
    on_device(B::device_threads(device), || M::load::<B>(backend, checkpoint, device))
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn seen(device: fn(usize) -> Device, card: splade_model::Card) -> SeenCard {
    SeenCard {
        device: device(card.index),
        name: card.name,
        is_software: card.kind == splade_model::CardKind::Software,
        bus: card.bus,
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn only(count: usize) -> String {
    match count {
        1 => "there is one card, number 0".to_owned(),
        count => format!("there are {count} cards, number 0 to {}", count - 1),
    }
}

/// Loads a checkpoint onto a device.
///
/// # Errors
/// A device whose backend is not compiled in or that is not there; a broken checkpoint.
pub(crate) fn load<M: Loaded + ?Sized>(
    device: &Device,
    checkpoint: &Checkpoint,
) -> Result<Arc<OnDevice<M>>, SpladeError> {
    let (chosen, backend, name) = choose(device, |name| name.is_compiled, first_gpu)?;
    let absent = |why| SpladeError::DeviceNotFound { device: device.to_string(), why };
    if let Some(why) = name.unsupported {
        return Err(absent(why.to_owned()));
    }
    let Some(compiled) = &backend.compiled else {
        return Err(not_compiled(device, name.features));
    };
    M::loader(&compiled.loaders)(name.name, number(&chosen), checkpoint).map_err(absent)?
}

/// The device that a name means in this build, on this machine: `cpu` is the CPU backend that is
/// compiled in (`ndarray` before `flex`), `auto` is a GPU where there is one, else the CPU.
///
/// # Errors
/// A device whose backend is not compiled in.
pub(crate) fn resolve(device: &Device) -> Result<Device, SpladeError> {
    choose(device, |name| name.is_compiled, first_gpu).map(|(chosen, ..)| chosen)
}

fn choose(
    device: &Device,
    is_compiled: impl Fn(&Name) -> bool,
    gpu: impl Fn() -> Option<Device>,
) -> Result<(Device, &'static Backend, &'static Name), SpladeError> {
    let cpu = || {
        let mut found = names().filter(|(backend, _)| backend.kind == BackendKind::Host);
        found.find(|(_, name)| is_compiled(name)).map(|(_, name)| (name.device)(0))
    };
    let chosen = match device {
        Device::Auto => gpu().or_else(cpu),
        Device::Cpu => cpu(),
        named => Some(named.clone()),
    };
    let variant = std::mem::discriminant::<Device>;
    let found = chosen.and_then(|chosen| {
        let mut names = names();
        let row = names.find(|(_, name)| variant(&(name.device)(0)) == variant(&chosen));
        row.map(|(backend, name)| (chosen, backend, name))
    });
    match found {
        Some(found) if is_compiled(found.2) => Ok(found),
        Some((_, _, name)) => Err(not_compiled(device, name.features)),
        None => Err(not_compiled(device, CPU_FEATURES)),
    }
}

fn not_compiled(device: &Device, feature: &'static str) -> SpladeError {
    SpladeError::DeviceNotCompiled { device: device.to_string(), feature }
}

/// All names, each with its backend.
pub(crate) fn names() -> impl Iterator<Item = (&'static Backend, &'static Name)> {
    BACKENDS.iter().flat_map(|backend| backend.names.iter().map(move |name| (backend, name)))
}

fn number(device: &Device) -> usize {
    match device {
        Device::Wgpu(number)
        | Device::Vulkan(number)
        | Device::Metal(number)
        | Device::Cuda(number) => *number,
        Device::Cpu | Device::NdArray | Device::Flex | Device::Auto => 0,
    }
}

/// A card through one backend of this build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenCard {
    pub(crate) device: Device,
    pub(crate) name: String,
    /// Whether it is a driver that computes on the CPU.
    pub(crate) is_software: bool,
    /// The bus address, by which a card seen through two backends is recognised as one.
    pub(crate) bus: Option<String>,
}

/// The first card of this machine that `auto` takes.
fn first_gpu() -> Option<Device> {
    best_gpu(&cards().0)
}

/// The first card that is one: the CPU backends are faster than a driver that computes on the CPU.
fn best_gpu(cards: &[SeenCard]) -> Option<Device> {
    cards.iter().find(|card| !card.is_software).map(|card| card.device.clone())
}

/// The cards that the GPU backends of this build see, CUDA's first, and of each backend that sees none
/// its name and why.
pub(crate) fn cards() -> (Vec<SeenCard>, Vec<(&'static str, String)>) {
    let (mut cards, mut missing) = (Vec::new(), Vec::new());
    for backend in BACKENDS.iter().rev() {
        let mut names = backend.names.iter().rev();
        let name = names.find(|name| name.is_compiled && name.unsupported.is_none());
        let (Some(name), Some(compiled)) = (name, &backend.compiled) else { continue };
        match (compiled.cards)(name.device) {
            Ok(found) => cards.extend(found),
            Err(why) => missing.push((name.name, why)),
        }
    }
    (cards, missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[&str] = &["ndarray", "flex", "wgpu", "vulkan", "metal", "cuda"];
    const FLEX: &[&str] = &["flex"];

    #[test]
    fn each_name_is_the_name_of_its_devices() {
        let rows: Vec<&str> = names().map(|(_, name)| name.name).collect();
        assert_eq!(rows, ALL);
        for (_, name) in names() {
            assert_eq!(name.name.parse::<Device>().unwrap(), (name.device)(0));
        }
    }

    #[test]
    fn names_mean_what_is_compiled_in_and_present() {
        let card = Some(Device::Cuda(0));
        for (device, compiled, gpu, expected) in [
            (Device::Cpu, ALL, &card, Device::NdArray),
            (Device::Cpu, FLEX, &None, Device::Flex),
            (Device::Auto, ALL, &card, Device::Cuda(0)),
            (Device::Auto, ALL, &None, Device::NdArray),
            (Device::Auto, FLEX, &None, Device::Flex),
            (Device::Flex, ALL, &card, Device::Flex),
            (Device::Vulkan(2), ALL, &card, Device::Vulkan(2)),
        ] {
            let found = choose(&device, |name| compiled.contains(&name.name), || gpu.clone());
            assert_eq!(found.map(|(chosen, ..)| chosen).unwrap(), expected, "{device}");
        }
    }

    #[test]
    fn a_device_that_is_not_compiled_in_names_its_feature() {
        for (device, compiled, features) in [
            (Device::NdArray, FLEX, "`ndarray`"),
            (Device::Wgpu(0), FLEX, "`wgpu`, `vulkan` or `metal`"),
            (Device::Vulkan(0), &["wgpu"], "`vulkan`"),
            (Device::Metal(0), FLEX, "`metal`"),
            (Device::Cuda(1), FLEX, "`cuda`"),
            (Device::Flex, &[], "`flex`"),
            (Device::Cpu, &[], "`ndarray` or `flex`"),
            (Device::Auto, &[], "`ndarray` or `flex`"),
        ] {
            let error = choose(&device, |name| compiled.contains(&name.name), || None).err();
            assert!(
                matches!(&error, Some(SpladeError::DeviceNotCompiled { feature, .. }) if *feature == features),
                "{device}: {error:?}"
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
