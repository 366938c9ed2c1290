//! A folder for copies of objects and parts at work, which goes with its process.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::TempDir;

/// How the names of such folders begin.
const PREFIX: &str = "splade-scratch-";

/// Held by the process that uses the folder.
const LOCK: &str = "lock";

/// A folder below that of temporary files. A killed process leaves it; the next one on the machine
/// removes it.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    pub(super) fn new() -> io::Result<Self> {
        Self::below(&std::env::temp_dir())
    }

    fn below(parent: &Path) -> io::Result<Self> {
        remove_stale(parent);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let lock = File::create(folder.path().join(LOCK))?;
        lock.try_lock()?;
        Ok(Self { folder, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes the folders of processes that are gone. One that cannot be removed stays, and one
/// without a lock may be about to get it.
fn remove_stale(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let entries = entries.flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let is_stale =
            File::open(entry.path().join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_stale {
            let _stays = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_its_process_or_with_the_next_one() {
        let parent = tempfile::tempdir().unwrap();
        let names = || fs::read_dir(parent.path()).unwrap().count();
        let first = Scratch::below(parent.path()).unwrap();
        let second = Scratch::below(parent.path()).unwrap();
        assert_eq!(names(), 2);
        drop(first);
        assert_eq!(names(), 1);
        // As a kill leaves it: nobody holds the lock.
        let stale = parent.path().join(format!("{PREFIX}x"));
        fs::create_dir(&stale).unwrap();
        fs::write(stale.join(LOCK), "").unwrap();
        fs::write(stale.join("copy"), "text").unwrap();
        let _third = Scratch::below(parent.path()).unwrap();
        assert!(!stale.exists() && second.path().exists());
    }
}
