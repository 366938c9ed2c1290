//! Compression of files: the name decides for outputs, the first bytes for inputs.

use std::path::{Path, PathBuf};

use crate::names::extension;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Uncompressed.
    None,
    /// gzip, with one or more members.
    Gzip,
    /// Zstandard, with one or more frames.
    Zstd,
}

impl Compression {
    /// Splits a name into its compression suffix, `.gz` (`.gzip`) or `.zst` (`.zstd`) in either
    /// case, and the rest.
    #[must_use]
    pub fn of_name(path: &Path) -> (Self, PathBuf) {
        let compression = match extension(path).as_str() {
            "gz" | "gzip" => Self::Gzip,
            "zst" | "zstd" => Self::Zstd,
            _ => return (Self::None, path.to_owned()),
        };
        (compression, path.with_extension(""))
    }

    /// The compression that an option names: `none`, `gzip` or `zstd`.
    #[must_use]
    pub fn from_option(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::None),
            "gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "not compressed",
            Self::Gzip => "gzip",
            Self::Zstd => "Zstandard",
        }
    }

    /// The suffix of a compressed file's name.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_its_compression_in_any_case() {
        let of = |name: &str| Compression::of_name(Path::new(name));
        assert_eq!(of("a/x.jsonl.GZ"), (Compression::Gzip, PathBuf::from("a/x.jsonl")));
        assert_eq!(of("x.csv.zst"), (Compression::Zstd, PathBuf::from("x.csv")));
        assert_eq!(of("x.jsonl"), (Compression::None, PathBuf::from("x.jsonl")));
        assert_eq!(of("gz"), (Compression::None, PathBuf::from("gz")));
    }
}
