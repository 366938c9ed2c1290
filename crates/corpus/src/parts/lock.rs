//! One writer per folder: a lock that the system releases when its process ends, however it ends.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::{CorpusError, PartsError};

/// The lock file. It stays; its presence alone means nothing.
pub(crate) const NAME: &str = ".lock";

/// Exclusive write access to a folder.
pub(crate) struct FolderLock {
    file: File,
    path: PathBuf,
    /// Whether this call created the file.
    is_new: bool,
}

impl FolderLock {
    /// Creates the folder if it is missing, and locks it.
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
            // A process that gives the lock up removes the file while holding it.
            Ok(()) if is_named(&file) => Ok(Self { file, path, is_new }),
            Ok(()) | Err(TryLockError::WouldBlock) => {
                Err(CorpusError::Parts(PartsError::FolderLocked { folder: folder.to_owned() }))
            }
            Err(TryLockError::Error(source)) => Err(CorpusError::Write { path, source }),
        }
    }

    /// Releases the lock, and removes the file if this call created it.
    pub(crate) fn give_up(self) {
        if self.is_new {
            // A file that cannot be removed does no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether an open file still has its name.
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
        // Closing the file is not enough: a child process that another thread is starting has it
        // open until it runs its own program. A failure here ends with the process.
        let _ = self.file.unlock();
    }
}
