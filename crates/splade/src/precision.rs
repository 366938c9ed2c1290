//! The number format that a model computes in, by name.

use std::fmt;
use std::str::FromStr;

use crate::SpladeError;

/// What a model computes in, whatever its weights are stored in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Precision {
    /// `f32`: 32-bit floats, which agree with the reference to 1e-4.
    #[default]
    F32,
}

impl FromStr for Precision {
    type Err = SpladeError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "f32" => Ok(Self::F32),
            other => Err(SpladeError::UnknownPrecision { found: other.to_owned() }),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
        })
    }
}
