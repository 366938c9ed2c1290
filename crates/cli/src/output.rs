//! Output: a file that appears whole or not at all, or standard output; and JSON lines in it.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use splade::corpus::{Compression, FileFormat, OutputFile, VectorFormat};
use splade::evaluate::Run;
use splade::export::{Engine, Explanation, PageError};
use splade::output::{folder_of, is_standard_output};

use crate::error::CliError;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What is written to a file that the user named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    Vectors(VectorFormat),
    JsonLines,
    /// JSON lines, or a TREC run if the name says so.
    Hits,
    Run,
    Chart,
    Page,
    Index,
    /// What an engine loads; each engine has its own extensions.
    Export(Engine),
}

impl Written {
    fn name(self) -> &'static str {
        match self {
            Self::Vectors(VectorFormat::Parquet) => "vectors as Parquet (.parquet)",
            Self::Vectors(VectorFormat::Npz) => "vectors as a matrix of SciPy (.npz)",
            Self::Vectors(_) => {
                "vectors as JSON lines (.jsonl; .parquet and .npz say other formats)"
            }
            Self::JsonLines => "JSON (.json, .jsonl)",
            Self::Hits => "hits (.jsonl) or a TREC run (.trec, .run)",
            Self::Run => "a TREC run (.trec, .run)",
            Self::Chart => "a chart (.svg)",
            Self::Page => "a page (.html)",
            Self::Index => "an index (.index)",
            Self::Export(Engine::Pgvector) => "text for PostgreSQL (.copy, .tsv, .txt, .sql)",
            Self::Export(_) => "JSON for a search engine (.ndjson, .jsonl, .json)",
        }
    }

    /// Whether a name that implies `format` fits this content.
    fn takes(self, format: FileFormat) -> bool {
        use FileFormat::{Html, Index, JsonLines, Lines, Npz, Parquet, Sql, Svg, TrecRun, Tsv};
        match self {
            Self::Vectors(VectorFormat::Parquet) => format == Parquet,
            Self::Vectors(VectorFormat::Npz) => format == Npz,
            Self::Vectors(_) => matches!(format, JsonLines | Lines),
            Self::JsonLines => matches!(format, JsonLines | Lines),
            Self::Hits => matches!(format, JsonLines | Lines | TrecRun),
            Self::Run => matches!(format, TrecRun | Lines | Tsv),
            Self::Chart => format == Svg,
            Self::Page => format == Html,
            Self::Index => format == Index,
            Self::Export(Engine::Pgvector) => matches!(format, Sql | Tsv | Lines),
            Self::Export(_) => matches!(format, JsonLines | Lines),
        }
    }

    /// Refuses, before any work, a name whose extension implies another format than the one
    /// written.
    pub(crate) fn check_name(self, path: &Path) -> Result<(), CliError> {
        OutputFile::check_name(path)?;
        let (format, compression) = FileFormat::of_name(path);
        let is_other = format.is_some_and(|format| !self.takes(format));
        if is_other || (self == Self::Index && compression != Compression::None) {
            return Err(CliError::OutputName { path: path.to_owned(), written: self.name() });
        }
        Ok(())
    }
}

/// Refuses an output that is also another output, or an input.
pub(crate) fn refuse_same<'a>(
    outputs: impl IntoIterator<Item = &'a Path>,
    inputs: impl IntoIterator<Item = &'a Path>,
) -> Result<(), CliError> {
    let inputs: HashSet<PathBuf> = inputs.into_iter().filter_map(real_file).collect();
    let mut outputs_so_far = HashSet::new();
    for output in outputs {
        let Some(file) = real_file(output) else { continue };
        let is_stdout = file == Path::new("-");
        if (!is_stdout && inputs.contains(&file)) || !outputs_so_far.insert(file) {
            return Err(CliError::SameFile { path: output.to_owned() });
        }
    }
    Ok(())
}

/// One path for all names of a file, and one for standard output; `None` for devices and pipes,
/// which may receive several outputs.
fn real_file(path: &Path) -> Option<PathBuf> {
    if is_standard_output(path) {
        return Some("-".into());
    }
    match fs::canonicalize(path) {
        Ok(real) => fs::metadata(&real).ok()?.is_file().then_some(real),
        Err(_) => Some(fs::canonicalize(folder_of(path)).ok()?.join(path.file_name()?)),
    }
}

/// A file or standard output, with its name for errors.
pub(crate) struct Output {
    path: PathBuf,
    file: OutputFile,
}

impl Output {
    /// Opens the output; `-` is standard output.
    pub(crate) fn create(path: &Path) -> Result<Self, CliError> {
        Ok(Self { path: path.to_owned(), file: OutputFile::create(path)? })
    }

    /// Writes the whole content and publishes the file.
    pub(crate) fn write_all(path: &Path, content: &[u8]) -> Result<(), CliError> {
        let mut output = Self::create(path)?;
        output.with(|file| file.write_all(content))?;
        output.finish()
    }

    /// Writes whatever `write` writes.
    pub(crate) fn with(
        &mut self,
        write: impl FnOnce(&mut OutputFile) -> io::Result<()>,
    ) -> Result<(), CliError> {
        write(&mut self.file).map_err(|source| cannot_write(&self.path, source))
    }

    /// Writes one JSON line.
    pub(crate) fn write_json(&mut self, line: &impl Serialize) -> Result<(), CliError> {
        self.with(|file| {
            serde_json::to_writer(&mut *file, line).map_err(io::Error::from)?;
            file.write_all(b"\n")
        })
    }

    /// Prints one JSON value on standard output, formatted for people.
    pub(crate) fn print_json(value: &impl Serialize) -> Result<(), CliError> {
        let mut output = Self::create(Path::new("-"))?;
        output.with(|file| {
            serde_json::to_writer_pretty(&mut *file, value).map_err(io::Error::from)?;
            file.write_all(b"\n")
        })?;
        output.finish()
    }

    /// Refuses early what [`create`](Self::create) would refuse once the work is done.
    pub(crate) fn check(path: &Path) -> Result<(), CliError> {
        splade::output::Output::check(path).map_err(|source| cannot_write(path, source))
    }

    /// Writes an HTML page.
    pub(crate) fn write_page(&mut self, page: &Explanation<'_>) -> Result<(), CliError> {
        page.write_html(&mut self.file).map_err(|error| match error {
            PageError::Write { source, .. } => cannot_write(&self.path, source),
            other => CliError::Page(other),
        })
    }

    /// Writes a TREC run.
    pub(crate) fn write_run(&mut self, run: &Run) -> Result<(), CliError> {
        Ok(run.write(&mut self.file, &self.path)?)
    }

    /// Flushes the buffer, so that the reader of a stream sees the output so far.
    pub(crate) fn flush(&mut self) -> Result<(), CliError> {
        self.with(OutputFile::flush_stream)
    }

    /// Publishes the file under its name once all of it is on the disk.
    pub(crate) fn finish(self) -> Result<(), CliError> {
        self.file.finish().map_err(|source| cannot_write(&self.path, source))
    }
}

pub(crate) fn cannot_write(path: &Path, source: io::Error) -> CliError {
    CliError::Write { path: path.to_owned(), source }
}
