//! The number format of matrix products, by name.

use std::fmt;

use crate::Isa;

/// The type in which a layer's weights are held and multiplied. Sums are `f32`, or `i32` for
/// integers. For both lower precisions, attention multiplies in bf16 if the CPU has bf16
/// instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Precision {
    /// `f32`: 32-bit floats, which match the reference within 1e-4.
    #[default]
    F32,
    /// `bf16`: 16-bit floats with 8 bits of precision, summed in `f32`. Half the memory.
    Bf16,
    /// `int8`: 8-bit integers, summed in 32-bit integers. Weights are scaled by the largest of
    /// their output channel, activations by the largest of their row. A quarter of the memory.
    Int8,
}

impl Precision {
    /// All of them, in the order of the enum.
    pub const ALL: [Self; 3] = [Self::F32, Self::Bf16, Self::Int8];

    fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How products are computed: in which numbers, and on which instructions at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Arithmetic {
    /// The type of the operands.
    pub precision: Precision,
    /// The best instruction set that may be used. Default: the CPU's best.
    pub isa: Isa,
}

impl From<Precision> for Arithmetic {
    /// On the CPU's best instructions.
    fn from(precision: Precision) -> Self {
        Self { precision, isa: Isa::detect() }
    }
}
