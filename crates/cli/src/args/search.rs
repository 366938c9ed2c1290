//! Arguments of `splade search`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use splade::corpus::FileFormat;

use super::{InputArgs, RunArgs, VectorArgs};

/// Find the documents that match queries best, by dot product, exactly.
///
/// The documents come from an index (`splade index`), or from files of texts, which are encoded and
/// held in memory. With TEXTs, shows the results for each; with --queries, writes one JSON line per
/// query, {"id": "...", "hits": [{"id": "...", "score": 12.5}, ...]}, or a TREC run; with neither,
/// asks for queries at the terminal, one per line.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("documents").required(true).args(["corpus", "index"])))]
pub(crate) struct SearchArgs {
    /// The model: a folder, or an id on the Hugging Face hub (naver/splade-v3).
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// File or folder of documents, in the formats of `splade encode --input`; for several, repeat
    /// --corpus.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) corpus: Vec<PathBuf>,

    /// Index of documents, made by `splade index`.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) index: Option<PathBuf>,

    /// Queries.
    #[arg(value_name = "TEXT", conflicts_with_all = ["queries", "output"])]
    pub(crate) texts: Vec<String>,

    /// File of queries, in the same formats.
    #[arg(long, value_name = "FILE")]
    pub(crate) queries: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) texts_in: InputArgs,

    /// Documents to find for each query.
    #[arg(short = 'k', long, value_name = "N", default_value = "10")]
    pub(crate) top_k: NonZeroUsize,

    /// Explain each hit: the tokens that query and document share, and how much each adds to the
    /// score.
    #[arg(long)]
    pub(crate) explain: bool,

    /// Number of shared tokens to show per hit at a terminal.
    #[arg(long, value_name = "N", default_value = "8", requires = "explain")]
    pub(crate) explain_tokens: NonZeroUsize,

    /// File to write, whole or not at all: a TREC run if it ends in .trec or .run (optionally
    /// followed by .gz or .zst), else JSON lines; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-", requires = "queries")]
    pub(crate) output: PathBuf,

    #[command(flatten)]
    pub(crate) vectors: VectorArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

impl SearchArgs {
    /// Whether the name of the output says that it is a TREC run.
    pub(crate) fn writes_run(&self) -> bool {
        FileFormat::of_name(&self.output).0 == Some(FileFormat::TrecRun)
    }
}
