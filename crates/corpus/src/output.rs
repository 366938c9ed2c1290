//! A file that appears whole or not at all; standard output and devices as they are.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Names of temporary files start and end so.
pub(crate) const TEMPORARY: (&str, &str) = (".splade-", ".part");

/// Where bytes go.
pub(crate) enum Output {
    /// A temporary file beside the real one, and the real one's path.
    File(NamedTempFile, PathBuf),
    /// Standard output, or a device such as /dev/null.
    Stream(Box<dyn Write + Send>),
}

impl Output {
    /// Opens a file; `-` is standard output.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        if path.as_os_str() == "-" {
            return Ok(Self::Stream(Box::new(io::stdout())));
        }
        // A link stays a link: its target is what gets replaced.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if let Ok(metadata) = fs::metadata(&real) {
            if metadata.is_dir() {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
            }
            if !metadata.is_file() {
                // Renaming a file over /dev/null would replace the device.
                return Ok(Self::Stream(Box::new(File::options().write(true).open(&real)?)));
            }
        }
        let (prefix, suffix) = TEMPORARY;
        let mut builder = tempfile::Builder::new();
        builder.prefix(prefix).suffix(suffix);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // What a file made in the ordinary way gets; the umask takes its part away.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        Ok(Self::File(builder.tempfile_in(folder_of(&real))?, real))
    }

    /// Makes the file appear under its name, once all of it is on the disk.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Stream(mut stream) => stream.flush(),
            Self::File(file, real) => {
                file.as_file().sync_all()?;
                crash_point();
                file.persist(&real)?;
                crash_point();
                sync_folder(folder_of(&real))?;
                crash_point();
                Ok(())
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file, _) => file.write(bytes),
            Self::Stream(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file, _) => file.flush(),
            Self::Stream(stream) => stream.flush(),
        }
    }
}

/// The folder that a path lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Writes the names in a folder to the disk, where a folder can be opened.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Where tests let the process die: after so many of these points as the environment says.
#[cfg(test)]
pub(crate) fn crash_point() {
    use std::sync::atomic::{AtomicU64, Ordering};
    static PASSED: AtomicU64 = AtomicU64::new(0);
    if let Ok(last) = std::env::var(crate::parts::CRASH_AFTER) {
        let passed = PASSED.fetch_add(1, Ordering::Relaxed);
        if last.parse() == Ok(passed) {
            std::process::abort();
        }
    }
}

/// Nothing, outside tests.
#[cfg(not(test))]
pub(crate) fn crash_point() {}
