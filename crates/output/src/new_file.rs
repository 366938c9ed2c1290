//! A file that is written under a temporary name and gets its real name when it is complete.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::iter;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::target::{Target, resolve};
use crate::{replace, stale, unfinished};

/// Prefix and suffix of the names of temporary files.
pub(crate) const TEMPORARY: (&str, &str) = (".splade-", ".part");

/// Attempts to create a temporary file that no other process takes for a leftover.
const MAX_TRIES: usize = 16;

/// A file that appears whole under its name, or not at all.
///
/// If dropped before it is [put](Self::put), nothing is left behind. It takes over the mode of a
/// file that it replaces, and its owner and group as far as the process may set them; another name
/// of that file (a hard link) keeps the old content. A link stays a link: its target is replaced or
/// created.
#[derive(Debug)]
pub struct NewFile {
    /// `None` once it is put.
    temporary: Option<NamedTempFile>,
    path: PathBuf,
}

impl NewFile {
    /// Starts a file.
    ///
    /// # Errors
    /// If `path` is a folder, a pipe, a device or a file without write permission, or lies in a
    /// folder without write permission.
    pub fn create(path: &Path) -> io::Result<Self> {
        match resolve(path)? {
            Target::File { path, existing } => Self::at(path, existing.as_ref()),
            _ => Err(io::Error::new(ErrorKind::InvalidInput, "a file is needed, not a stream")),
        }
    }

    pub(crate) fn at(path: PathBuf, existing: Option<&Metadata>) -> io::Result<Self> {
        let folder = folder_of(&path);
        stale::remove_once(folder);
        let mut unfinished = unfinished::lock();
        for _ in 0..MAX_TRIES {
            let temporary = temporary(folder, existing).map_err(|error| match error.kind() {
                ErrorKind::NotFound => {
                    io::Error::new(error.kind(), format!("there is no folder {}", folder.display()))
                }
                _ => error,
            })?;
            if let Some(existing) = existing {
                replace::refuse_sticky(folder, existing, temporary.as_file())?;
            }
            if stale::hold(temporary.as_file()) {
                unfinished.add(temporary.path());
                if let Some(existing) = existing {
                    keep_attributes(temporary.as_file(), existing);
                }
                drop(unfinished);
                return Ok(Self { temporary: Some(temporary), path });
            }
        }
        Err(io::Error::other("other processes keep removing its temporary file"))
    }

    /// The file being written.
    ///
    /// # Panics
    /// After [`put`](Self::put).
    #[must_use]
    pub fn as_file(&self) -> &File {
        self.temporary.as_ref().expect("the file is put last").as_file()
    }

    /// The folder that it lies in, with all links resolved.
    #[must_use]
    pub fn folder(&self) -> &Path {
        folder_of(&self.path)
    }

    /// Syncs the content to the disk.
    ///
    /// # Errors
    /// The errors of the disk.
    ///
    /// # Panics
    /// After [`put`](Self::put).
    pub fn sync(&self) -> io::Result<()> {
        self.as_file().sync_all()
    }

    /// Gives the file its name, atomically.
    ///
    /// # Errors
    /// The errors of the system; then there is no file, or the old one remains, and the new content
    /// is kept beside it under a name that the error states.
    ///
    /// # Panics
    /// If called twice.
    pub fn put(&mut self) -> io::Result<()> {
        let temporary = self.temporary.take().expect("the file is put once");
        let mut unfinished = unfinished::lock();
        let temporary_path = temporary.path().to_owned();
        let put = temporary.persist(&self.path);
        unfinished.remove(&temporary_path);
        put.map(drop).map_err(|failure| keep(failure.file, &self.path, failure.error))
    }

    /// Syncs the name to the disk.
    ///
    /// # Errors
    /// The errors of the disk.
    pub fn sync_name(&self) -> io::Result<()> {
        sync_folder(self.folder())
    }

    /// All three steps: syncs the content, puts the file, syncs the name.
    ///
    /// # Errors
    /// Those of the three steps.
    pub fn finish(self) -> io::Result<()> {
        self.finish_with(|| {})
    }

    /// Like [`finish`](Self::finish), but calls `after_step` after each of the three steps, where a
    /// test may end the process.
    ///
    /// # Errors
    /// Those of the three steps.
    pub fn finish_with(mut self, mut after_step: impl FnMut()) -> io::Result<()> {
        self.sync()?;
        after_step();
        self.put()?;
        after_step();
        self.sync_name()?;
        after_step();
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.as_file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.as_file().flush()
    }
}

impl Seek for NewFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.as_file().seek(to)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            let mut unfinished = unfinished::lock();
            unfinished.remove(temporary.path());
        }
    }
}

/// Keeps a finished file that could not get its name, and reports where it is. It may be the result
/// of hours of work.
fn keep(mut temporary: NamedTempFile, path: &Path, error: io::Error) -> io::Error {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // No leftover has such a name. The last candidate is for names of maximum length.
    let numbered = (2..MAX_TRIES).map(|n| format!("finished-{n}-{name}"));
    let names = iter::once(format!("finished-{name}")).chain(numbered);
    let names = names.chain([format!("finished-{}", std::process::id())]);
    let message = |kept: &Path| {
        // Its folder may have been removed or renamed.
        if !kept.exists() {
            return io::Error::new(error.kind(), error.to_string());
        }
        let kept = kept.display();
        io::Error::new(error.kind(), format!("{error}; what was written is kept as {kept}"))
    };
    for name in names {
        let kept = folder_of(path).join(name);
        match temporary.persist_noclobber(&kept) {
            Ok(_) => return message(&kept),
            Err(failure) => temporary = failure.file,
        }
    }
    match temporary.keep() {
        Ok((_, kept)) => message(&kept),
        Err(_) => error,
    }
}

fn temporary(folder: &Path, existing: Option<&Metadata>) -> io::Result<NamedTempFile> {
    let (prefix, suffix) = TEMPORARY;
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(suffix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The mode that an ordinary new file gets, subject to the umask. A file that takes over a
        // mode is private to its owner until then.
        let mode = if existing.is_some() { 0o600 } else { 0o666 };
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = existing;
    builder.tempfile_in(folder)
}

/// Gives a file the mode of the one it replaces, and its owner as far as permitted.
#[cfg(unix)]
fn keep_attributes(file: &File, existing: &Metadata) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    let (uid, gid) = (existing.uid(), existing.gid());
    // Only root may change the owner; others may only choose among their own groups.
    let keeps_group =
        fchown(file, Some(uid), Some(gid)).is_ok() || fchown(file, None, Some(gid)).is_ok();
    let mut mode = existing.mode() & 0o777;
    if !keeps_group {
        // Another group gets no more rights than everyone.
        mode = (mode & 0o707) | (mode & ((mode & 0o007) << 3));
    }
    // On file systems without modes, the private mode of the temporary file stays.
    let _ = file.set_permissions(std::fs::Permissions::from_mode(mode));
}

#[cfg(not(unix))]
fn keep_attributes(_: &File, _: &Metadata) {}

/// The folder of a path.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Syncs the names in a folder to the disk, where a folder can be opened.
///
/// # Errors
/// The errors of the disk.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
#[allow(clippy::unwrap_used, reason = "in a test a panic is the way to fail")]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn write(path: &Path, content: &str) -> io::Result<()> {
        let mut file = NewFile::create(path)?;
        file.write_all(content.as_bytes())?;
        file.finish()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_keeps_the_mode_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "old").unwrap();
        for kept in [0o600, 0o640, 0o666, 0o755] {
            fs::set_permissions(&path, fs::Permissions::from_mode(kept)).unwrap();
            write(&path, "new").unwrap();
            assert_eq!((mode(&path), &*fs::read_to_string(&path).unwrap()), (kept, "new"));
        }
    }

    #[test]
    fn a_link_stays_a_link_and_its_target_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let (link, chain) = (folder.path().join("link"), folder.path().join("chain"));
        let target = elsewhere.path().join("target");
        symlink(&target, &link).unwrap();
        symlink("link", &chain).unwrap();
        for path in [&link, &chain] {
            // First for a file that does not exist, then for one that does.
            write(path, path.to_str().unwrap()).unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_eq!(fs::read_to_string(&target).unwrap(), path.to_str().unwrap());
        }
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
        let circle = folder.path().join("circle");
        symlink("circle", &circle).unwrap();
        assert!(write(&circle, "x").is_err());
        symlink(elsewhere.path().join("none/x"), folder.path().join("lost")).unwrap();
        assert!(write(&folder.path().join("lost"), "x").is_err());
    }

    #[test]
    fn another_name_of_a_file_keeps_the_old_content() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&a, "old").unwrap();
        fs::hard_link(&a, &b).unwrap();
        write(&a, "new").unwrap();
        assert_eq!(
            (&*fs::read_to_string(&a).unwrap(), &*fs::read_to_string(&b).unwrap()),
            ("new", "old")
        );
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(NewFile::create(folder.path()).is_err());
        for name in ["/dev/null", "-", "", "x/", ".", "/", "/dev/stdout"] {
            assert!(NewFile::create(Path::new(name)).is_err(), "{name}");
        }
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_file_without_the_right_to_write_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        // Root may write to it.
        let may = File::options().write(true).open(&path).is_ok();
        assert_eq!(write(&path, "new").is_ok(), may);
        assert_eq!(mode(&path), 0o444);
    }

    #[test]
    fn what_cannot_get_its_name_is_kept_and_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        for kept in ["finished-x.jsonl", "finished-2-x.jsonl"] {
            let mut file = NewFile::create(&path).unwrap();
            file.write_all(kept.as_bytes()).unwrap();
            // As another process might do meanwhile.
            fs::create_dir(&path).unwrap();
            let error = file.finish().unwrap_err().to_string();
            let kept_path = folder.path().join(kept);
            assert!(error.ends_with(&format!("kept as {}", kept_path.display())), "{error}");
            stale::remove(folder.path());
            assert_eq!(fs::read_to_string(&kept_path).unwrap(), kept);
            fs::remove_dir(&path).unwrap();
        }
        let long = folder.path().join("x".repeat(255));
        let file = NewFile::create(&long).unwrap();
        fs::create_dir(&long).unwrap();
        let error = file.finish().unwrap_err().to_string();
        assert!(error.contains(&format!("/finished-{}", std::process::id())), "{error}");

        let gone = folder.path().join("gone");
        fs::create_dir(&gone).unwrap();
        let file = NewFile::create(&gone.join("x")).unwrap();
        fs::remove_dir_all(&gone).unwrap();
        let error = file.finish().unwrap_err().to_string();
        assert!(!error.contains("kept"), "{error}");
    }

    #[test]
    fn a_shared_folder_keeps_its_leftovers() {
        let folder = tempfile::tempdir().unwrap();
        let leftover = folder.path().join(".splade-elsewhere.part");
        fs::write(&leftover, "").unwrap();
        stale::leave_leftovers(folder.path());
        write(&folder.path().join("a"), "x").unwrap();
        assert!(leftover.exists());
        stale::remove(folder.path());
        assert!(!leftover.exists());
    }

    #[test]
    fn a_leftover_is_removed_and_a_file_at_work_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let at_work = NewFile::create(&folder.path().join("a")).unwrap();
        let leftover = folder.path().join(".splade-dead.part");
        let others = folder.path().join("splade-dead.part");
        fs::write(&leftover, "").unwrap();
        fs::write(&others, "").unwrap();
        stale::remove(folder.path());
        assert!(!leftover.exists() && others.exists());
        at_work.finish().unwrap();
        assert!(folder.path().join("a").exists());
        assert_eq!(fs::metadata(folder.path().join("a")).unwrap().nlink(), 1);
    }
}
