//! The table of backends: the only file of this crate with `cfg(feature)` for a backend.
#![cfg_attr(
    not(any(feature = "ndarray", feature = "flex", feature = "wgpu", feature = "cuda")),
    expect(dead_code, reason = "without a backend no model is loaded")
)]

mod choose;
mod on_device;

use splade_model::{BackendKind, GpuProducts, ModelError, Precision};
#[cfg(any(feature = "ndarray", feature = "flex", feature = "wgpu", feature = "cuda"))]
use splade_model::{Checkpoint, SpladeBackend};

#[cfg(any(feature = "ndarray", feature = "flex", feature = "wgpu", feature = "cuda"))]
use self::on_device::LoadResult;
use self::on_device::Loaders;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use self::on_device::on_device;
use crate::Device;

pub(crate) use self::choose::{load, resolve, settle_products};
pub(crate) use self::on_device::{HiddenStates, Loaded, MaskedLm, OnDevice};

/// Every backend. To add one, add its row here and its name to [`Device`].
///
/// `cpu` selects the first compiled-in CPU backend, `auto` the last GPU backend that sees a card.
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
                    Some("on macOS a GPU is available only through Metal")
                } else {
                    None
                },
                ..Name::new("vulkan", "`vulkan`", Device::Vulkan, cfg!(feature = "vulkan"))
            },
            Name {
                unsupported: if cfg!(target_os = "macos") {
                    None
                } else {
                    Some("Metal exists only on macOS")
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

/// The features that enable a CPU backend, for people.
const CPU_FEATURES: &str = "`ndarray` or `flex`";

/// A burn backend, with the names of its devices.
pub(crate) struct Backend {
    pub(crate) kind: BackendKind,
    /// If several are compiled in, cards are listed under the last one that this platform supports.
    pub(crate) names: &'static [Name],
    /// `None` if it is not compiled in.
    compiled: Option<Compiled>,
}

/// A name of devices, which is also a Cargo feature.
pub(crate) struct Name {
    pub(crate) name: &'static str,
    /// The device with a number; a CPU backend has only one.
    device: fn(usize) -> Device,
    /// Whether this build has the feature.
    pub(crate) is_compiled: bool,
    /// The features that enable it, for people.
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

/// All names, each with its backend.
pub(crate) fn names() -> impl Iterator<Item = (&'static Backend, &'static Name)> {
    BACKENDS.iter().flat_map(|backend| backend.names.iter().map(move |name| (backend, name)))
}

/// The cards that the GPU backends of this build see, CUDA's first; and the name of each backend
/// that sees none, with the reason.
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

/// A card, as one backend of this build sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenCard {
    pub(crate) device: Device,
    pub(crate) name: String,
    /// Whether it is a driver that computes on the CPU.
    pub(crate) is_software: bool,
    /// The bus address, by which a card seen through two backends is recognised as one.
    pub(crate) bus: Option<String>,
}

/// Lists a backend's cards, each as the device that the function makes of its number; or says why
/// it sees none.
type FindCards = fn(fn(usize) -> Device) -> Result<Vec<SeenCard>, String>;

/// Settles which kernels multiply on the device with a number; the outer error says why the device
/// is not available, or failed.
type Settle = fn(usize, GpuProducts, Precision) -> Result<Result<GpuProducts, ModelError>, String>;

/// Why the kernel for Hopper cards is not used in this process, if a check of it failed.
pub(crate) fn hopper_refusal() -> Option<String> {
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    return splade_model::hopper_refusal();
    #[cfg(not(any(feature = "wgpu", feature = "cuda")))]
    None
}

/// What a compiled-in backend provides.
struct Compiled {
    loaders: Loaders,
    settle: Settle,
    /// Lists its cards; a CPU backend has none.
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
        let settle: Settle = |_, products, precision| {
            Ok(B::settle_products(products, precision, &Default::default()))
        };
        Self { loaders, settle, cards: |_| Ok(Vec::new()) }
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
        settle: |number, products, precision| {
            settle_guarded::<Wgpu>(products, precision, &adapter(number)?.device)
        },
        cards: |device| {
            Ok(adapters()?.iter().map(|adapter| seen(device, adapter.card.clone())).collect())
        },
    };

    /// The adapters, enumerated once: this starts and stops each driver, which some drivers do not
    /// survive while a device is in use.
    fn adapters() -> Result<&'static [Adapter], String> {
        static FOUND: OnceLock<Result<Vec<Adapter>, String>> = OnceLock::new();
        FOUND.get_or_init(splade_model::wgpu_adapters).as_deref().map_err(Clone::clone)
    }

    fn load<M: Loaded + ?Sized>(
        name: &'static str,
        number: usize,
        checkpoint: &Checkpoint,
    ) -> LoadResult<M> {
        load_guarded::<M, Wgpu>(name, checkpoint, &adapter(number)?.device)
    }

    fn adapter(number: usize) -> Result<&'static Adapter, String> {
        let adapters = adapters()?;
        splade_model::keep_kernels(&[]);
        adapters.get(number).ok_or_else(|| only(adapters.len()))
    }
}

/// NVIDIA's GPUs.
#[cfg(feature = "cuda")]
mod cuda {
    use splade_model::{Cuda, CudaDevice, cuda_cards};

    use super::*;

    pub(super) const COMPILED: Compiled = Compiled {
        loaders: Loaders { masked_lm: load, hidden_states: load },
        settle: |number, products, precision| {
            settle_guarded::<Cuda>(products, precision, &card(number)?)
        },
        cards: |device| Ok(cuda_cards()?.into_iter().map(|card| seen(device, card)).collect()),
    };

    fn load<M: Loaded + ?Sized>(
        name: &'static str,
        number: usize,
        checkpoint: &Checkpoint,
    ) -> LoadResult<M> {
        load_guarded::<M, Cuda>(name, checkpoint, &card(number)?)
    }

    fn card(number: usize) -> Result<CudaDevice, String> {
        let cards = cuda_cards()?;
        let names: Vec<String> = cards.iter().map(|card| card.name.clone()).collect();
        splade_model::keep_kernels(&names);
        cards.get(number).ok_or_else(|| only(cards.len()))?;
        Ok(CudaDevice::new(number))
    }
}

/// Like [`Loaded::load`], or the reason why the device failed.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn load_guarded<M: Loaded + ?Sized, B: SpladeBackend>(
    backend: &'static str,
    checkpoint: &Checkpoint,
    device: &B::Device,
) -> LoadResult<M> {
    // Before the load, which asks again: there a panic of the device's threads would fail the load.
    let (products, precision) = (checkpoint.gpu_products(), checkpoint.precision());
    if let Err(error) = settle_guarded::<B>(products, precision, device)? {
        return Ok(Err(error.into()));
    }
    on_device(B::device_threads(device), || M::load::<B>(backend, checkpoint, device))
}

/// [`SpladeBackend::settle_products`]; a panic of the device's threads refuses the kernels.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn settle_guarded<B: SpladeBackend>(
    products: GpuProducts,
    precision: Precision,
    device: &B::Device,
) -> Result<Result<GpuProducts, ModelError>, String> {
    let settle = || B::settle_products(products, precision, device);
    on_device(B::device_threads(device), settle).or_else(|why| {
        B::refuse_products(precision, device, why);
        on_device(B::device_threads(device), settle)
    })
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
