//! Vectors out, and back in.

mod format;
mod npz;
#[cfg(feature = "parquet")]
mod parquet;
mod read_lines;
mod read_npz;
#[cfg(feature = "parquet")]
mod read_parquet;
mod reader;
mod write_lines;

use std::io;
use std::path::{Path, PathBuf};

use splade_sparse::SparseRowView;

use crate::{Compression, CorpusError, InputError, VectorError};

pub use format::{VectorFormat, VectorOptions};
pub use reader::{VectorReadOptions, VectorReader};

use crate::OutputFile;
use write_lines::LineError;

/// Writes vectors to a file that appears whole or not at all, or to a stream.
///
/// The rows go to a temporary file beside the real one, which replaces it once all of it is on the
/// disk; if dropped before [`finish`](Self::finish), nothing is left behind. `.gz` or `.zst` at the
/// end of the name compresses line formats. The same rows give the same bytes.
pub struct VectorWriter {
    path: PathBuf,
    options: VectorOptions,
    n_rows: u64,
    /// A row was written partially: the file must not be published.
    is_broken: bool,
    target: Target,
}

enum Target {
    Lines(Box<OutputFile>),
    #[cfg(feature = "parquet")]
    Parquet(Box<parquet::ParquetVectors>),
    Npz(Box<npz::NpzVectors>),
}

impl VectorWriter {
    /// Opens the output; `-` is standard output.
    ///
    /// # Errors
    /// [`CorpusError::Write`] if the file cannot be made, [`InputError::NeedsFile`] for `.npz` on
    /// a stream and for compression around Parquet and `.npz`.
    pub fn create(path: &Path, options: &VectorOptions) -> Result<Self, CorpusError> {
        let format = options.format;
        OutputFile::check_name(path)?;
        if !format.is_lines() && Compression::of_name(path).0 != Compression::None {
            return Err(CorpusError::Input(InputError::NeedsFile {
                path: path.to_owned(),
                format: format.name(),
            }));
        }
        let target = match format {
            VectorFormat::JsonLines | VectorFormat::Anserini | VectorFormat::Tokens => {
                Target::Lines(Box::new(OutputFile::create(path)?))
            }
            #[cfg(feature = "parquet")]
            VectorFormat::Parquet => {
                let vectors = parquet::ParquetVectors::create(path, options.dimension)?;
                Target::Parquet(Box::new(vectors))
            }
            #[cfg(not(feature = "parquet"))]
            VectorFormat::Parquet => {
                return Err(CorpusError::Input(InputError::NoParquet { path: path.to_owned() }));
            }
            VectorFormat::Npz => {
                Target::Npz(Box::new(npz::NpzVectors::create(path, options.dimension)?))
            }
        };
        Ok(Self {
            path: path.to_owned(),
            options: options.clone(),
            n_rows: 0,
            is_broken: false,
            target,
        })
    }

    /// Rows so far.
    #[must_use]
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Writes the row of a text. `tokens` are the tokens of the indices, with their weights.
    ///
    /// # Errors
    /// [`CorpusError::Write`]; a row of another dimension; tokens that the format requires or
    /// cannot hold; an id, token or weight that it cannot express.
    pub fn write(
        &mut self,
        id: &str,
        row: SparseRowView<'_>,
        tokens: Option<&[(String, f32)]>,
    ) -> Result<(), CorpusError> {
        let format = self.options.format;
        let n_row = self.n_rows + 1;
        if row.dimension() != self.options.dimension {
            return Err(CorpusError::Vector(VectorError::Dimension {
                path: self.path.clone(),
                found: row.dimension(),
                expected: self.options.dimension,
            }));
        }
        let refuse = |needs| {
            CorpusError::Vector(VectorError::Tokens { row: n_row, format: format.name(), needs })
        };
        if tokens.is_some() && !format.takes_tokens() {
            return Err(refuse("cannot hold tokens"));
        }
        let need_tokens = || tokens.ok_or_else(|| refuse("needs the tokens of each row"));
        let written = match &mut self.target {
            Target::Lines(writer) => match format {
                VectorFormat::Anserini => {
                    let factor = self.options.quantization_factor;
                    write_lines::write_anserini(writer, id, need_tokens()?, factor, n_row)
                }
                VectorFormat::Tokens => write_lines::write_tokens(writer, id, need_tokens()?),
                _ => write_lines::write_vector(writer, id, row, tokens),
            },
            #[cfg(feature = "parquet")]
            Target::Parquet(writer) => writer.write(id, row).map_err(LineError::Io),
            Target::Npz(_) if id.ends_with('\0') => {
                let (row, id) = (n_row, id.to_owned());
                Err(LineError::Row(CorpusError::Vector(VectorError::IdEndsInNul { row, id })))
            }
            Target::Npz(writer) => writer.write(id, row).map_err(LineError::Io),
        };
        match written {
            Ok(()) => {
                self.n_rows = n_row;
                Ok(())
            }
            Err(LineError::Row(error)) => Err(error),
            Err(LineError::Io(source)) => {
                self.is_broken = true;
                Err(CorpusError::Write { path: self.path.clone(), source })
            }
        }
    }

    /// Flushes the rows so far to the reader of a stream; does nothing for a file.
    ///
    /// # Errors
    /// [`CorpusError::Write`].
    pub fn flush(&mut self) -> Result<(), CorpusError> {
        match &mut self.target {
            Target::Lines(writer) => writer.flush_stream().map_err(CorpusError::write(&self.path)),
            _ => Ok(()),
        }
    }

    /// Publishes the file under its name once all of it is on the disk.
    ///
    /// # Errors
    /// [`CorpusError::Write`]; then there is no file, or the old one remains.
    pub fn finish(self) -> Result<(), CorpusError> {
        if self.is_broken {
            let source = io::Error::other("a row before could not be written");
            return Err(CorpusError::Write { path: self.path, source });
        }
        let finished = match self.target {
            Target::Lines(writer) => writer.finish(),
            #[cfg(feature = "parquet")]
            Target::Parquet(writer) => writer.finish(),
            Target::Npz(writer) => writer.finish(),
        };
        finished.map_err(CorpusError::write(&self.path))
    }
}
