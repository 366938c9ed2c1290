//! Where a model runs, by name.

use std::fmt;
use std::str::FromStr;

use crate::SpladeError;

/// A device to run on: a value, chosen at run time among the backends of this build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Device {
    /// `cpu`: the CPU, through whichever CPU backend this build has.
    #[default]
    Cpu,
    /// `ndarray`: the CPU through burn-ndarray.
    NdArray,
    /// `flex`: the CPU through burn-flex.
    Flex,
    /// `wgpu`: the default GPU of the machine, through Vulkan, Metal or DirectX 12.
    Wgpu,
    /// `auto`: a GPU where its backend is compiled in and the machine has one, else the CPU. A
    /// driver that computes on the CPU does not count as a GPU.
    Auto,
}

const KNOWN: &str = "cpu, ndarray, flex, wgpu, auto";

impl FromStr for Device {
    type Err = SpladeError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "cpu" => Ok(Self::Cpu),
            "ndarray" => Ok(Self::NdArray),
            "flex" => Ok(Self::Flex),
            "wgpu" => Ok(Self::Wgpu),
            "auto" => Ok(Self::Auto),
            other => Err(SpladeError::UnknownDevice { found: other.to_owned(), known: KNOWN }),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::NdArray => "ndarray",
            Self::Flex => "flex",
            Self::Wgpu => "wgpu",
            Self::Auto => "auto",
        })
    }
}
