//! Input files that are not on this machine's disk: copies of them are read.

use std::any::Any;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files of another place, such as an object store, by names that stand where paths do:
/// `s3://bucket/corpus/a.jsonl`. Passed to [`CorpusReader::open_with`] and
/// [`UnitReader::open_with`].
///
/// [`CorpusReader::open_with`]: crate::CorpusReader::open_with
/// [`UnitReader::open_with`]: crate::UnitReader::open_with
pub trait RemoteFiles: Debug + Send + Sync {
    /// Whether a path is a name of that place.
    fn is_remote(&self, path: &Path) -> bool;

    /// The file of this name, or the files in a folder of this name and the folders below it, in
    /// the order of a walk; empty if there are none.
    ///
    /// # Errors
    /// Those of the place; readers add the path.
    fn list(&self, path: &Path) -> io::Result<Vec<RemoteFile>>;

    /// Copies a file to the disk, unless its copy is there still. All of its bytes are of one
    /// version.
    ///
    /// # Errors
    /// Those of the place and of the disk; readers add the path.
    fn copy(&self, path: &Path) -> io::Result<FileCopy>;
}

/// A file of another place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its name, to copy it by.
    pub path: PathBuf,
    /// Its name below the folder that was listed; its file name, if it was named itself.
    pub name: String,
    /// Its size.
    pub n_bytes: u64,
    /// Whether it was found in a folder.
    pub is_in_folder: bool,
}

/// A copy of a file of another place.
#[derive(Debug, Clone)]
pub struct FileCopy {
    /// Where it is.
    pub disk: PathBuf,
    /// Its size.
    pub n_bytes: u64,
    /// What changes when the original is replaced.
    pub version: String,
    /// The copy may go once no reader holds this.
    pub hold: Arc<dyn Any + Send + Sync>,
}
