//! Arguments of `splade similarity`.

use std::path::PathBuf;

use splade::SimilarityFunction;

use super::{InputArgs, RunArgs, VectorArgs};

/// Score texts against texts.
///
/// With TEXTs, shows a table that compares all of them. With --queries and --corpus, writes one
/// JSON line per pair: {"query": "...", "document": "...", "score": 1.5}.
#[derive(Debug, clap::Args)]
pub(crate) struct SimilarityArgs {
    /// The model: a folder, or an id on the Hugging Face hub (naver/splade-v3).
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// Texts to compare with each other.
    #[arg(value_name = "TEXT", required_unless_present = "queries", conflicts_with = "queries")]
    pub(crate) texts: Vec<String>,

    /// File or folder of queries, in the formats of `splade encode --input`.
    #[arg(long, value_name = "FILE", requires = "corpus")]
    pub(crate) queries: Option<PathBuf>,

    /// File or folder of documents, in the same formats.
    #[arg(long, value_name = "FILE", requires = "queries")]
    pub(crate) corpus: Option<PathBuf>,

    /// Score query i with document i only.
    #[arg(long, requires = "queries")]
    pub(crate) pairwise: bool,

    /// How to compare vectors: dot, cosine, euclidean or manhattan, the last two as negative
    /// distances [default: as the checkpoint says, else dot].
    #[arg(long, value_name = "FUNCTION")]
    pub(crate) similarity: Option<SimilarityFunction>,

    /// File to write JSON lines to, whole or not at all; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-", requires = "queries")]
    pub(crate) output: PathBuf,

    #[command(flatten)]
    pub(crate) texts_in: InputArgs,

    #[command(flatten)]
    pub(crate) vectors: VectorArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}
