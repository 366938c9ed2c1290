//! Where a model runs, by name.

use std::fmt;
use std::str::FromStr;

use crate::SpladeError;

/// A device to run on: a value, chosen at run time among the backends of this build.
///
/// A number is the card's index among those of its kind, in the order of `splade devices`; a name
/// without one means the first. Loading a model onto a GPU installs a panic hook: see the [crate's
/// documentation](crate#a-panic-hook-with-models-on-gpus).
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
    /// `wgpu`, `wgpu:1`: a GPU through the API of the platform, Metal on macOS and Vulkan
    /// elsewhere.
    Wgpu(usize),
    /// `vulkan`, `vulkan:1`: a GPU through Vulkan, its shaders compiled to SPIR-V.
    Vulkan(usize),
    /// `metal`, `metal:1` (also `mps`): a GPU of a Mac, its shaders compiled to Metal's language.
    Metal(usize),
    /// `cuda`, `cuda:1`: an NVIDIA card.
    Cuda(usize),
    /// `auto`: a GPU where its backend is compiled in and the machine has one, else the CPU. A
    /// driver that computes on the CPU does not count as a GPU.
    Auto,
}

/// A name, and the function from a number to its device.
type Numbered = (&'static str, fn(usize) -> Device);

/// Names of devices that have a number.
const NUMBERED: [Numbered; 5] = [
    ("wgpu", Device::Wgpu),
    ("vulkan", Device::Vulkan),
    ("metal", Device::Metal),
    ("mps", Device::Metal),
    ("cuda", Device::Cuda),
];

const KNOWN: &str = "cpu, ndarray, flex, wgpu, vulkan, metal (or mps), cuda, auto; \
                     a card by its number, as cuda:1";

impl FromStr for Device {
    type Err = SpladeError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let unknown = || SpladeError::UnknownDevice { found: name.to_owned(), known: KNOWN };
        let (kind, number) = match name.split_once(':') {
            // Rust would also parse `+1` as a number.
            Some((kind, digits)) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                (kind, Some(digits.parse().map_err(|_| unknown())?))
            }
            Some(_) => return Err(unknown()),
            None => (name, None),
        };
        if let Some((_, device)) = NUMBERED.iter().find(|(known, _)| *known == kind) {
            return Ok(device(number.unwrap_or(0)));
        }
        match name {
            "cpu" => Ok(Self::Cpu),
            "ndarray" => Ok(Self::NdArray),
            "flex" => Ok(Self::Flex),
            "auto" => Ok(Self::Auto),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::NdArray => f.write_str("ndarray"),
            Self::Flex => f.write_str("flex"),
            Self::Wgpu(number) => write!(f, "wgpu:{number}"),
            Self::Vulkan(number) => write!(f, "vulkan:{number}"),
            Self::Metal(number) => write!(f, "metal:{number}"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::Auto => f.write_str("auto"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for name in ["cpu", "ndarray", "flex", "auto", "wgpu:0", "vulkan:3", "metal:1", "cuda:12"] {
            assert_eq!(name.parse::<Device>().unwrap().to_string(), name);
        }
        assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda(0));
        assert_eq!("mps:2".parse::<Device>().unwrap(), Device::Metal(2));
    }

    #[test]
    fn what_is_no_name_is_answered_with_the_names() {
        for name in
            ["", "tpu", "cuda:", "cuda:x", "cuda:-1", "cuda:+1", "cpu:0", "CUDA", "wgpu:0:1"]
        {
            let error = name.parse::<Device>().unwrap_err();
            assert!(error.to_string().contains("vulkan"), "{name}: {error}");
        }
    }
}
