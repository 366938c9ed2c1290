//! The graphics cards of a machine, as the backends see them. Both backends panic where there is none,
//! so they are asked for first.

#[cfg(feature = "cuda")]
pub(crate) mod cuda;
#[cfg(feature = "wgpu")]
pub(crate) mod wgpu;

/// What a card is reached through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Api {
    /// CUDA.
    Cuda,
    /// Vulkan.
    Vulkan,
    /// Metal.
    Metal,
}

/// What a card is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CardKind {
    /// Beside the processor, with memory of its own.
    Discrete,
    /// In the processor.
    Integrated,
    /// Of a virtual machine.
    Virtual,
    /// Unknown.
    Other,
    /// None: a driver that computes on the CPU.
    Software,
}

/// A card through one API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// What it is reached through.
    pub api: Api,
    /// Its index among those of the API, the best first: the number in a device's name.
    pub index: usize,
    /// What the driver calls it.
    pub name: String,
    /// What it is.
    pub kind: CardKind,
    /// Its address on the bus (`0000:65:00.0`), if the driver tells: the same card through two APIs has one
    /// address.
    pub bus: Option<String>,
}
