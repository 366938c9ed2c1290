//! Errors of the program, and how they are printed.

use std::io;
use std::path::PathBuf;

use splade::SpladeError;
use splade::corpus::CorpusError;
use splade::evaluate::EvaluateError;
use splade::export::{ExportError, PageError};
use splade::index::IndexError;
use splade::output::{is_standard_output, shown};
use splade::sparse::SparseError;

use crate::terminal::tell_error;

/// Why the program stops.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("cannot load {}", .model.display())]
    Load {
        model: PathBuf,
        #[source]
        source: Box<SpladeError>,
    },
    #[error("cannot use the environment's settings for the hub")]
    #[cfg(feature = "hub")]
    HubEnvironment(#[source] splade::hub::HubError),
    #[error(transparent)]
    Splade(Box<SpladeError>),
    #[error("cannot serve")]
    #[cfg(feature = "serve")]
    Serve(#[from] splade_server::ServerError),
    #[error("{first} and {second} exclude each other: give one of them")]
    #[cfg(feature = "serve")]
    ServeKeys { first: &'static str, second: String },
    #[error("cannot send spans to {endpoint}: {why}")]
    #[cfg(feature = "otlp")]
    Otlp { endpoint: String, why: String },
    #[error("cannot prune with these options")]
    Pruning(#[source] SparseError),
    #[error("cannot show these texts")]
    Page(#[source] PageError),
    #[error(transparent)]
    Export(ExportError),
    #[error("{location}")]
    ExportRow {
        location: String,
        #[source]
        source: ExportError,
    },
    #[error("the format {format} cannot hold tokens: write JSON lines, or leave out --decode")]
    NoTokens { format: &'static str },
    #[error("parts are written to a folder, so --output cannot be standard output: name a folder")]
    PartsToStream,
    #[error(
        "the model has no task `{task}`: known are `query`, `document`{own} (a prompt of the \
         checkpoint is named by --prompt-name)"
    )]
    UnknownTask { task: String, own: String },
    #[error("--compress is for parts: a single file is compressed by its name (.gz, .zst)")]
    CompressFile,
    #[error("{} has vectors of {index} entries, but {} gives vectors of {model}: not the same model", .path.display(), .model_path.display())]
    IndexDimension { path: PathBuf, index: usize, model_path: PathBuf, model: usize },
    #[error("{option} does not apply to {engine}, only to {of}")]
    ExportOption { option: &'static str, engine: &'static str, of: &'static str },
    #[error(
        "a TREC run cannot hold what --explain adds: leave it out, or name an output of JSON lines (.jsonl)"
    )]
    ExplainRun,
    #[error("{engine} is keyed by tokens: name the model that made the vectors with --model")]
    ExportModel { engine: &'static str },
    #[error(
        "{} does not say the size of its vectors: name it with --dimension (`splade info` shows a \
         model's)", shown(.path)
    )]
    Dimension { path: PathBuf },
    #[error(
        "the size of a vector is not known: name it with --dimension, or the model with --model"
    )]
    ExportDimension,
    #[error("cannot send to {url}")]
    #[cfg(feature = "qdrant")]
    Send {
        url: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{}: the output is {written}, but the name ends in something else", .path.display())]
    OutputName { path: PathBuf, written: &'static str },
    #[error(
        "standard input is {what}, not one query per line: give it with --queries - (or say \
         --input-format lines, if each line is a query)"
    )]
    QueryRecords { what: &'static str },
    #[error(
        "{} is in an object store, where `splade plan`, `encode-part` and `finish` write: name a \
         file or folder on the disk, or use those", shown(.path)
    )]
    ObjectOutput { path: PathBuf },
    #[error("{} is named twice, and would be overwritten", shown(.path))]
    SameFile { path: PathBuf },
    #[error("only one of --queries and --corpus, or of --runs and --qrels, can be standard input")]
    StdinTwice,
    #[error("{queries} queries and {documents} documents: --pairwise needs equally many")]
    Pairs { queries: usize, documents: usize },
    #[error("cannot describe {}", .model.display())]
    Describe {
        model: PathBuf,
        #[source]
        source: Box<SpladeError>,
    },
    #[error("{} stays as it is: {why}; --overwrite replaces a folder that holds a model", .path.display())]
    Overwrite { path: PathBuf, why: &'static str },
    #[error("cannot encode the texts")]
    Encode(#[source] Box<SpladeError>),
    #[error("{location}: its id cannot be written to a TREC run")]
    RunId {
        location: String,
        #[source]
        source: EvaluateError,
    },
    #[error("cannot write {}", shown(.path))]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl From<SpladeError> for CliError {
    fn from(error: SpladeError) -> Self {
        Self::Splade(Box::new(error))
    }
}

impl From<CorpusError> for CliError {
    fn from(error: CorpusError) -> Self {
        SpladeError::from(error).into()
    }
}

impl From<EvaluateError> for CliError {
    fn from(error: EvaluateError) -> Self {
        SpladeError::from(error).into()
    }
}

impl From<IndexError> for CliError {
    fn from(error: IndexError) -> Self {
        SpladeError::from(error).into()
    }
}

impl CliError {
    /// Whether the reader of our standard output has closed it, because it has all it wants. A
    /// named output that is closed is a failure.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        let (path, source) = match self {
            Self::Write { path, source } => (path, source),
            Self::Splade(error) => match error.as_ref() {
                SpladeError::Corpus(CorpusError::Write { path, source, .. })
                | SpladeError::Evaluate(EvaluateError::Write { path, source, .. }) => {
                    (path, source)
                }
                _ => return false,
            },
            _ => return false,
        };
        is_standard_output(path) && source.kind() == io::ErrorKind::BrokenPipe
    }

    /// Prints the error and its causes on standard error.
    pub(crate) fn print(&self) {
        let mut message = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        // The message contains names of files, ids and texts.
        tell_error(&message);
    }
}
