//! Arguments of `splade evaluate`.

use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use super::{RunArgs, VectorArgs};

/// Measure retrieval: nDCG, MRR, MAP, precision and recall, as defined by sentence-transformers or
/// trec_eval.
///
/// Measures either a model on a collection, which is a folder with corpus.jsonl, queries.jsonl and
/// qrels/SPLIT.tsv as in BEIR; or runs that other searches wrote (--runs with --qrels), alone or
/// fused.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["folder", "runs"])))]
pub(crate) struct EvaluateArgs {
    /// The collection.
    #[arg(value_name = "FOLDER", requires = "model")]
    pub(crate) folder: Option<PathBuf>,

    /// The model: a folder, or an id on the Hugging Face hub (naver/splade-v3).
    #[arg(short, long, value_name = "MODEL", requires = "folder")]
    pub(crate) model: Option<PathBuf>,

    /// Judgements to use: qrels/SPLIT.tsv, else qrels_SPLIT.tsv, for test also qrels.tsv.
    #[arg(long, value_name = "SPLIT", default_value = "test")]
    pub(crate) split: String,

    /// Read bytes columns of corpus.parquet and queries.parquet as UTF-8 text, which is how some
    /// programs write text.
    #[arg(long, requires = "folder")]
    pub(crate) binary_as_text: bool,

    /// Search this index of the collection's documents (`splade index`) instead of encoding them.
    #[arg(long, value_name = "FILE", requires = "folder")]
    pub(crate) index: Option<PathBuf>,

    /// Measure once per number of largest weights kept in queries and documents, and once with all
    /// of them: 16,32,64.
    #[arg(
        long,
        value_name = "N,...",
        value_delimiter = ',',
        requires = "folder",
        conflicts_with = "index"
    )]
    pub(crate) sweep: Vec<NonZeroUsize>,

    /// With --sweep, write a chart of quality against size (SVG).
    #[arg(long, value_name = "FILE", requires = "sweep")]
    pub(crate) chart: Option<PathBuf>,

    /// TREC run files to measure, optionally compressed by gzip or zstd.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "qrels")]
    pub(crate) runs: Vec<PathBuf>,

    /// Judgements for --runs: in TREC's format, or BEIR's tsv.
    #[arg(long, value_name = "FILE", requires = "runs")]
    pub(crate) qrels: Option<PathBuf>,

    /// Fuse --runs by reciprocal rank, 1 / (k + rank); measure the result too, and write it here.
    #[arg(long, value_name = "FILE", requires = "runs")]
    pub(crate) fuse: Option<PathBuf>,

    /// The k of --fuse.
    #[arg(long, value_name = "N", default_value = "60", requires = "fuse")]
    pub(crate) fuse_k: NonZeroU32,

    /// Use trec_eval's definitions, with graded judgements, instead of sentence-transformers'.
    #[arg(long)]
    pub(crate) trec: bool,

    /// With --trec, the smallest relevant grade (trec_eval -l): 2 for TREC Deep Learning. nDCG uses
    /// the grades themselves and does not depend on this [default: 1].
    #[arg(short = 'l', long, value_name = "N", requires = "trec")]
    pub(crate) relevance_level: Option<NonZeroU16>,

    /// With --trec, count all judged queries (trec_eval -c): one without results counts as 0
    /// instead of being left out. sentence-transformers' measures always count it.
    #[arg(short = 'c', long, requires = "trec")]
    pub(crate) complete: bool,

    /// Leave out documents with the id of the query, as BEIR does: in ArguAna and Quora, queries
    /// are documents too, and each would find itself.
    #[arg(long)]
    pub(crate) remove_identical_ids: bool,

    /// Measures to show, such as ndcg@10 or, with --trec, ndcg_cut_10 [default: those that
    /// sentence-transformers prints, or trec_eval's usual ones].
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub(crate) measures: Vec<String>,

    /// Documents to find for each query.
    #[arg(short = 'k', long, value_name = "N", default_value = "1000")]
    pub(crate) depth: NonZeroUsize,

    /// Write the results as a TREC run (with --sweep, those with all weights).
    #[arg(long, value_name = "FILE", requires = "folder")]
    pub(crate) write_run: Option<PathBuf>,

    /// Write all measures, also per query, as one JSON object; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) vectors: VectorArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}
