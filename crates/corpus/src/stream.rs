//! The bytes of a file as they were before compression, counted as they are on the disk.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Compression, CorpusError};

/// Bytes read at once.
const BUFFER_BYTES: usize = 1 << 16;

/// The most bytes that one record may have: a line without an end must not fill the memory.
pub(crate) const MAX_RECORD_BYTES: usize = 1 << 28;

/// A text without its compression and its byte order mark.
pub(crate) type TextStream = Box<dyn BufRead + Send>;

/// Opens a text; `-` is standard input. `n_bytes_read` counts what is read from the disk.
pub(crate) fn open(path: &Path, n_bytes_read: &Arc<AtomicU64>) -> Result<TextStream, CorpusError> {
    let is_stdin = path.as_os_str() == "-";
    let source: Box<dyn Read + Send> = if is_stdin {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(CorpusError::read(path))?)
    };
    let mut source = Counted { source, n_bytes_read: Arc::clone(n_bytes_read) };
    let (start, source) = peek::<4>(&mut source)
        .map(|start| (start.clone(), Cursor::new(start).chain(source)))
        .map_err(CorpusError::read(path))?;
    let compression = Compression::of_content(&start);
    let named = if is_stdin { compression } else { Compression::of_name(path).0 };
    if compression != named {
        return Err(CorpusError::CompressionMismatch {
            path: path.to_owned(),
            found: compression.name(),
            expected: named.name(),
        });
    }
    let source = BufReader::with_capacity(BUFFER_BYTES, source);
    let mut text: TextStream = match compression {
        Compression::None => Box::new(source),
        Compression::Gzip => {
            let text = flate2::bufread::MultiGzDecoder::new(source);
            Box::new(BufReader::with_capacity(BUFFER_BYTES, text))
        }
        Compression::Zstd => {
            let text = zstd::Decoder::with_buffer(source).map_err(CorpusError::read(path))?;
            Box::new(BufReader::with_capacity(BUFFER_BYTES, text))
        }
    };
    let start = peek::<3>(&mut text).map_err(CorpusError::read(path))?;
    // A byte order mark is not text.
    if start == b"\xef\xbb\xbf" { Ok(text) } else { Ok(Box::new(Cursor::new(start).chain(text))) }
}

/// The first bytes, fewer than `N` only at the end.
fn peek<const N: usize>(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(N);
    source.take(N as u64).read_to_end(&mut start)?;
    Ok(start)
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
