//! The graphics cards of a machine, as the backends see them. Both backends panic without a card,
//! so callers check here first.

#[cfg(feature = "cuda")]
pub(crate) mod cuda;
#[cfg(feature = "wgpu")]
pub(crate) mod wgpu;

/// The API through which a card is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Api {
    /// CUDA.
    Cuda,
    /// Vulkan.
    Vulkan,
    /// Metal.
    Metal,
}

/// The kind of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CardKind {
    /// A separate card with its own memory.
    Discrete,
    /// Part of the processor.
    Integrated,
    /// Provided by a virtual machine.
    Virtual,
    /// Unknown.
    Other,
    /// Not a card: a driver that computes on the CPU.
    Software,
}

/// A card through one API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// The API through which it is used.
    pub api: Api,
    /// Its index within the API, best card first: the number in a device's name.
    pub index: usize,
    /// The driver's name for it.
    pub name: String,
    /// Its kind.
    pub kind: CardKind,
    /// Its bus address (`0000:65:00.0`), if the driver reports it. A card has the same address in
    /// both APIs.
    pub bus: Option<String>,
}
