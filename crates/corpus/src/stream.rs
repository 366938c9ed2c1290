//! Opens files: takes off their compression and counts the bytes read from the disk.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::content::{self, Content};
use crate::decompress::{GzipMembers, ZstdFrames};
use crate::line_ends::{self, ReturnsAsLines};
use crate::window::{Start, Window};
use crate::{Compression, ContentProblem, CorpusError, InputError};

/// Buffer size in bytes.
const BUFFER_BYTES: usize = 1 << 16;

/// The maximum size of a record: a line without an end must not fill the memory.
pub(crate) const MAX_RECORD_BYTES: usize = 1 << 28;

/// A text without compression and byte order mark.
pub(crate) type TextStream = Box<dyn BufRead + Send>;

/// A text whose start can be inspected.
pub(crate) type TextWindow = Window<TextStream>;

/// What an opened file holds.
pub(crate) enum Opened {
    /// Text, or something that only shows when read.
    Text(TextWindow),
    /// Parquet, which must be reopened as such.
    Parquet,
    /// A `.npz`, which must be reopened as such.
    Npz,
}

/// Opens a text and takes off its compression, as [`CorpusReader`](crate::CorpusReader) does; `-`
/// is standard input. For line-based files other than texts, such as judgements and runs.
///
/// gzip and Zstandard are recognised by their first bytes, whatever the name. A byte order mark is
/// dropped, and lines that end in `\r` alone end in `\n`.
///
/// # Errors
/// [`CorpusError::Read`]; [`InputError::Content`], naming the format, for what cannot be text
/// (UTF-16, bzip2, Parquet, ...); [`InputError::CompressionMismatch`].
pub fn open_text(path: &Path) -> Result<Box<dyn BufRead + Send>, CorpusError> {
    match open(path, &Arc::default())? {
        Opened::Text(text) => Ok(Box::new(text)),
        other => Err(other.mismatch(path, "text")),
    }
}

impl Opened {
    /// The error when something else was expected.
    pub(crate) fn mismatch(&self, path: &Path, expected: &'static str) -> CorpusError {
        let found = match self {
            Self::Text(_) => "text",
            Self::Parquet => "Parquet",
            Self::Npz => "npz",
        };
        CorpusError::content(path, ContentProblem::Mismatch { found, expected })
    }
}

/// How much of a file must have arrived before its kind is decided.
#[derive(Clone, Copy)]
pub(crate) enum WaitFor {
    /// Enough bytes to recognise every kind.
    Start,
    /// A line that is not blank: its writer may be waiting for an answer.
    Line,
}

impl WaitFor {
    /// Reads ahead until that much has arrived.
    pub(crate) fn look<R: BufRead>(self, file: &mut Window<R>) -> io::Result<Start<'_>> {
        file.look_until(|start| {
            let is_enough = match self {
                Self::Start => start.bytes.len() >= content::N_BYTES,
                Self::Line => start.bytes.trim_ascii_start().contains(&b'\n'),
            };
            (is_enough || start.is_all).then_some(())
        })?;
        Ok(file.start())
    }
}

/// Opens a file; `-` is standard input. `n_bytes_read` counts the bytes read from the disk.
pub(crate) fn open(path: &Path, n_bytes_read: &Arc<AtomicU64>) -> Result<Opened, CorpusError> {
    open_after(WaitFor::Start, path, path, n_bytes_read)
}

/// Opens the copy of a file at `disk`; errors name the file.
pub(crate) fn open_copy(
    path: &Path,
    disk: &Path,
    n_bytes_read: &Arc<AtomicU64>,
) -> Result<Opened, CorpusError> {
    open_after(WaitFor::Start, path, disk, n_bytes_read)
}

/// Opens a file, which is at `disk`, once that much of it has arrived.
pub(crate) fn open_after(
    wait_for: WaitFor,
    path: &Path,
    disk: &Path,
    n_bytes_read: &Arc<AtomicU64>,
) -> Result<Opened, CorpusError> {
    let is_stdin = path.as_os_str() == "-";
    let source: Box<dyn Read + Send> = if is_stdin {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(disk).map_err(CorpusError::read(path))?)
    };
    let n_bytes_before = n_bytes_read.load(Ordering::Relaxed);
    let source = Counted { source, n_bytes_read: Arc::clone(n_bytes_read) };
    let mut source = Window::new(BufReader::with_capacity(BUFFER_BYTES, source));
    let start = wait_for.look(&mut source).map_err(CorpusError::read(path))?;
    let content = content::recognise(start.bytes);
    let named = if is_stdin { Compression::None } else { Compression::of_name(path).0 };
    let text: TextStream = match content {
        Content::Gzip => Box::new(BufReader::with_capacity(BUFFER_BYTES, GzipMembers::new(source))),
        Content::Zstd => {
            let frames = ZstdFrames::new(source).map_err(CorpusError::read(path))?;
            Box::new(BufReader::with_capacity(BUFFER_BYTES, frames))
        }
        Content::Foreign(foreign) => return Err(CorpusError::foreign(path, foreign)),
        Content::Parquet | Content::Npz => {
            // Reopening the file counts these bytes again.
            n_bytes_read.store(n_bytes_before, Ordering::Relaxed);
            let is_npz = content == Content::Npz;
            return Ok(if is_npz { Opened::Npz } else { Opened::Parquet });
        }
        Content::Text if named != Compression::None => {
            return Err(CorpusError::Input(InputError::CompressionMismatch {
                path: path.to_owned(),
                found: Compression::None.name(),
                expected: named.name(),
            }));
        }
        Content::Text => Box::new(source),
    };
    let mut text = Window::new(text);
    if matches!(content, Content::Gzip | Content::Zstd) {
        check_decompressed(path, &mut text)?;
    }
    let start = wait_for.look(&mut text).map_err(CorpusError::read(path))?;
    if start.bytes.starts_with(BYTE_ORDER_MARK) {
        text.consume(BYTE_ORDER_MARK.len());
    }
    let are_returns = text.look_until(line_ends::are_returns).map_err(CorpusError::read(path))?;
    Ok(Opened::Text(match are_returns {
        false => text,
        true => Window::new(Box::new(ReturnsAsLines::new(text))),
    }))
}

/// Opens a text, which is at `disk`, at a byte, counted as [`open`] counts: without byte order
/// mark. `None` if that would need what is before: a compressed file, one whose line ends are
/// replaced, or no text.
pub(crate) fn open_at(
    path: &Path,
    disk: &Path,
    byte: u64,
    n_bytes_read: &Arc<AtomicU64>,
) -> Result<Option<TextStream>, CorpusError> {
    let file = File::open(disk).map_err(CorpusError::read(path))?;
    let mut start = Window::new(BufReader::with_capacity(BUFFER_BYTES, &file));
    let first = WaitFor::Start.look(&mut start).map_err(CorpusError::read(path))?.bytes;
    if content::recognise(first) != Content::Text {
        return Ok(None);
    }
    let n_mark = if first.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    start.consume(n_mark);
    if start.look_until(line_ends::are_returns).map_err(CorpusError::read(path))? {
        return Ok(None);
    }
    let mut source = &file;
    source.seek(SeekFrom::Start(n_mark as u64 + byte)).map_err(CorpusError::read(path))?;
    let source = Counted { source: file, n_bytes_read: Arc::clone(n_bytes_read) };
    Ok(Some(Box::new(BufReader::with_capacity(BUFFER_BYTES, source))))
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Refuses decompressed content that cannot be text.
fn check_decompressed(path: &Path, text: &mut TextWindow) -> Result<(), CorpusError> {
    let start = text.look_at(content::N_BYTES).map_err(CorpusError::read(path))?;
    let needs_file =
        |format| CorpusError::Input(InputError::NeedsFile { path: path.to_owned(), format });
    match content::recognise(start.bytes) {
        Content::Text => Ok(()),
        Content::Gzip | Content::Zstd => {
            Err(CorpusError::content(path, ContentProblem::CompressedTwice))
        }
        Content::Parquet => Err(needs_file("Parquet")),
        Content::Npz => Err(needs_file("npz")),
        Content::Foreign(foreign) => Err(CorpusError::foreign(path, foreign)),
    }
}

struct Counted<R> {
    source: R,
    n_bytes_read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(buffer)?;
        self.n_bytes_read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}
