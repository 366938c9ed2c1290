//! The temporary files and folders of this process, for a program that must end itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static UNFINISHED: Mutex<Unfinished> =
    Mutex::new(Unfinished { files: BTreeSet::new(), folders: BTreeSet::new() });

/// Existing temporary files, and folders already searched for leftovers.
#[derive(Debug)]
pub(crate) struct Unfinished {
    files: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
}

/// Its holder may create, rename and remove temporary files.
pub(crate) fn lock() -> MutexGuard<'static, Unfinished> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Unfinished {
    pub(crate) fn add(&mut self, file: &Path) {
        self.files.insert(file.to_owned());
    }

    pub(crate) fn remove(&mut self, file: &Path) {
        self.files.remove(file);
    }

    pub(crate) fn is_first_in(&mut self, folder: &Path) -> bool {
        self.folders.insert(folder.to_owned())
    }
}

/// While this lives, no file of this process appears or is started: threads that try to will wait.
#[derive(Debug)]
#[must_use = "when it is dropped, files are written again"]
pub struct Stopped {
    _lock: MutexGuard<'static, Unfinished>,
}

/// Removes the temporary files of this process, when it is about to end itself, as on a signal.
///
/// This may wait for a file that is just getting its name. It takes a lock, so it must not be
/// called from a signal handler.
pub fn remove_unfinished() -> Stopped {
    let mut lock = lock();
    for file in std::mem::take(&mut lock.files) {
        // A file that cannot be removed is a leftover for the next run. The path may be a new
        // folder's.
        if fs::remove_file(&file).is_err() {
            let _ = fs::remove_dir_all(file);
        }
    }
    Stopped { _lock: lock }
}
