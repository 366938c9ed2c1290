//! Options for building an index.

use std::fmt;

/// The format in which the weights of documents are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum WeightFormat {
    /// 4 bytes: lossless.
    #[default]
    F32,
    /// 2 bytes, rounded to nearest. Lossy: a weight of magnitude 2⁻¹⁴ or more is off by at most
    /// 2⁻¹¹ (0.05 %) of itself, a smaller one by at most 2⁻²⁴. Magnitudes of 65,520 or more are
    /// refused.
    F16,
    /// 1 byte: a multiple, from 1 to 255, of 1/255 of the term's largest weight. Lossy: a weight is
    /// off by at most half of that step (0.2 % of the term's largest weight); one below half a step
    /// is off by less than a whole step. Negative weights are refused.
    U8,
}

impl WeightFormat {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::U8 => "u8",
        }
    }

    pub(crate) fn code(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::U8 => 2,
        }
    }

    pub(crate) fn from_code(code: u32) -> Option<Self> {
        [Self::F32, Self::F16, Self::U8].into_iter().find(|format| format.code() == code)
    }
}

impl fmt::Display for WeightFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Options for building an index.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexOptions {
    /// How weights are stored. Default [`WeightFormat::F32`].
    pub weight_format: WeightFormat,
    /// Memory for postings and ids waiting to be sorted, in bytes; the rest spills to temporary
    /// files. Default 256 MiB, at least 1 MiB. In addition, the list of one term needs about 25
    /// bytes per document that has it, and buffers need a few megabytes.
    pub memory_bytes: usize,
    /// Text that is stored with the index and returned: the model's name, or JSON. Default empty.
    pub metadata: String,
}

impl Default for IndexOptions {
    fn default() -> Self {
        Self { weight_format: WeightFormat::F32, memory_bytes: 256 << 20, metadata: String::new() }
    }
}

impl IndexOptions {
    /// Sets [`weight_format`](Self::weight_format).
    #[must_use]
    pub fn with_weight_format(mut self, weight_format: WeightFormat) -> Self {
        self.weight_format = weight_format;
        self
    }

    /// Sets [`memory_bytes`](Self::memory_bytes).
    #[must_use]
    pub fn with_memory_bytes(mut self, memory_bytes: usize) -> Self {
        self.memory_bytes = memory_bytes;
        self
    }

    /// Sets [`metadata`](Self::metadata).
    #[must_use]
    pub fn with_metadata(mut self, metadata: impl Into<String>) -> Self {
        self.metadata = metadata.into();
        self
    }
}
