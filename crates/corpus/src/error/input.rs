//! Errors about which files are read, and what they hold.

use std::path::PathBuf;

use splade_output::shown;

use crate::ContentProblem;

/// Why the named files cannot be read, or an output cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// No file was named.
    #[error("no file to read was named")]
    NoFiles,
    /// An object of a store, for a build or a command that reads none.
    #[error(
        "{} is in an object store: `splade plan` and the other commands that read texts take it in \
         builds with the feature `object-store` (cargo build --release -p splade-cli --features \
         object-store); else copy it to the disk", shown(.path)
    )]
    #[non_exhaustive]
    ObjectStore {
        /// The object.
        path: PathBuf,
    },
    /// A folder has no file to read.
    #[error("{} has no file to read", shown(.folder))]
    #[non_exhaustive]
    EmptyFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// A file in a folder has an unknown extension.
    #[error(
        "{} lies among the files to read, but its extension is not one of {known}: name the files \
         one by one, or the format of all", shown(.path)
    )]
    #[non_exhaustive]
    UnknownExtension {
        /// The file.
        path: PathBuf,
        /// The known extensions.
        known: &'static str,
    },
    /// A file is named twice.
    #[error("{} is named twice: name it once", shown(.path))]
    #[non_exhaustive]
    SameFileTwice {
        /// The file.
        path: PathBuf,
    },
    /// The content of a file is unusable.
    #[error("{}: {problem}", shown(.path))]
    #[non_exhaustive]
    Content {
        /// The file.
        path: PathBuf,
        /// What it is, and how to convert it.
        problem: ContentProblem,
    },
    /// A name ends in a compression that cannot be written.
    #[error("{}: .{ending} is not written: end the name in .gz or .zst, or compress it afterwards", shown(.path))]
    #[non_exhaustive]
    UnwrittenEnding {
        /// The file.
        path: PathBuf,
        /// The ending, without its dot.
        ending: String,
    },
    /// A file is not compressed, although its name says so.
    #[error("{}: the content is {found}, but the name says {expected}", shown(.path))]
    #[non_exhaustive]
    CompressionMismatch {
        /// The file.
        path: PathBuf,
        /// What its first bytes say.
        found: &'static str,
        /// What its name says.
        expected: &'static str,
    },
    /// A format that cannot be streamed or compressed.
    #[error("{}: {format} needs an ordinary file, not a stream and not a compressed one", shown(.path))]
    #[non_exhaustive]
    NeedsFile {
        /// The file.
        path: PathBuf,
        /// The format.
        format: &'static str,
    },
    /// A format that this build lacks.
    #[error("{}: this build has no Parquet: build with the feature `parquet`", shown(.path))]
    #[non_exhaustive]
    NoParquet {
        /// The file.
        path: PathBuf,
    },
    /// The name of a format is unknown.
    #[error("unknown format `{name}`, known are: {known}")]
    #[non_exhaustive]
    UnknownFormat {
        /// The name.
        name: String,
        /// The known names.
        known: &'static str,
    },
}
