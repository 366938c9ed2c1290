//! The precisions that a model can be loaded in.

use std::fmt;
use std::str::FromStr;

use splade_kernels::Isa;

use crate::GpuProducts;

/// The type in which weights are held and multiplied. Not every device supports each: see
/// [`SpladeBackend::has_precision`](crate::SpladeBackend::has_precision).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Precision {
    /// `f32`: 32-bit floats, which match the reference within 1e-4.
    #[default]
    F32,
    /// `f16`: 16-bit floats with 11 bits of precision, summed in `f32`. GPUs only. Half the memory.
    F16,
    /// `bf16`: 16-bit floats with 8 bits of precision, summed in `f32`. Half the memory.
    Bf16,
    /// `int8`: 8-bit integers, summed in 32-bit integers. Weights are scaled by the largest of
    /// their output channel, activations by the largest of their row. CPUs only. A quarter of the
    /// memory.
    Int8,
}

impl Precision {
    /// All of them, in the order of the enum.
    pub const ALL: [Self; 4] = [Self::F32, Self::F16, Self::Bf16, Self::Int8];

    /// The precision of the CPU kernels; `None` if CPUs do not support it.
    pub fn on_cpu(self) -> Option<splade_kernels::Precision> {
        match self {
            Self::F32 => Some(splade_kernels::Precision::F32),
            Self::F16 => None,
            Self::Bf16 => Some(splade_kernels::Precision::Bf16),
            Self::Int8 => Some(splade_kernels::Precision::Int8),
        }
    }

    /// The CPU instructions that its products use on this machine, of those up to `isa`; `None` if
    /// CPUs do not support it.
    pub fn instructions(self, isa: Isa) -> Option<&'static str> {
        self.on_cpu().map(|precision| isa.for_products(precision).name())
    }

    /// About how many times as fast its products are on this CPU, with instructions up to `isa`, as
    /// those in `f32`; `None` if CPUs do not support it.
    pub fn times_f32(self, isa: Isa) -> Option<f32> {
        self.on_cpu().map(|precision| isa.times_f32(precision))
    }

    fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }
}

/// How a model's products are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Arithmetic {
    /// The type in which weights are held and multiplied.
    pub precision: Precision,
    /// The best instruction set that CPUs may use. Default: the CPU's best.
    pub isa: Isa,
    /// Which kernels multiply on GPUs. Default: CubeCL's.
    pub gpu_products: GpuProducts,
}

impl From<Precision> for Arithmetic {
    /// On the CPU's best instructions, and with the default kernels of GPUs.
    fn from(precision: Precision) -> Self {
        Self { precision, ..Self::default() }
    }
}

/// A name that is not one of [`Precision`]'s.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownPrecision {
    /// The unknown name.
    pub name: String,
}

impl fmt::Display for UnknownPrecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown precision `{}`; there are f32, f16, bf16 and int8", self.name)
    }
}

impl std::error::Error for UnknownPrecision {}

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|precision| precision.name() == name);
        found.ok_or_else(|| UnknownPrecision { name: name.to_owned() })
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
