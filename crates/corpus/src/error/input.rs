//! Which files are read, and what they hold.

use std::path::PathBuf;

use splade_output::shown;

use crate::ContentProblem;

/// Why files cannot be read, or an output not be begun, as they are named.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// No file was named.
    #[error("no file to read was named")]
    NoFiles,
    /// A folder has no file to read.
    #[error("{} has no file to read", shown(.folder))]
    #[non_exhaustive]
    EmptyFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// A file of a folder has an extension that says nothing.
    #[error(
        "{} lies among the files to read, but its extension is not one of {known}: name the files \
         one by one, or the format of all", shown(.path)
    )]
    #[non_exhaustive]
    UnknownExtension {
        /// The file.
        path: PathBuf,
        /// The extensions that are known.
        known: &'static str,
    },
    /// A file is named twice.
    #[error("{} is to be read twice: name it once", shown(.path))]
    #[non_exhaustive]
    SameFileTwice {
        /// The file.
        path: PathBuf,
    },
    /// The content of a file is none that can be read.
    #[error("{}: {problem}", shown(.path))]
    #[non_exhaustive]
    Content {
        /// The file.
        path: PathBuf,
        /// What it is, and the way out.
        problem: ContentProblem,
    },
    /// A name ends in a compression that is not written.
    #[error("{}: .{ending} is not written: end the name in .gz or .zst, or compress it afterwards", shown(.path))]
    #[non_exhaustive]
    UnwrittenEnding {
        /// The file.
        path: PathBuf,
        /// The ending, without its dot.
        ending: String,
    },
    /// The name of a file says that it is compressed, but it is not.
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
    /// A format that needs a file of its own, uncompressed.
    #[error("{}: {format} needs an ordinary file, not a stream and not a compressed one", shown(.path))]
    #[non_exhaustive]
    NeedsFile {
        /// The file.
        path: PathBuf,
        /// The format.
        format: &'static str,
    },
    /// A format that this build does not know.
    #[error("{}: this build has no Parquet: build with the feature `parquet`", shown(.path))]
    #[non_exhaustive]
    NoParquet {
        /// The file.
        path: PathBuf,
    },
    /// A name of a format is unknown.
    #[error("unknown format `{name}`, known are: {known}")]
    #[non_exhaustive]
    UnknownFormat {
        /// The name.
        name: String,
        /// The names that are known.
        known: &'static str,
    },
}
