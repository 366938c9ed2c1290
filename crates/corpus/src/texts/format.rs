//! The formats that texts are read from, told by the names of files.

use std::path::Path;
use std::str::FromStr;

use crate::{CorpusError, FileFormat, InputError};

/// A format of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    /// A JSON object a line: `.jsonl`, `.ndjson`, `.json`, `.jsonlines`, `.jl`.
    JsonLines,
    /// Cells between commas: `.csv`.
    Csv,
    /// Cells between tabs: `.tsv`.
    Tsv,
    /// Parquet: `.parquet`.
    Parquet,
    /// A text a line: `.txt`, and a file with another ending whose content is nothing else.
    Lines,
}

impl TextFormat {
    /// The extensions that a file in a folder must have.
    pub(crate) const EXTENSIONS: &'static str = ".jsonl, .ndjson, .json, .jsonlines, .jl, .csv, .tsv, .txt (each also with .gz or .zst), .parquet";

    const NAMES: &'static str = "jsonl, csv, tsv, parquet, lines";

    /// The name that [`FromStr`] reads.
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

    /// The format that the ending of a file says, before that of a compression; `None` if it says no
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

    /// Reads `jsonl`, `csv`, `tsv`, `parquet` or `lines`.
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
