//! Opens a path as output: a file that appears whole, or a stream.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use crate::NewFile;
use crate::target::{Target, resolve};
use crate::terminal::Escaping;

/// A destination of bytes.
#[non_exhaustive]
pub enum Output {
    /// A file, which appears in [`Output::finish`].
    File(NewFile),
    /// Standard output, a pipe, or a device such as `/dev/null`.
    Stream(Box<dyn Write + Send>),
}

impl Output {
    /// Opens an output; `-` and `/dev/stdout` are standard output.
    ///
    /// At a terminal, characters that would control it are written as JSON escapes, `\u202e`. The
    /// file of another descriptor (`/dev/fd/3`) is appended to. On Linux the descriptor's own
    /// offset does not move, so it must be open for appending (`3>>file`) if it is written to
    /// afterwards.
    ///
    /// # Errors
    /// If `path` is a folder or a file without write permission, or lies in a folder without it.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(match resolve(path)? {
            Target::StandardOutput => Self::stream(io::stdout()),
            Target::StandardError => Self::stream(io::stderr()),
            // Renaming a file over /dev/null would replace the device.
            Target::Stream(path) => Self::stream(File::options().write(true).open(path)?),
            // Linux opens the file anew, at offset 0: append, to keep what the descriptor wrote.
            Target::Descriptor(path) => Self::stream(File::options().append(true).open(path)?),
            Target::File { path, existing } => Self::File(NewFile::at(path, existing.as_ref())?),
        })
    }

    fn stream(stream: impl Write + IsTerminal + Send + 'static) -> Self {
        match stream.is_terminal() {
            true => Self::Stream(Box::new(Escaping::new(stream))),
            false => Self::Stream(Box::new(stream)),
        }
    }

    /// Refuses early what [`create`](Self::create) would refuse later, and leaves no trace.
    ///
    /// # Errors
    /// As [`create`](Self::create), except for pipes and devices, which are not opened.
    pub fn check(path: &Path) -> io::Result<()> {
        match resolve(path)? {
            Target::File { path, existing } => NewFile::at(path, existing.as_ref()).map(drop),
            _ => Ok(()),
        }
    }

    /// Publishes a file under its name once all of it is on the disk; flushes a stream.
    ///
    /// # Errors
    /// The errors of the disk or the stream; then there is no file, or the old one remains.
    pub fn finish(self) -> io::Result<()> {
        self.finish_with(|| {})
    }

    /// Like [`finish`](Self::finish), but calls `after_step` after each step for a file, as
    /// [`NewFile::finish_with`] does.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn finish_with(self, after_step: impl FnMut()) -> io::Result<()> {
        match self {
            Self::Stream(mut stream) => stream.flush(),
            Self::File(file) => file.finish_with(after_step),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stream(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stream(stream) => stream.flush(),
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
#[allow(clippy::unwrap_used, reason = "in a test a panic is the way to fail")]
mod tests {
    use std::fs;
    use std::os::fd::AsRawFd;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_descriptor_keeps_what_its_file_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "a first line that is long\n").unwrap();
        let log = File::options().append(true).open(&path).unwrap();
        for folder in ["/dev/fd", "/proc/self/fd"] {
            if !Path::new(folder).is_dir() {
                continue;
            }
            let name = PathBuf::from(folder).join(log.as_raw_fd().to_string());
            let mut output = Output::create(&name).unwrap();
            output.write_all(b"new\n").unwrap();
            output.finish().unwrap();
            (&log).write_all(b"after\n").unwrap();
        }
        let content = fs::read_to_string(&path).unwrap();
        assert!(content.starts_with("a first line that is long\nnew\nafter\n"), "{content}");
    }
}
