//! The numbers that the kernel's text, its schedule and its launch share. `cargo xtask kernels`
//! reads this file too.

/// Rows of a tile of the result: rows of A.
pub(crate) const TILE_ROWS: usize = 128;
/// Columns of a tile of the result: rows of B.
pub(crate) const TILE_COLUMNS: usize = 256;
/// Inner indices per step: 128 bytes of a row, the width of the swizzle.
pub(crate) const TILE_DEPTH: usize = 64;
/// Steps that are in shared memory at once.
pub(crate) const STAGES: usize = 4;
/// Rows per copy of A or B: a copy has at most 256, and B takes two copies.
pub(crate) const COPIED_ROWS: usize = 128;
/// Rows, and columns, of the squares in which a layer's results are copied out: 64 16-bit numbers
/// are the 128 bytes of the swizzle.
pub(crate) const OUT_TILE: usize = 64;
/// Row tiles that are worked on side by side, so that they share the columns' tiles in L2.
pub(crate) const GROUP: usize = 8;
/// One warpgroup that requests copies, two that multiply.
pub(crate) const THREADS: usize = 384;

const STAGE_BYTES: usize = (TILE_ROWS + TILE_COLUMNS) * TILE_DEPTH * 2;
/// Two squares for each of the two warpgroups that multiply.
const OUT_BYTES: usize = 4 * OUT_TILE * OUT_TILE * 2;
/// A pair of barriers per stage.
const BARRIER_BYTES: usize = 2 * STAGES * 8;
/// Stages start at a multiple of this, which the swizzle requires.
pub(crate) const ALIGNMENT: usize = 1024;
/// Shared memory of a block, with room to align its start.
pub(crate) const SHARED_BYTES: usize = STAGES * STAGE_BYTES + OUT_BYTES + BARRIER_BYTES + ALIGNMENT;

/// gelu(x) = x (1 + tanh(x p(s))) / 2 with s = min(x², `GELU_LIMIT`), and p of these coefficients,
/// the constant first. Beyond the limit tanh is ±1 in `f32`.
pub(crate) const GELU: [f32; 3] = [7.975_079e-1, 3.700_564_6e-2, -3.515_168_4e-4];
pub(crate) const GELU_LIMIT: f32 = 22.0;

/// What happens to a tile's sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Epilogue {
    /// They are the result.
    Plain,
    /// The bias is added.
    Bias,
    /// The bias is added, and GELU applied.
    BiasGelu,
    /// The largest over each text's tokens: rows are words, columns are tokens.
    Head,
}

/// The type of the operands, and of a layer's result. Sums are `f32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Number {
    Bf16,
    F16,
}

/// A kernel: one compilation of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Variant {
    pub(crate) epilogue: Epilogue,
    pub(crate) number: Number,
}

impl Epilogue {
    pub(crate) const ALL: [Self; 4] = [Self::Plain, Self::Bias, Self::BiasGelu, Self::Head];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Bias => "bias",
            Self::BiasGelu => "gelu",
            Self::Head => "head",
        }
    }
}

impl Number {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }
}
