//! Compressed files, told by their names; those that are read, by their first bytes.

use std::path::{Path, PathBuf};

use crate::names::extension;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, of one member or several.
    Gzip,
    /// Zstandard, of one frame or several.
    Zstd,
}

impl Compression {
    /// The compression that a name ends in, `.gz` (`.gzip`) or `.zst` (`.zstd`), in upper or lower
    /// case, and the name without it.
    #[must_use]
    pub fn of_name(path: &Path) -> (Self, PathBuf) {
        let compression = match extension(path).as_str() {
            "gz" | "gzip" => Self::Gzip,
            "zst" | "zstd" => Self::Zstd,
            _ => return (Self::None, path.to_owned()),
        };
        (compression, path.with_extension(""))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "not compressed",
            Self::Gzip => "gzip",
            Self::Zstd => "Zstandard",
        }
    }

    /// What a name ends in.
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
