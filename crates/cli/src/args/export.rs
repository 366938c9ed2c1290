//! Arguments of `splade export`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use splade::export::{EmptyRows, Engine};

use super::HubArgs;

/// Write encoded vectors in the format that a search engine loads.
///
/// Engines: qdrant, elasticsearch (rank_features), elasticsearch-sparse-vector, opensearch,
/// opensearch-sparse-vector, pgvector, vespa, milvus. Rows that an engine would refuse are an
/// error, reported by file and row.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// The engine.
    #[arg(value_name = "ENGINE")]
    pub(crate) engine: Engine,

    /// Files of vectors that `splade encode` wrote, or folders of parts.
    #[arg(short, long, value_name = "FILE", num_args = 1.., required_unless_present_any = ["setup", "query"])]
    pub(crate) input: Vec<PathBuf>,

    /// File to write, whole or not at all; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,

    /// Instead, write what creates the collection, index or table: its mapping, schema or SQL.
    #[arg(long, conflicts_with_all = ["input", "query"])]
    pub(crate) setup: bool,

    /// Instead, write the query for this text (needs --model).
    #[arg(long, value_name = "TEXT", conflicts_with = "input", requires = "model")]
    pub(crate) query: Option<String>,

    /// Number of documents that --query requests.
    #[arg(short = 'k', long, value_name = "N", default_value = "10", requires = "query")]
    pub(crate) top_k: NonZeroUsize,

    /// The model that made the vectors: for engines keyed by tokens (elasticsearch, opensearch,
    /// vespa), for --query, and for the dimension if the files do not state it.
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: Option<PathBuf>,

    /// Dimension of the vectors, if neither the files nor a model state it.
    #[arg(long, value_name = "N")]
    pub(crate) dimension: Option<usize>,

    /// Name of the collection, index or table.
    #[arg(long, value_name = "NAME", default_value = "splade")]
    pub(crate) name: String,

    /// Name of the field or column of the vectors [default: the engine's usual one].
    #[arg(long, value_name = "NAME")]
    pub(crate) field: Option<String>,

    /// With qdrant, points per request [default: 1000].
    #[arg(long, value_name = "N", conflicts_with_all = ["setup", "query"])]
    pub(crate) batch_rows: Option<NonZeroUsize>,

    /// With elasticsearch, score features linearly, which is nearly the dot product; by default
    /// they are scored by saturation, as in sentence-transformers.
    #[arg(long)]
    pub(crate) linear: bool,

    /// With pgvector, also create an HNSW index: rows with more than 1,000 weights are refused.
    #[arg(long)]
    pub(crate) hnsw: bool,

    /// Also write rows whose id occurred before; Qdrant and others then keep the last one.
    #[arg(long)]
    pub(crate) allow_duplicates: bool,

    /// What to do with rows without weights, such as that of an empty text: keep, skip or refuse
    /// them. Each engine accepts them in its newest version, Milvus since 2.4.12; milvus-lite
    /// refuses them [default: keep].
    #[arg(long, value_name = "keep|skip|refuse", value_parser = empty_rows, conflicts_with_all = ["setup", "query"])]
    pub(crate) empty: Option<EmptyRows>,

    /// With qdrant, send the rows to a server instead of writing them. URL of its gRPC port:
    /// http://localhost:6334. The API key is read from the environment variable QDRANT_API_KEY.
    #[cfg(feature = "qdrant")]
    #[arg(long, value_name = "URL", conflicts_with_all = ["output", "setup", "query"], requires = "input")]
    pub(crate) url: Option<String>,

    #[command(flatten)]
    pub(crate) hub: HubArgs,

    /// No progress bar and no summary on standard error.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

fn empty_rows(name: &str) -> Result<EmptyRows, String> {
    match name {
        "keep" => Ok(EmptyRows::Keep),
        "skip" => Ok(EmptyRows::Skip),
        "refuse" => Ok(EmptyRows::Refuse),
        _ => Err("known are keep, skip and refuse".to_owned()),
    }
}
