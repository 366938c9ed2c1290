//! Errors about folders of parts: their manifest, and the input they were made from.

use std::path::PathBuf;

use splade_output::shown;

use crate::InputProblem;

/// Why parts cannot be started, resumed or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartsError {
    /// There are fewer records than should be skipped.
    #[error("the input has {found} records, but {expected} should be skipped")]
    #[non_exhaustive]
    FewerRecords {
        /// The records there are.
        found: u64,
        /// The number of records to skip.
        expected: u64,
    },
    /// The input differs from what the finished parts were made from.
    #[error("{} {problem}: give the input as it was, or another output folder", shown(.path))]
    #[non_exhaustive]
    OtherInput {
        /// The file.
        path: PathBuf,
        /// How it differs.
        problem: InputProblem,
    },
    /// A finished part has no record of its input.
    #[error(
        "{part} has no checksum of its input in the manifest, so nothing shows that the input is \
         the same: name another output folder"
    )]
    #[non_exhaustive]
    NoInputChecksum {
        /// The part.
        part: String,
    },
    /// A folder that should be new is not empty.
    #[error("{} is not empty: resume what was begun there, or name another folder", shown(.folder))]
    #[non_exhaustive]
    FolderNotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// Another process is writing to the folder.
    #[error("another process writes to {}", shown(.folder))]
    #[non_exhaustive]
    FolderLocked {
        /// The folder.
        folder: PathBuf,
    },
    /// A folder has files, but no manifest.
    #[error("{} has no manifest.json: it holds no parts", shown(.folder))]
    #[non_exhaustive]
    NoManifest {
        /// The folder.
        folder: PathBuf,
    },
    /// A manifest is damaged.
    #[error("{} is not a manifest of parts", shown(.path))]
    #[non_exhaustive]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A manifest contradicts itself, or has another version.
    #[error("{}: {problem}", shown(.path))]
    #[non_exhaustive]
    ManifestContent {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
    /// Parts were started with other settings.
    #[error(
        "{} was begun with other settings: `{key}` was {then}, and is {now}: use the same, or \
         another folder", shown(.folder)
    )]
    #[non_exhaustive]
    SettingsDiffer {
        /// The folder.
        folder: PathBuf,
        /// The setting, with dots between the levels.
        key: String,
        /// Its value in the manifest, as JSON.
        then: String,
        /// Its value now, as JSON.
        now: String,
    },
    /// A part that the manifest lists is missing.
    #[error("{} is listed in the manifest, but not there", shown(.path))]
    #[non_exhaustive]
    PartMissing {
        /// The part.
        path: PathBuf,
    },
    /// The size of a part differs from the manifest.
    #[error("{} has {found} bytes, but the manifest says {expected}", shown(.path))]
    #[non_exhaustive]
    PartSize {
        /// The part.
        path: PathBuf,
        /// Its size.
        found: u64,
        /// Its size in the manifest.
        expected: u64,
    },
    /// The content of a part differs from the manifest.
    #[error(
        "{} has the checksum {found}, but the manifest says {expected}: it was changed after it was \
         written; write the folder again", shown(.path)
    )]
    #[non_exhaustive]
    PartChecksum {
        /// The part.
        path: PathBuf,
        /// Its checksum.
        found: String,
        /// Its checksum in the manifest.
        expected: String,
    },
    /// The number of rows in a part differs from the manifest.
    #[error("{} has {found} rows, but the manifest says {expected}", shown(.path))]
    #[non_exhaustive]
    PartRows {
        /// The part.
        path: PathBuf,
        /// Its rows.
        found: u64,
        /// Its rows in the manifest.
        expected: u64,
    },
    /// A folder of parts is not complete.
    #[error("{} is not complete, after {rows} rows: resume what was begun there", shown(.folder))]
    #[non_exhaustive]
    Incomplete {
        /// The folder.
        folder: PathBuf,
        /// The rows so far.
        rows: u64,
    },
}
