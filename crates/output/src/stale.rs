//! Leftovers of processes that were killed, told from files at work by a lock.
//!
//! A process locks its temporary file, and the system takes the lock back when the process ends, however it
//! ends: no number of a process can be mistaken for that of a later one. Between the making of a file and
//! its lock another process may take the lock and remove the file; [`hold`] sees both, and the file is made
//! again. A file system without locks has no leftovers removed. One whose locks hold on one machine alone
//! (NFS with `local_lock`) must not be written by two machines into the same folder.

use std::fs::File;
use std::path::Path;

use crate::new_file::TEMPORARY;
use crate::unfinished;

/// Whether a file is called as a temporary one: at work, or left behind.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1)
}

/// Removes the leftovers in a folder, the first time that this process writes there.
pub(crate) fn remove_once(folder: &Path) {
    // The lock is given back before the work.
    let is_first = unfinished::lock().is_first_in(folder);
    if is_first {
        remove(folder);
    }
}

/// Removes what processes that were killed left in a folder, on Unix. What cannot be looked at or removed stays: it harms nobody.
#[cfg(unix)]
pub fn remove(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Ok(kind) = entry.file_type() else { continue };
        if !is_temporary(&name.to_string_lossy()) || !(kind.is_file() || kind.is_dir()) {
            continue;
        }
        let Ok(file) = File::open(entry.path()) else { continue };
        if file.try_lock().is_ok() {
            // With the lock held, so that who has just made it finds out.
            let _ = match kind.is_dir() {
                true => std::fs::remove_dir_all(entry.path()),
                false => std::fs::remove_file(entry.path()),
            };
        }
    }
}

/// Removes nothing: locks on Windows keep others from reading, and the file itself through another handle.
#[cfg(not(unix))]
pub fn remove(_: &Path) {}

/// Locks a new temporary file; false if another process takes it for a leftover.
#[cfg(unix)]
pub(crate) fn hold(file: &File) -> bool {
    use std::fs::TryLockError;
    use std::os::unix::fs::MetadataExt;

    match file.try_lock() {
        Ok(()) => file.metadata().is_ok_and(|metadata| metadata.nlink() > 0),
        Err(TryLockError::WouldBlock) => false,
        // No locks here: then nobody takes it for a leftover.
        Err(TryLockError::Error(_)) => true,
    }
}

#[cfg(not(unix))]
pub(crate) fn hold(_: &File) -> bool {
    true
}
