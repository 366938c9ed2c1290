//! Bytes on their way to a file, compressed if its name says so.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::write::GzEncoder;

use crate::names::foreign_compression;
use crate::output::{self, Output};
use crate::{Compression, CorpusError, InputError};

/// Bytes written at once.
const CAPACITY: usize = 1 << 16;

/// zstd's own default: 3 to 4 times smaller, and faster than rows are encoded.
const ZSTD_LEVEL: i32 = 3;

/// A file that appears whole or not at all, or a stream; compressed if its name ends in `.gz` or `.zst`.
///
/// What is written goes to a temporary file beside the real one, which takes its place in
/// [`finish`](Self::finish); dropped before, nothing is left. The same bytes give the same file: the header
/// of gzip has no time.
pub struct OutputFile(Encoder);

enum Encoder {
    Plain(BufWriter<Output>),
    Gzip(GzEncoder<BufWriter<Output>>),
    Zstd(zstd::Encoder<'static, BufWriter<Output>>),
}

impl OutputFile {
    /// Refuses a name that would say a compression which is not there.
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

    /// Opens the output; `-` is standard output, and a device such as `/dev/null` is written as it is.
    ///
    /// # Errors
    /// [`CorpusError::Write`] if the file cannot be made; [`InputError::UnwrittenEnding`] for a name
    /// that ends in another compression or an archive.
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

    /// Passes on what is buffered, if a stream is written: whoever reads it sees the rows so far.
    ///
    /// # Errors
    /// What the stream answers.
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

    /// Makes the file appear under its name, once all of it is on the disk.
    ///
    /// # Errors
    /// What the disk answers; then there is no file, or still the old one.
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
