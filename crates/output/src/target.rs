//! Resolves the path of an output, following links.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::replace;

/// Maximum number of links followed in a row, as on Linux.
const MAX_LINKS: usize = 40;

/// What an output path turns out to be.
pub(crate) enum Target {
    StandardOutput,
    StandardError,
    /// A pipe or a device, which is written to directly.
    Stream(PathBuf),
    /// The open file of another descriptor of this process; it keeps its content.
    Descriptor(PathBuf),
    /// A file to replace, if it exists, or to create.
    File {
        path: PathBuf,
        existing: Option<Metadata>,
    },
}

/// Follows the links of a path. A dangling link resolves to the file that it names.
pub(crate) fn resolve(path: &Path) -> io::Result<Target> {
    if path.as_os_str() == "-" {
        return Ok(Target::StandardOutput);
    }
    if path.as_os_str().is_empty() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "the name is empty"));
    }
    let ends_in_slash = path.as_os_str().to_string_lossy().ends_with(std::path::is_separator);
    if ends_in_slash || path.file_name().is_none() {
        return Err(io::Error::new(ErrorKind::IsADirectory, "it names a folder"));
    }
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match descriptor(&path) {
            Some(1) => return Ok(Target::StandardOutput),
            Some(2) => return Ok(Target::StandardError),
            Some(_) => return Ok(Target::Descriptor(path)),
            None => {}
        }
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                let destination = fs::read_link(&path)?;
                path = path.parent().unwrap_or(Path::new("")).join(destination);
            }
            Ok(metadata) => return existing(path, metadata),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Target::File { path, existing: None });
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("its links form a loop"))
}

fn existing(path: PathBuf, metadata: Metadata) -> io::Result<Target> {
    if metadata.is_dir() {
        return Err(io::Error::new(ErrorKind::IsADirectory, "it is a folder"));
    }
    if !metadata.is_file() {
        return Ok(Target::Stream(path));
    }
    // A rename over a file only needs write permission for its folder: it would replace a read-only
    // file.
    File::options().write(true).open(&path)?;
    replace::refuse_mount_point(&fs::canonicalize(&path)?)?;
    Ok(Target::File { path, existing: Some(metadata) })
}

/// Whether a path names standard input as written: `-`, `/dev/stdin`, `/dev/fd/0` and the like.
#[must_use]
pub fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new("/dev/stdin") || descriptor(path) == Some(0)
}

/// Whether a path names standard output as written: `-`, `/dev/stdout`, `/dev/fd/1` and the like.
#[must_use]
pub fn is_standard_output(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new("/dev/stdout") || descriptor(path) == Some(1)
}

/// The number of this process's descriptor in a path such as `/dev/fd/1`.
fn descriptor(path: &Path) -> Option<u32> {
    if !cfg!(unix) {
        return None;
    }
    let folder = path.parent()?.to_str()?;
    let own = format!("/proc/{}/fd", std::process::id());
    let is_own = ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"].contains(&folder);
    (is_own || folder == own).then(|| path.file_name()?.to_str()?.parse().ok())?
}
