//! Writes bytes to a file, compressed if its name says so.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::write::GzEncoder;

use crate::names::foreign_compression;
use crate::output::{self, Output};
use crate::{Compression, CorpusError, InputError};

/// Buffer size in bytes.
const CAPACITY: usize = 1 << 16;

/// zstd's own default: 3 to 4 times smaller, and faster than rows are encoded.
const ZSTD_LEVEL: i32 = 3;

/// A file that appears whole or not at all, or a stream; compressed if its name ends in `.gz` or
/// `.zst`.
///
/// The content goes to a temporary file beside the real one, which [`finish`](Self::finish)
/// replaces; if dropped earlier, nothing is left behind. The same bytes give the same file: the
/// gzip header has no time.
pub struct OutputFile(Encoder);

enum Encoder {
    Plain(BufWriter<Output>),
    Gzip(GzEncoder<BufWriter<Output>>),
    Zstd(zstd::Encoder<'static, BufWriter<Output>>),
}

impl OutputFile {
    /// Refuses a name with the extension of an unsupported compression.
    ///
    /// # Errors
    /// [`InputError::UnwrittenEnding`].
    pub fn check_name(path: &Path) -> Result<(), CorpusError> {
        match foreign_compression(path) {
            None => Ok(()),
            Some(ending) => Err(CorpusError::Input(InputError::UnwrittenEnding {
                path: path.to_owned(),
                ending,
            })),
        }
    }

    /// Opens the output; `-` is standard output, and a device such as `/dev/null` is written
    /// directly.
    ///
    /// # Errors
    /// [`CorpusError::Write`] if the file cannot be created; [`InputError::UnwrittenEnding`] if the
    /// name ends in another compression or an archive.
    pub fn create(path: &Path) -> Result<Self, CorpusError> {
        Self::check_name(path)?;
        Self::open(path).map_err(CorpusError::write(path))
    }

    fn open(path: &Path) -> io::Result<Self> {
        let output = BufWriter::with_capacity(CAPACITY, Output::create(path)?);
        Ok(Self(match Compression::of_name(path).0 {
            Compression::None => Encoder::Plain(output),
            Compression::Gzip => {
                Encoder::Gzip(GzEncoder::new(output, flate2::Compression::default()))
            }
            Compression::Zstd => Encoder::Zstd(zstd::Encoder::new(output, ZSTD_LEVEL)?),
        }))
    }

    /// Flushes the buffer if the output is a stream, so that its reader sees the rows so far.
    ///
    /// # Errors
    /// The errors of the stream.
    pub fn flush_stream(&mut self) -> io::Result<()> {
        let output = match &mut self.0 {
            Encoder::Plain(output) => output,
            Encoder::Gzip(encoder) => encoder.get_mut(),
            Encoder::Zstd(encoder) => encoder.get_mut(),
        };
        match output.get_ref() {
            Output::Stream(_) => self.flush(),
            _ => Ok(()),
        }
    }

    /// Publishes the file under its name once all of it is on the disk.
    ///
    /// # Errors
    /// The errors of the disk; then there is no file, or the old one remains.
    pub fn finish(self) -> io::Result<()> {
        let output = match self.0 {
            Encoder::Plain(output) => output,
            Encoder::Gzip(encoder) => encoder.finish()?,
            Encoder::Zstd(encoder) => encoder.finish()?,
        };
        output::finish(output.into_inner().map_err(io::IntoInnerError::into_error)?)
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Encoder::Plain(output) => output.write(bytes),
            Encoder::Gzip(encoder) => encoder.write(bytes),
            Encoder::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Encoder::Plain(output) => output.flush(),
            Encoder::Gzip(encoder) => encoder.flush(),
            Encoder::Zstd(encoder) => encoder.flush(),
        }
    }
}
