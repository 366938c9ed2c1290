//! The formats of texts, and how file names select them.

use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{CorpusError, FileFormat, InputError};

/// A format of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextFormat {
    /// A JSON object per line: `.jsonl`, `.ndjson`, `.json`, `.jsonlines`, `.jl`.
    #[serde(rename = "jsonl")]
    JsonLines,
    /// Comma-separated values: `.csv`.
    Csv,
    /// Tab-separated values: `.tsv`.
    Tsv,
    /// Parquet: `.parquet`.
    Parquet,
    /// A text per line: `.txt`, and any other extension if the content has no other format.
    Lines,
}

impl TextFormat {
    /// The extensions allowed for a file in a folder.
    pub(crate) const EXTENSIONS: &'static str = ".jsonl, .ndjson, .json, .jsonlines, .jl, .csv, .tsv, .txt (each also with .gz or .zst), .parquet";

    const NAMES: &'static str = "jsonl, csv, tsv, parquet, lines";

    /// The name that [`FromStr`] accepts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Parquet => "parquet",
            Self::Lines => "lines",
        }
    }

    /// The format of a file's extension, ignoring a compression suffix; `None` if it is not a
    /// format of texts. See [`FileFormat::of_name`].
    #[must_use]
    pub fn of_name(path: &Path) -> Option<Self> {
        match FileFormat::of_name(path).0? {
            FileFormat::JsonLines => Some(Self::JsonLines),
            FileFormat::Csv => Some(Self::Csv),
            FileFormat::Tsv => Some(Self::Tsv),
            FileFormat::Parquet => Some(Self::Parquet),
            FileFormat::Lines => Some(Self::Lines),
            _ => None,
        }
    }
}

impl FromStr for TextFormat {
    type Err = CorpusError;

    /// Parses `jsonl`, `csv`, `tsv`, `parquet` or `lines`.
    fn from_str(name: &str) -> Result<Self, CorpusError> {
        match name {
            "jsonl" => Ok(Self::JsonLines),
            "csv" => Ok(Self::Csv),
            "tsv" => Ok(Self::Tsv),
            "parquet" => Ok(Self::Parquet),
            "lines" => Ok(Self::Lines),
            _ => Err(CorpusError::Input(InputError::UnknownFormat {
                name: name.to_owned(),
                known: Self::NAMES,
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_before_the_compression_says_the_format() {
        let of = |name: &str| TextFormat::of_name(Path::new(name));
        assert_eq!(of("a.b/x.JSONL"), Some(TextFormat::JsonLines));
        assert_eq!(of("x.ndjson.gz"), Some(TextFormat::JsonLines));
        assert_eq!(of("x.tsv.zst"), Some(TextFormat::Tsv));
        assert_eq!(of("x.gz"), None);
        assert_eq!(of("README"), None);
    }
}
