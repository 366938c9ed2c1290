//! A folder that is written under a temporary name and gets its real name when it is complete.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::new_file::{TEMPORARY, folder_of, sync_folder};
use crate::{stale, unfinished};

/// What to do with an existing folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It is an error, unless the folder is empty.
    #[default]
    Refuse,
    /// The new folder replaces it, and takes over its mode.
    Replace,
}

/// Prefix of replaced folders that are moved aside; they are not leftovers to remove.
const REPLACED: &str = ".splade-replaced-";

/// Attempts to create a temporary folder that no other process takes for a leftover.
const MAX_TRIES: usize = 16;

/// A folder that appears whole under its name, or not at all.
///
/// Write its files into [`path`](Self::path). If dropped before it is [finished](Self::finish),
/// nothing is left behind, and a folder that it would replace stays. A link to a folder stays a
/// link.
#[derive(Debug)]
pub struct NewFolder {
    /// `None` once it is finished.
    temporary: Option<TempDir>,
    /// Held as long as the folder is temporary.
    _lock: Option<File>,
    path: PathBuf,
    existing: Existing,
}

impl NewFolder {
    /// Starts a folder.
    ///
    /// # Errors
    /// If `path` is not a folder, is a non-empty folder that must not be replaced, or lies in a
    /// folder that does not exist or lacks write permission.
    pub fn create(path: &Path, existing: Existing) -> io::Result<Self> {
        let path = resolve(path)?;
        check(&path, existing)?;
        let folder = folder_of(&path);
        stale::remove_once(folder);
        let mut unfinished = unfinished::lock();
        for _ in 0..MAX_TRIES {
            let temporary = temporary(folder, TEMPORARY.0, TEMPORARY.1)?;
            let lock = lock(temporary.path());
            if let Ok(lock) = lock {
                unfinished.add(temporary.path());
                return Ok(Self { temporary: Some(temporary), _lock: lock, path, existing });
            }
        }
        Err(io::Error::other("other processes keep removing its temporary folder"))
    }

    /// Where to write its files.
    ///
    /// # Panics
    /// After [`finish`](Self::finish), which consumes it.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.temporary.as_ref().expect("the folder is finished last").path()
    }

    /// Syncs everything to the disk and gives the folder its name.
    ///
    /// # Errors
    /// The errors of the disk; then there is no folder, or the old one remains.
    pub fn finish(mut self) -> io::Result<()> {
        sync_all(self.path())?;
        let mut unfinished = unfinished::lock();
        let replaced = self.put()?;
        let temporary = self.temporary.take().map(TempDir::keep);
        unfinished.remove(&temporary.unwrap_or_default());
        drop(unfinished);
        sync_folder(folder_of(&self.path))?;
        match replaced {
            None => Ok(()),
            Some(replaced) => fs::remove_dir_all(&replaced).map_err(|error| {
                let what = "the new folder is in place, but the old one cannot be removed from";
                io::Error::new(error.kind(), format!("{what} {}: {error}", replaced.display()))
            }),
        }
    }

    /// Gives the folder its name; returns the new path of the old folder, if there was one.
    fn put(&self) -> io::Result<Option<PathBuf>> {
        let (from, to) = (self.path(), self.path.as_path());
        check(to, self.existing)?;
        if !to.exists() {
            fs::rename(from, to)?;
            return Ok(None);
        }
        fs::set_permissions(from, fs::metadata(to)?.permissions())?;
        let aside = temporary(folder_of(to), REPLACED, "")?.keep();
        // Only Unix can rename over an empty folder.
        fs::remove_dir(&aside)?;
        fs::rename(to, &aside)?;
        if let Err(error) = fs::rename(from, to) {
            fs::rename(&aside, to)?;
            return Err(error);
        }
        Ok(Some(aside))
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            let mut unfinished = unfinished::lock();
            unfinished.remove(temporary.path());
        }
    }
}

/// The path, with the links of an existing folder resolved.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    if path.as_os_str().is_empty() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "the name is empty"));
    }
    match fs::canonicalize(path) {
        Ok(path) => Ok(path),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if fs::symlink_metadata(path).is_ok() {
                let what = "it is a link to a path that does not exist";
                return Err(io::Error::new(ErrorKind::NotFound, what));
            }
            let (folder, name) = (folder_of(path), path.file_name());
            let name = name.ok_or_else(|| {
                io::Error::new(ErrorKind::InvalidInput, "it does not end in a name")
            })?;
            let folder = fs::canonicalize(folder).map_err(|error| {
                io::Error::new(error.kind(), format!("there is no folder {}", folder.display()))
            })?;
            Ok(folder.join(name))
        }
        Err(error) => Err(error),
    }
}

/// Checks that a folder may get this name.
fn check(path: &Path, existing: Existing) -> io::Result<()> {
    match fs::read_dir(path) {
        Ok(mut entries) => {
            if existing == Existing::Refuse && entries.next().is_some() {
                let what = "the folder exists and is not empty";
                return Err(io::Error::new(ErrorKind::AlreadyExists, what));
            }
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            Err(io::Error::new(error.kind(), "it is a file"))
        }
        Err(error) => Err(error),
    }
}

/// A folder with a fresh name, readable by everyone as far as the umask allows.
fn temporary(folder: &Path, prefix: &str, suffix: &str) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(suffix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o777));
    }
    builder.tempdir_in(folder)
}

/// Locks a new folder, so that no process takes it for a leftover; `None` on systems without locks.
#[cfg(unix)]
fn lock(folder: &Path) -> io::Result<Option<File>> {
    use std::fs::TryLockError;

    let file = File::open(folder)?;
    match file.try_lock() {
        Ok(()) if folder.exists() => Ok(Some(file)),
        Ok(()) => Err(ErrorKind::NotFound.into()),
        Err(TryLockError::WouldBlock) => Err(ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

#[cfg(not(unix))]
fn lock(_: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

/// Syncs the files below a folder to the disk, then their names.
fn sync_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_all(&entry.path())?;
        } else {
            // Windows syncs only files opened for writing.
            File::options().write(true).open(entry.path())?.sync_all()?;
        }
    }
    sync_folder(folder)
}

#[cfg(test)]
#[cfg(unix)]
#[allow(clippy::unwrap_used, reason = "in a test a panic is the way to fail")]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn write(path: &Path, content: &str, existing: Existing) -> io::Result<()> {
        let folder = NewFolder::create(path, existing)?;
        fs::create_dir(folder.path().join("below"))?;
        fs::write(folder.path().join("below/file"), content)?;
        folder.finish()
    }

    fn content(path: &Path) -> String {
        fs::read_to_string(path.join("below/file")).unwrap()
    }

    fn n_entries(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_folder_appears_when_it_is_whole() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("x");
        let folder = NewFolder::create(&path, Existing::Refuse).unwrap();
        fs::write(folder.path().join("a"), "a").unwrap();
        assert!(!path.exists());
        folder.finish().unwrap();
        assert_eq!(fs::read_to_string(path.join("a")).unwrap(), "a");
        assert_eq!(n_entries(parent.path()), 1);
        let ordinary = parent.path().join("ordinary");
        fs::create_dir(&ordinary).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&ordinary));
    }

    #[test]
    fn nothing_is_left_of_one_that_is_given_up() {
        let parent = tempfile::tempdir().unwrap();
        let folder = NewFolder::create(&parent.path().join("x"), Existing::Replace).unwrap();
        fs::write(folder.path().join("a"), "a").unwrap();
        drop(folder);
        assert_eq!(n_entries(parent.path()), 0);
    }

    #[test]
    fn a_folder_with_something_in_it_is_replaced_only_where_that_is_asked_for() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("x");
        fs::create_dir(&path).unwrap();
        write(&path, "into an empty one", Existing::Refuse).unwrap();
        let error = write(&path, "over a full one", Existing::Refuse).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(content(&path), "into an empty one");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        fs::write(path.join("other"), "").unwrap();
        write(&path, "instead", Existing::Replace).unwrap();
        assert_eq!(content(&path), "instead");
        assert!(!path.join("other").exists());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o750);
        assert_eq!(n_entries(parent.path()), 1);
    }

    #[test]
    fn what_cannot_be_a_folder_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        fs::write(at("file"), "").unwrap();
        symlink(at("none"), at("lost")).unwrap();
        for name in ["file", "file/x", "no/such", "lost", "none/.."] {
            let error = NewFolder::create(&at(name), Existing::Replace);
            assert!(error.is_err(), "{name}");
        }
        assert!(NewFolder::create(Path::new(""), Existing::Replace).is_err());
        assert_eq!(n_entries(parent.path()), 2);
    }

    #[test]
    fn a_link_stays_a_link_and_its_folder_is_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let (real, link) = (parent.path().join("real"), parent.path().join("link"));
        write(&real, "old", Existing::Refuse).unwrap();
        symlink("real", &link).unwrap();
        write(&link, "new", Existing::Replace).unwrap();
        assert_eq!(content(&real), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_leftover_is_removed_and_a_folder_at_work_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let at_work = NewFolder::create(&parent.path().join("x"), Existing::Refuse).unwrap();
        let leftover = parent.path().join(".splade-dead.part");
        fs::create_dir(&leftover).unwrap();
        fs::write(leftover.join("a"), "").unwrap();
        stale::remove(parent.path());
        assert!(!leftover.exists());
        at_work.finish().unwrap();
        assert_eq!(n_entries(parent.path()), 1);
    }
}
