//! One writer a folder: a lock that the system gives back when its process ends, however it ends.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use crate::CorpusError;

/// The file that is locked. It stays, and means nothing without a lock on it.
pub(crate) const NAME: &str = ".lock";

/// A folder that no other process may write to.
pub(crate) struct FolderLock {
    file: File,
}

impl FolderLock {
    /// Makes the folder if it is not there, and locks it.
    pub(crate) fn acquire(folder: &Path) -> Result<Self, CorpusError> {
        fs::create_dir_all(folder).map_err(CorpusError::write(folder))?;
        let path = folder.join(NAME);
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(CorpusError::write(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => {
                Err(CorpusError::FolderLocked { folder: folder.to_owned() })
            }
            Err(TryLockError::Error(source)) => Err(CorpusError::Write { path, source }),
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // To close the file is not enough: a process that another thread is just starting has it
        // open until it runs its own program. What fails here ends with the process.
        let _ = self.file.unlock();
    }
}
