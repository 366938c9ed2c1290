//! One writer a folder: a lock that the system gives back when its process ends, however it ends.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::{CorpusError, PartsError};

/// The file that is locked. It stays, and means nothing without a lock on it.
pub(crate) const NAME: &str = ".lock";

/// A folder that no other process may write to.
pub(crate) struct FolderLock {
    file: File,
    path: PathBuf,
    /// Made by this call.
    is_new: bool,
}

impl FolderLock {
    /// Makes the folder if it is not there, and locks it.
    pub(crate) fn acquire(folder: &Path) -> Result<Self, CorpusError> {
        fs::create_dir_all(folder).map_err(CorpusError::write(folder))?;
        let path = folder.join(NAME);
        let mut options = File::options();
        options.append(true);
        let (file, is_new) = match options.clone().create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                (options.create(true).open(&path), false)
            }
            file => (file, true),
        };
        let file = file.map_err(CorpusError::write(&path))?;
        match file.try_lock() {
            // Whoever gave it up removes it with the lock held.
            Ok(()) if is_named(&file) => Ok(Self { file, path, is_new }),
            Ok(()) | Err(TryLockError::WouldBlock) => {
                Err(CorpusError::Parts(PartsError::FolderLocked { folder: folder.to_owned() }))
            }
            Err(TryLockError::Error(source)) => Err(CorpusError::Write { path, source }),
        }
    }

    /// Gives the lock back, without a trace in a folder that had none.
    pub(crate) fn give_up(self) {
        if self.is_new {
            // What cannot be removed harms nobody.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether a file that is open has not been removed.
#[cfg(unix)]
fn is_named(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|metadata| metadata.nlink() > 0)
}

#[cfg(not(unix))]
fn is_named(_: &File) -> bool {
    true
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // To close the file is not enough: a process that another thread is just starting has it
        // open until it runs its own program. What fails here ends with the process.
        let _ = self.file.unlock();
    }
}
