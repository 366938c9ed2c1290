//! Which kernels multiply on a GPU, where there is a choice.

use std::fmt;
use std::str::FromStr;

/// Which kernels multiply in f16 and bf16 on a GPU. In `f32`, and on other devices, there is one
/// way only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GpuProducts {
    /// `cubecl`: CubeCL's.
    #[default]
    CubeCl,
    /// `hopper`: our own for NVIDIA cards of compute capability 9.0 (H100, H200), in f16 and bf16.
    /// Anything else is an error. If the check that is made when a model is loaded finds wrong
    /// results, CubeCL's are used, and a warning says so.
    Hopper,
    /// `auto`: as `hopper` where that can run, else as `cubecl`.
    Auto,
}

impl GpuProducts {
    /// All of them, in the order of the enum.
    pub const ALL: [Self; 3] = [Self::CubeCl, Self::Hopper, Self::Auto];

    fn name(self) -> &'static str {
        match self {
            Self::CubeCl => "cubecl",
            Self::Hopper => "hopper",
            Self::Auto => "auto",
        }
    }
}

/// A name that is not one of [`GpuProducts`]'.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownGpuProducts {
    /// The unknown name.
    pub name: String,
}

impl fmt::Display for UnknownGpuProducts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown GPU products `{}`; there are cubecl, hopper and auto", self.name)
    }
}

impl std::error::Error for UnknownGpuProducts {}

impl FromStr for GpuProducts {
    type Err = UnknownGpuProducts;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|products| products.name() == name);
        found.ok_or_else(|| UnknownGpuProducts { name: name.to_owned() })
    }
}

impl fmt::Display for GpuProducts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        for products in GpuProducts::ALL {
            assert_eq!(products.to_string().parse(), Ok(products));
        }
        let error = "cublas".parse::<GpuProducts>().unwrap_err();
        assert!(error.to_string().contains("`cublas`; there are cubecl, hopper and auto"));
    }
}
