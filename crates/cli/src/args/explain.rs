//! Arguments of `splade explain`.

use std::path::PathBuf;

use super::{InputArgs, RunArgs, VectorArgs};

/// Show texts with their tokens shaded by weight, and why queries match documents, as an HTML page.
///
/// The page is one file that needs no network. With --query, each query is compared with each text.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// The model: a folder, or an id on the Hugging Face hub (naver/splade-v3).
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// Texts, or documents for the queries.
    #[arg(value_name = "TEXT", required_unless_present = "input")]
    pub(crate) texts: Vec<String>,

    /// Files of texts, in the formats of `splade encode --input`; held in memory.
    #[arg(short, long, value_name = "FILE", num_args = 1.., conflicts_with = "texts")]
    pub(crate) input: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) texts_in: InputArgs,

    /// A query; can be given several times.
    #[arg(long, value_name = "TEXT")]
    pub(crate) query: Vec<String>,

    /// Page to write, whole or not at all; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: PathBuf,

    /// Title of the page.
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,

    #[command(flatten)]
    pub(crate) vectors: VectorArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}
