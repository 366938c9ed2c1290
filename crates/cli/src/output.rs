//! Output: JSON lines or a matrix, to standard output or to a file that appears whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::ser::{Serialize, SerializeMap, Serializer};
use splade::{SparseMatrix, SparseRowView};
use tempfile::NamedTempFile;

use crate::error::CliError;

/// JSON lines.
pub(crate) struct JsonLines {
    path: PathBuf,
    target: Target,
}

/// A matrix in SciPy's `.npz`.
pub(crate) struct Npz {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
    real: PathBuf,
}

enum Target {
    /// A temporary file beside the real one, and the real one's path.
    File(BufWriter<NamedTempFile>, PathBuf),
    /// Standard output, or a device such as /dev/null.
    Stream(BufWriter<Box<dyn Write>>),
}

/// One line of the output.
#[derive(serde::Serialize)]
struct Line<'a> {
    id: &'a str,
    indices: &'a [u32],
    values: &'a [f32],
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<TokenMap<'a>>,
}

/// Tokens with their weights as a map in the order given.
struct TokenMap<'a>(&'a [(String, f32)]);

impl Serialize for TokenMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (token, weight) in self.0 {
            map.serialize_entry(token, weight)?;
        }
        map.end()
    }
}

impl JsonLines {
    /// Opens the output; `-` is standard output.
    pub(crate) fn create(path: &Path) -> Result<Self, CliError> {
        let target = open(path).map_err(|source| cannot_write(path, source))?;
        Ok(Self { path: path.to_owned(), target })
    }

    /// Writes a text's row.
    pub(crate) fn write_row(
        &mut self,
        id: &str,
        row: SparseRowView<'_>,
        tokens: Option<&[(String, f32)]>,
    ) -> Result<(), CliError> {
        let (indices, values) = (row.indices(), row.values());
        self.write(&Line { id, indices, values, tokens: tokens.map(TokenMap) })
    }

    /// Writes one line.
    pub(crate) fn write(&mut self, line: &impl Serialize) -> Result<(), CliError> {
        let writer: &mut dyn Write = match &mut self.target {
            Target::File(writer, _) => writer,
            Target::Stream(writer) => writer,
        };
        let written = serde_json::to_writer(&mut *writer, line)
            .map_err(io::Error::from)
            .and_then(|()| writer.write_all(b"\n"));
        written.map_err(|source| cannot_write(&self.path, source))
    }

    /// Passes on what is buffered: whoever reads a stream sees the rows so far.
    pub(crate) fn flush(&mut self) -> Result<(), CliError> {
        match &mut self.target {
            Target::File(..) => Ok(()),
            Target::Stream(writer) => {
                writer.flush().map_err(|source| cannot_write(&self.path, source))
            }
        }
    }

    /// Makes the file appear under its name, once all of it is on the disk.
    pub(crate) fn finish(mut self) -> Result<(), CliError> {
        self.flush()?;
        let Target::File(writer, real) = self.target else { return Ok(()) };
        persist(writer, &real).map_err(|source| cannot_write(&self.path, source))
    }
}

impl Npz {
    pub(crate) fn create(path: &Path) -> Result<Self, CliError> {
        let target = open(path).map_err(|source| cannot_write(path, source))?;
        let Target::File(file, real) = target else {
            let source = io::Error::other("an archive needs an ordinary file");
            return Err(cannot_write(path, source));
        };
        Ok(Self { path: path.to_owned(), file, real })
    }

    /// Writes the matrix, and makes the file appear under its name.
    pub(crate) fn write(mut self, matrix: &SparseMatrix) -> Result<(), CliError> {
        matrix.write_npz(&mut self.file).map_err(|source| {
            let source = io::Error::other(source);
            cannot_write(&self.path, source)
        })?;
        persist(self.file, &self.real).map_err(|source| cannot_write(&self.path, source))
    }
}

fn cannot_write(path: &Path, source: io::Error) -> CliError {
    CliError::Write { path: path.to_owned(), source }
}

/// Makes a file appear under its name, once all of it is on the disk.
fn persist(writer: BufWriter<NamedTempFile>, real: &Path) -> io::Result<()> {
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(real)?;
    Ok(())
}

fn open(path: &Path) -> io::Result<Target> {
    const CAPACITY: usize = 1 << 16;
    let stream = |writer| Target::Stream(BufWriter::with_capacity(CAPACITY, writer));
    if path.as_os_str() == "-" {
        return Ok(stream(Box::new(io::stdout())));
    }
    // A link stays a link: its target is what gets replaced.
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Ok(metadata) = fs::metadata(&real) {
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
        }
        if !metadata.is_file() {
            // Renaming a file over /dev/null would replace the device.
            return Ok(stream(Box::new(File::options().write(true).open(&real)?)));
        }
    }
    let folder = match real.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".splade-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What a file made in the ordinary way gets; the umask takes its part away.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let file = builder.tempfile_in(folder)?;
    Ok(Target::File(BufWriter::with_capacity(CAPACITY, file), real))
}
