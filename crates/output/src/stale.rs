//! Leftovers of killed processes; a lock distinguishes them from files in use.
//!
//! A process locks its temporary file, and the system releases the lock when the process ends,
//! however it ends; unlike a process id, a lock cannot be mistaken for that of a later process.
//! Between the creation of a file and its lock, another process may lock and remove it; [`hold`]
//! detects both, and the file is created again. On a file system without locks, leftovers are not
//! removed. If its locks work on one machine only (NFS with `local_lock`), two machines must not
//! write to the same folder.

use std::fs::File;
use std::path::Path;

use crate::new_file::TEMPORARY;
use crate::unfinished;

/// Whether a file has the name of a temporary one, in use or left behind.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1)
}

/// Removes the leftovers in a folder, the first time this process writes there.
pub(crate) fn remove_once(folder: &Path) {
    // Release the lock before the work.
    let is_first = unfinished::lock().is_first_in(folder);
    if is_first {
        remove(folder);
    }
}

/// From now on this process removes no leftovers when it writes to a folder: other machines may be
/// writing there, whose locks are not seen on every network file system.
pub fn leave_leftovers(folder: &Path) {
    unfinished::lock().is_first_in(folder);
}

/// Removes the leftovers of killed processes in a folder, on Unix. One that cannot be inspected or
/// removed stays; it does no harm.
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
            // While holding the lock, so that a process that has just created it notices.
            let _ = match kind.is_dir() {
                true => std::fs::remove_dir_all(entry.path()),
                false => std::fs::remove_file(entry.path()),
            };
        }
    }
}

/// Removes nothing: locks on Windows prevent reading, even by the same process through another
/// handle.
#[cfg(not(unix))]
pub fn remove(_: &Path) {}

/// Locks a new temporary file; returns false if another process takes it for a leftover.
#[cfg(unix)]
pub(crate) fn hold(file: &File) -> bool {
    use std::fs::TryLockError;
    use std::os::unix::fs::MetadataExt;

    match file.try_lock() {
        Ok(()) => file.metadata().is_ok_and(|metadata| metadata.nlink() > 0),
        Err(TryLockError::WouldBlock) => false,
        // Without locks, no process takes it for a leftover.
        Err(TryLockError::Error(_)) => true,
    }
}

#[cfg(not(unix))]
pub(crate) fn hold(_: &File) -> bool {
    true
}
