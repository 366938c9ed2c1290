//! The number format that matrix products run in, by name.

use std::fmt;

/// What the weights of a layer are held in, and what its products multiply. Sums are `f32`, of integers
/// `i32`; attention multiplies bf16 for both lower precisions, where the CPU has instructions for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Precision {
    /// `f32`: 32-bit floats, which agree with the reference to 1e-4.
    #[default]
    F32,
    /// `bf16`: 16-bit floats with 8 bits of mantissa, summed in `f32`. Half the memory.
    Bf16,
    /// `int8`: weights in 8-bit integers by output channel, activations by row, both scaled by their
    /// largest, summed in 32-bit integers. A quarter of the memory.
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
