//! The formats that vectors are written in.

use std::num::NonZeroU32;
use std::path::Path;
use std::str::FromStr;

use crate::{CorpusError, FileFormat, InputError};

/// A format of vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VectorFormat {
    /// `{"id", "indices", "values"}` per line, and `"tokens"` if they are given.
    JsonLines,
    /// Columns `id: string`, `indices: list<uint32>`, `values: list<float32>`; the dimension is in
    /// the metadata under `dimension`.
    Parquet,
    /// A matrix in SciPy's `.npz`, with the ids in an additional array `ids`. It is held in memory.
    Npz,
    /// `{"id", "contents", "vector"}` per line for the `JsonVectorCollection` of Anserini and
    /// Pyserini, with integer weights; see [`VectorOptions::quantization_factor`].
    Anserini,
    /// `{"id", "tokens"}` per line, the heaviest token first.
    Tokens,
}

impl VectorFormat {
    const NAMES: &'static str = "jsonl, parquet, npz, anserini, tokens";

    /// The format of a file's extension: `.parquet`, `.npz`, and JSON lines for any other. See
    /// [`FileFormat::of_name`].
    #[must_use]
    pub fn of_name(path: &Path) -> Self {
        match FileFormat::of_name(path).0 {
            Some(FileFormat::Parquet) => Self::Parquet,
            Some(FileFormat::Npz) => Self::Npz,
            _ => Self::JsonLines,
        }
    }

    /// The name that [`FromStr`] accepts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Parquet => "parquet",
            Self::Npz => "npz",
            Self::Anserini => "anserini",
            Self::Tokens => "tokens",
        }
    }

    /// Whether each row needs its tokens.
    #[must_use]
    pub fn needs_tokens(self) -> bool {
        matches!(self, Self::Anserini | Self::Tokens)
    }

    /// Whether each row can have tokens.
    #[must_use]
    pub fn takes_tokens(self) -> bool {
        !matches!(self, Self::Parquet | Self::Npz)
    }

    /// The extension of a part.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::JsonLines | Self::Anserini | Self::Tokens => "jsonl",
            Self::Parquet => "parquet",
            Self::Npz => "npz",
        }
    }

    /// Whether the format can be compressed as a whole.
    pub(crate) fn is_lines(self) -> bool {
        self.extension() == "jsonl"
    }
}

impl FromStr for VectorFormat {
    type Err = CorpusError;

    /// Parses `jsonl`, `parquet`, `npz`, `anserini` or `tokens`.
    fn from_str(name: &str) -> Result<Self, CorpusError> {
        let all = [Self::JsonLines, Self::Parquet, Self::Npz, Self::Anserini, Self::Tokens];
        all.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            CorpusError::Input(InputError::UnknownFormat {
                name: name.to_owned(),
                known: Self::NAMES,
            })
        })
    }
}

/// How vectors are written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VectorOptions {
    /// The format.
    pub format: VectorFormat,
    /// The dimension of all vectors: the size of the vocabulary.
    pub dimension: usize,
    /// Multiplies weights before they are rounded to integers, for [`VectorFormat::Anserini`].
    /// Default 100.
    ///
    /// # Source
    /// "converted to integer by taking the round of weight*100":
    /// `docs/experiments-msmarco-passage-splade-v2.md` of castorini/anserini. `numpy.rint`, which
    /// rounds halves to even, and leaving out zeros:
    /// `anserini_evaluation/create_anserini_collection.py` of naver/splade at 4ee36df.
    pub quantization_factor: NonZeroU32,
}

impl VectorOptions {
    /// A format and the dimension of all vectors.
    #[must_use]
    pub fn new(format: VectorFormat, dimension: usize) -> Self {
        let quantization_factor = NonZeroU32::new(100).expect("it is not zero");
        Self { format, dimension, quantization_factor }
    }

    /// Sets [`quantization_factor`](Self::quantization_factor).
    #[must_use]
    pub fn with_quantization_factor(mut self, factor: NonZeroU32) -> Self {
        self.quantization_factor = factor;
        self
    }
}
