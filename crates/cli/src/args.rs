//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use splade::{Device, Precision, SimilarityFunction};

/// Learned sparse text vectors (SPLADE).
#[derive(Debug, Parser)]
#[command(name = "splade", version, about, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Show the stages with their times and sizes; twice shows more.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,

    /// Show where the time went at the end: each stage of loading, tokenising and computing.
    #[arg(long, global = true)]
    pub(crate) profile: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Encode(EncodeArgs),
    Similarity(SimilarityArgs),
    Search(SearchArgs),
    Info(InfoArgs),
    Devices(DevicesArgs),
}

/// Turn texts into sparse vectors.
///
/// With TEXTs, shows each one's heaviest tokens and how well the texts match. With --input, writes
/// one JSON line for each text of a file, in its order:
/// {"id": "...", "indices": [...], "values": [...]}.
#[derive(Debug, clap::Args)]
pub(crate) struct EncodeArgs {
    /// The model: a folder, or an id on the Hugging Face hub (naver/splade-v3).
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// Texts to encode and show.
    #[arg(value_name = "TEXT", required_unless_present = "input", conflicts_with_all = ["input", "output"])]
    pub(crate) texts: Vec<String>,

    /// File of texts: JSON lines {"id": "...", "text": "..."} where it ends in .jsonl, else a text
    /// a line; `-` is standard input, JSON lines if its first line starts with `{`.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,

    /// File to write, whole or not at all: a matrix for SciPy (load_npz) where it ends in .npz,
    /// whose row i is text i, without ids, held in memory until it is whole; else JSON lines. `-`
    /// is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,

    /// Tokens to show of each TEXT.
    #[arg(long, value_name = "N", default_value = "10")]
    pub(crate) top_k: NonZeroUsize,

    /// Write the tokens too: "tokens": {"token": weight, ...}, the heaviest first.
    #[arg(long, requires = "input")]
    pub(crate) decode: bool,

    /// Encode as queries or as documents: the checkpoint's prompt and route of that name. Other
    /// routes of a router may be named too.
    #[arg(long, value_name = "query|document")]
    pub(crate) task: Option<String>,

    /// Put this before each text, whatever the checkpoint says.
    #[arg(long, value_name = "TEXT", conflicts_with = "prompt_name")]
    pub(crate) prompt: Option<String>,

    /// Put the checkpoint's prompt of this name before each text.
    #[arg(long, value_name = "NAME")]
    pub(crate) prompt_name: Option<String>,

    #[command(flatten)]
    pub(crate) vectors: VectorArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Score texts against texts.
///
/// With TEXTs, shows a table of each with each. With --queries and --corpus, writes one JSON line
/// for each pair: {"query": "...", "document": "...", "score": 1.5}.
#[derive(Debug, clap::Args)]
pub(crate) struct SimilarityArgs {
    /// The model: a folder, or an id on the Hugging Face hub (naver/splade-v3).
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// Texts to compare, each with each.
    #[arg(value_name = "TEXT", required_unless_present = "queries", conflicts_with = "queries")]
    pub(crate) texts: Vec<String>,

    /// File of queries, in the forms of `splade encode --input`.
    #[arg(long, value_name = "FILE", requires = "corpus")]
    pub(crate) queries: Option<PathBuf>,

    /// File of documents, in the same forms.
    #[arg(long, value_name = "FILE", requires = "queries")]
    pub(crate) corpus: Option<PathBuf>,

    /// Score query i with document i alone.
    #[arg(long, requires = "queries")]
    pub(crate) pairwise: bool,

    /// How vectors are compared: dot, cosine, euclidean or manhattan, the last two as negative
    /// distances [default: what the checkpoint says, else dot].
    #[arg(long, value_name = "FUNCTION")]
    pub(crate) similarity: Option<SimilarityFunction>,

    /// File to write JSON lines to, whole or not at all; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-", requires = "queries")]
    pub(crate) output: PathBuf,

    #[command(flatten)]
    pub(crate) vectors: VectorArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Find the documents of a file that match queries best, by dot product, exactly.
///
/// With TEXTs, shows what is found for each. With --queries, writes one JSON line for each query:
/// {"id": "...", "hits": [{"id": "...", "score": 12.5}, ...]}. The vectors of the corpus are held
/// in memory: 8 bytes for each weight, twice.
#[derive(Debug, clap::Args)]
pub(crate) struct SearchArgs {
    /// The model: a folder, or an id on the Hugging Face hub (naver/splade-v3).
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// File of documents, in the forms of `splade encode --input`.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) corpus: PathBuf,

    /// Queries.
    #[arg(value_name = "TEXT", required_unless_present = "queries", conflicts_with_all = ["queries", "output"])]
    pub(crate) texts: Vec<String>,

    /// File of queries, in the same forms.
    #[arg(long, value_name = "FILE")]
    pub(crate) queries: Option<PathBuf>,

    /// Documents to find for each query.
    #[arg(short = 'k', long, value_name = "N", default_value = "10")]
    pub(crate) top_k: NonZeroUsize,

    /// File to write JSON lines to, whole or not at all; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,

    #[command(flatten)]
    pub(crate) vectors: VectorArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Show what a model is: modules, architecture, dimension, lengths, prompts, weights, size.
///
/// The model is loaded, so what is shown also runs.
#[derive(Debug, clap::Args)]
pub(crate) struct InfoArgs {
    /// The model: a folder, or an id on the Hugging Face hub (naver/splade-v3).
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// Write it as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) hub: HubArgs,

    /// No progress bar.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// List what this build can run on here: names for --device.
#[derive(Debug, clap::Args)]
pub(crate) struct DevicesArgs {
    /// Write it as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is kept of each vector.
#[derive(Debug, clap::Args)]
pub(crate) struct VectorArgs {
    /// Keep only the N largest weights of each text.
    #[arg(long, value_name = "N")]
    pub(crate) max_active_dims: Option<NonZeroUsize>,

    /// Drop weights below W. This and the next two are applied in this order, before
    /// --max-active-dims.
    #[arg(long, value_name = "W")]
    pub(crate) min_weight: Option<f32>,

    /// Drop weights below this ratio (0 to 1) to the text's largest.
    #[arg(long, value_name = "RATIO")]
    pub(crate) max_ratio: Option<f32>,

    /// Keep the largest weights until they have this share (0 to 1) of the text's sum.
    #[arg(long, value_name = "SHARE")]
    pub(crate) mass_share: Option<f32>,

    /// Cut texts to N tokens, special tokens counted [default: what the model allows].
    #[arg(long, value_name = "N")]
    pub(crate) max_seq_length: Option<usize>,
}

/// Where and how the model runs.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Where the model runs: cpu, ndarray, flex, wgpu, auto. Several, with commas or one by one,
    /// share the texts: cpu,cpu.
    #[arg(long, value_name = "DEVICE", value_delimiter = ',', default_value = "cpu")]
    pub(crate) device: Vec<Device>,

    /// Texts that one of several devices takes at a time [default: a tenth of its share].
    #[arg(long, value_name = "N")]
    pub(crate) chunk_size: Option<NonZeroUsize>,

    /// Tokens per forward pass [default: 4096 on a CPU, 16384 on a GPU]. More costs memory.
    #[arg(long, value_name = "N")]
    pub(crate) batch_tokens: Option<NonZeroUsize>,

    /// What the model's layers compute in: f32, bf16, f16 (GPU only) or int8 (CPU only). Lower ones
    /// are faster, hold less, and change the weights a little.
    #[arg(long, value_name = "PRECISION", default_value_t)]
    pub(crate) precision: Precision,

    /// CPU threads, which the devices share [default: one per core].
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,

    #[command(flatten)]
    pub(crate) hub: HubArgs,

    /// No progress bar and no summary on standard error.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// How a model is brought from the hub. HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_ENDPOINT and
/// HF_HUB_OFFLINE mean what they mean in Python.
#[derive(Debug, clap::Args)]
pub(crate) struct HubArgs {
    /// Branch, tag or commit of a model on the hub [default: main].
    #[cfg(feature = "hub")]
    #[arg(long, value_name = "REVISION")]
    pub(crate) revision: Option<String>,

    /// Folder that models from the hub are kept in [default: that of Python's huggingface_hub].
    #[cfg(feature = "hub")]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// Ask nothing of the hub: the model must be a folder or in the cache.
    #[cfg(feature = "hub")]
    #[arg(long)]
    pub(crate) offline: bool,
}
