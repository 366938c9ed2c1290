//! Derives the format of a file from its name; no other module does.

use std::path::Path;

use crate::Compression;

/// A format that a name's extension stands for, of texts, vectors and everything else we read or
/// write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileFormat {
    /// A JSON object per line: `.jsonl`, `.ndjson`, `.json`, `.jsonlines`, `.jl`.
    JsonLines,
    /// Comma-separated values: `.csv`.
    Csv,
    /// Tab-separated values: `.tsv`.
    Tsv,
    /// A text per line: `.txt`.
    Lines,
    /// Parquet: `.parquet`.
    Parquet,
    /// A SciPy matrix: `.npz`.
    Npz,
    /// A TREC run: `.trec`, `.run`.
    TrecRun,
    /// An HTML page: `.html`, `.htm`.
    Html,
    /// An SVG chart: `.svg`.
    Svg,
    /// An index made by `splade index`: `.index`.
    Index,
    /// SQL statements: `.sql`.
    Sql,
    /// A format that we neither read nor write, such as `.xlsx`, `.png` and `.pdf`.
    Foreign,
}

impl FileFormat {
    /// The format of a name's extension, in either case, ignoring a compression suffix; `None` if
    /// the extension is unknown.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use splade_corpus::{Compression, FileFormat};
    ///
    /// let name = |name| FileFormat::of_name(Path::new(name));
    /// assert_eq!(name("a/corpus.jsonl"), (Some(FileFormat::JsonLines), Compression::None));
    /// assert_eq!(name("run.TREC.gz"), (Some(FileFormat::TrecRun), Compression::Gzip));
    /// assert_eq!(name("corpus.zst"), (None, Compression::Zstd));
    /// ```
    #[must_use]
    pub fn of_name(path: &Path) -> (Option<Self>, Compression) {
        let (compression, name) = Compression::of_name(path);
        let format = match extension(&name).as_str() {
            "jsonl" | "ndjson" | "json" | "jsonlines" | "jl" => Self::JsonLines,
            "csv" => Self::Csv,
            "tsv" => Self::Tsv,
            "txt" => Self::Lines,
            "parquet" => Self::Parquet,
            "npz" => Self::Npz,
            "trec" | "run" => Self::TrecRun,
            "html" | "htm" => Self::Html,
            "svg" => Self::Svg,
            "index" => Self::Index,
            "sql" => Self::Sql,
            "arrow" | "feather" | "avro" | "orc" | "npy" | "pdf" | "png" | "jpg" | "jpeg"
            | "gif" | "webp" | "xls" | "xlsx" | "ods" | "doc" | "docx" => Self::Foreign,
            _ => return (None, compression),
        };
        (Some(format), compression)
    }
}

/// The part of a name after its last dot, in lower case; empty if there is none.
pub(crate) fn extension(path: &Path) -> String {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.unwrap_or_default().to_ascii_lowercase()
}

/// The name's extension if it stands for an archive, or a compression other than gzip and
/// Zstandard.
pub(crate) fn foreign_compression(path: &Path) -> Option<String> {
    const ENDINGS: [&str; 21] = [
        "bz2", "bz", "xz", "lzma", "lz", "lz4", "lzo", "br", "sz", "snappy", "z", "zip", "7z",
        "rar", "tar", "tgz", "tbz", "tbz2", "txz", "tzst", "zz",
    ];
    // The `.tar` of `.tar.gz` counts too.
    let inner = Compression::of_name(path).1;
    let found = extension(&inner);
    ENDINGS.contains(&found.as_str()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ending_counts_in_any_case_and_before_any_compression() {
        for (ending, format) in [
            ("jsonl", FileFormat::JsonLines),
            ("ndjson", FileFormat::JsonLines),
            ("json", FileFormat::JsonLines),
            ("jsonlines", FileFormat::JsonLines),
            ("jl", FileFormat::JsonLines),
            ("csv", FileFormat::Csv),
            ("tsv", FileFormat::Tsv),
            ("txt", FileFormat::Lines),
            ("parquet", FileFormat::Parquet),
            ("npz", FileFormat::Npz),
            ("trec", FileFormat::TrecRun),
            ("run", FileFormat::TrecRun),
            ("html", FileFormat::Html),
            ("svg", FileFormat::Svg),
            ("index", FileFormat::Index),
            ("sql", FileFormat::Sql),
        ] {
            for (suffix, compression) in [
                ("", Compression::None),
                (".gz", Compression::Gzip),
                (".gzip", Compression::Gzip),
                (".zst", Compression::Zstd),
                (".zstd", Compression::Zstd),
            ] {
                let name = format!("a.b/x.y.{ending}{suffix}");
                for name in [&name, &name.to_uppercase()] {
                    let found = FileFormat::of_name(Path::new(name));
                    assert_eq!(found, (Some(format), compression), "{name}");
                }
            }
        }
    }

    #[test]
    fn a_name_without_a_known_ending_says_nothing() {
        for name in ["corpus", "x.gz", "jsonl", "x.tab", "a.jsonl/x", ".jsonl", "-"] {
            assert_eq!(FileFormat::of_name(Path::new(name)).0, None, "{name}");
        }
    }

    #[test]
    fn other_compressions_are_known_by_their_endings() {
        for name in ["x.jsonl.bz2", "x.XZ", "x.tar.gz", "x.tgz", "x.Z", "x.txt.br"] {
            assert!(foreign_compression(Path::new(name)).is_some(), "{name}");
        }
        for name in ["x.jsonl.gz", "x.zst", "x", "zip", "x.txt"] {
            assert_eq!(foreign_compression(Path::new(name)), None, "{name}");
        }
    }
}
