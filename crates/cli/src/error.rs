//! What can go wrong in the program, and how it is told.

use std::io;
use std::path::{Path, PathBuf};

use splade::{SparseError, SpladeError};

/// Why the program stops.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("cannot load {}", .model.display())]
    Load {
        model: PathBuf,
        #[source]
        source: Box<SpladeError>,
    },
    #[error("cannot read {}", name(.path))]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{}, line {line}: {what}", name(.path))]
    Line { path: PathBuf, line: u64, what: String },
    #[error("cannot encode the texts that start at line {line} of {}", name(.path))]
    EncodeLines {
        path: PathBuf,
        line: u64,
        #[source]
        source: Box<SpladeError>,
    },
    #[error("cannot prune like that")]
    Pruning(#[source] SparseError),
    #[error("the vectors do not fit one matrix")]
    Collect(#[source] SparseError),
    #[error("a .npz file has no place for tokens: write JSON lines, or leave out --decode")]
    NpzTokens,
    #[error("--queries and --corpus cannot both be standard input")]
    StdinTwice,
    #[error("{queries} queries and {documents} documents: --pairwise needs as many of each")]
    Pairs { queries: usize, documents: usize },
    #[error("cannot describe {}", .model.display())]
    Describe {
        model: PathBuf,
        #[source]
        source: Box<SpladeError>,
    },
    #[error("cannot encode the texts")]
    Encode(#[source] Box<SpladeError>),
    #[error("cannot write {}", name(.path))]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// `-` by its long name.
fn name(path: &Path) -> String {
    match path.to_str() {
        Some("-") => "the standard stream `-`".to_owned(),
        _ => path.display().to_string(),
    }
}

impl CliError {
    /// Whether whoever reads our output has closed it.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Prints the error and its causes on standard error.
    pub(crate) fn print(&self) {
        let red = anstyle::AnsiColor::Red.on_default().bold();
        let mut message = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        anstream::eprintln!("{red}error{red:#}: {message}");
    }
}
