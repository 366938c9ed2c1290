//! The command line.

mod convert;
mod encode;
mod encode_part;
mod evaluate;
mod explain;
mod export;
mod finish;
mod index;
mod plan;
mod search;
#[cfg(feature = "serve")]
pub(crate) mod serve;
mod similarity;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use splade::corpus::{
    BinaryColumns, CorpusError, Header, Quoting, ReadOptions, TextColumn, TextFormat,
    VectorSettings,
};
use splade::info::{GpuProducts, Isa};
use splade::{Device, Precision};

pub(crate) use convert::ConvertArgs;
pub(crate) use encode::EncodeArgs;
pub(crate) use encode_part::EncodePartArgs;
pub(crate) use evaluate::EvaluateArgs;
pub(crate) use explain::ExplainArgs;
pub(crate) use export::ExportArgs;
pub(crate) use finish::FinishArgs;
pub(crate) use index::IndexArgs;
pub(crate) use plan::PlanArgs;
pub(crate) use search::SearchArgs;
#[cfg(feature = "serve")]
pub(crate) use serve::ServeArgs;
pub(crate) use similarity::SimilarityArgs;

/// Learned sparse text vectors (SPLADE).
#[derive(Debug, Parser)]
#[command(name = "splade", version, about, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Show the stages with their times and sizes; give it twice for more.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,

    /// Finally show where the time went: each stage of loading, tokenising and computing.
    #[arg(long, global = true)]
    pub(crate) profile: bool,
}

impl Args {
    /// Reads the command line, and for `serve` the environment.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        let command = Self::command();
        #[cfg(feature = "serve")]
        let command = serve::with_environment(command);
        Self::from_arg_matches(&command.try_get_matches()?)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Encode(EncodeArgs),
    Similarity(SimilarityArgs),
    Search(SearchArgs),
    Index(IndexArgs),
    Evaluate(EvaluateArgs),
    Export(ExportArgs),
    Explain(ExplainArgs),
    Info(InfoArgs),
    Convert(ConvertArgs),
    Plan(PlanArgs),
    EncodePart(EncodePartArgs),
    Finish(FinishArgs),
    #[cfg(feature = "serve")]
    Serve(Box<ServeArgs>),
    Devices(DevicesArgs),
}

/// Show what a model is: modules, architecture, dimension, lengths, prompts, weights, size.
///
/// The model is loaded, so whatever is shown also runs.
#[derive(Debug, clap::Args)]
pub(crate) struct InfoArgs {
    /// The model: a folder, or an id on the Hugging Face hub (naver/splade-v3).
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) hub: HubArgs,

    /// No progress bar.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// List the devices that this build can run on here: names for --device.
#[derive(Debug, clap::Args)]
pub(crate) struct DevicesArgs {
    /// Check the kernels for H100 and H200 (--gpu-products hopper) on each card, and say what they
    /// gave. If one hangs, the program ends after two minutes.
    #[arg(long)]
    pub(crate) check_products: bool,

    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which columns or fields of a file are the text, and which is the id.
#[derive(Debug, clap::Args)]
pub(crate) struct InputArgs {
    /// Columns of tables, or fields of JSON lines, that hold the text; several are joined:
    /// title,text. One that may be missing or null ends in a question mark: title?,text. A name
    /// that contains a comma or ends in a question mark goes in double quotes, as in CSV: '"a,
    /// b",text'.
    #[arg(long, value_name = "COLUMN,...", value_parser = Columns::parse, default_value = "text")]
    columns: Vec<Columns>,

    /// What joins several columns [default: a space].
    #[arg(long, value_name = "TEXT", default_value = " ", hide_default_value = true)]
    separator: String,

    /// Column with the id of each text [default: id or _id, else the number of the record].
    #[arg(long, value_name = "COLUMN")]
    id_column: Option<String>,

    /// Format of the files, whatever their names say: jsonl, csv, tsv, parquet or lines.
    #[arg(long, value_name = "FORMAT")]
    input_format: Option<TextFormat>,

    /// CSV and TSV have no header: their columns are called 1, 2 and so on.
    #[arg(long)]
    no_header: bool,

    /// Treat quotes in CSV as ordinary characters, as in TSV.
    #[arg(long)]
    no_quotes: bool,

    /// Let quotes in TSV enclose cells, as in CSV [default: they are ordinary characters, as in the
    /// files of MS MARCO and DPR].
    #[arg(long, conflicts_with = "no_quotes")]
    quotes: bool,

    /// Read Parquet columns of bytes as UTF-8 text, which is how some programs write text.
    #[arg(long)]
    binary_as_text: bool,
}

/// The columns of one `--columns`.
#[derive(Debug, Clone)]
struct Columns(Vec<TextColumn>);

impl Columns {
    fn parse(list: &str) -> Result<Self, CorpusError> {
        TextColumn::parse_list(list).map(Self)
    }
}

impl InputArgs {
    pub(crate) fn options(&self) -> ReadOptions {
        let mut options = ReadOptions::default()
            .with_text(self.columns.iter().flat_map(|columns| columns.0.clone()))
            .with_separator(self.separator.clone());
        options.id.clone_from(&self.id_column);
        options.format = self.input_format;
        if self.no_header {
            options = options.with_header(Header::Absent);
        }
        if self.no_quotes {
            options = options.with_quoting(Quoting::None);
        }
        if self.quotes {
            options = options.with_quoting(Quoting::Double);
        }
        if self.binary_as_text {
            options = options.with_binary_columns(BinaryColumns::Text);
        }
        options
    }
}

/// What to keep of each vector.
#[derive(Debug, clap::Args)]
pub(crate) struct VectorArgs {
    /// Keep only the N largest weights of each text.
    #[arg(long, value_name = "N")]
    pub(crate) max_active_dims: Option<NonZeroUsize>,

    /// Drop weights below W. This and the next two options are applied in this order, before
    /// --max-active-dims.
    #[arg(long, value_name = "W")]
    pub(crate) min_weight: Option<f32>,

    /// Drop weights below this ratio (0 to 1) of the text's largest weight.
    #[arg(long, value_name = "RATIO")]
    pub(crate) max_ratio: Option<f32>,

    /// Keep the largest weights that together reach this share (0 to 1) of the text's sum.
    #[arg(long, value_name = "SHARE")]
    pub(crate) mass_share: Option<f32>,

    /// Cut texts to N tokens, including special tokens [default: what the model allows].
    #[arg(long, value_name = "N")]
    pub(crate) max_seq_length: Option<usize>,
}

impl VectorArgs {
    /// What of a corpus's settings these options decide.
    pub(crate) fn settings(&self) -> VectorSettings {
        let mut settings = VectorSettings::default();
        settings.max_active_dims = self.max_active_dims;
        settings.min_weight = self.min_weight;
        settings.max_ratio = self.max_ratio;
        settings.mass_share = self.mass_share;
        settings.max_seq_length = self.max_seq_length;
        settings
    }
}

/// Which prompt and route texts get.
#[derive(Debug, clap::Args)]
pub(crate) struct PromptArgs {
    /// Encode as queries or as documents: uses the checkpoint's prompt and route of that name.
    /// Other routes of a router can be named too; any other name is refused.
    #[arg(long, value_name = "query|document")]
    pub(crate) task: Option<String>,

    /// Put this text before each text, whatever the checkpoint says.
    #[arg(long, value_name = "TEXT", conflicts_with = "prompt_name")]
    pub(crate) prompt: Option<String>,

    /// Put the checkpoint's prompt of this name before each text.
    #[arg(long, value_name = "NAME")]
    pub(crate) prompt_name: Option<String>,
}

/// Where and how the model runs.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Where the model runs: cpu (ndarray or flex), cuda, vulkan, metal (or mps), wgpu or auto; a
    /// card by its number: cuda:1. `splade devices` lists what this machine has. Several devices,
    /// separated by commas or given one by one, share the texts: cpu,cpu.
    #[arg(long, value_name = "DEVICE", value_delimiter = ',', default_value = "cpu")]
    pub(crate) device: Vec<Device>,

    /// With several devices, texts that one of them takes at a time [default: a tenth of its share,
    /// at most 5000].
    #[arg(long, value_name = "N")]
    pub(crate) chunk_size: Option<NonZeroUsize>,

    /// Tokens per forward pass [default: 4096 on a CPU, shared by parallel passes, and 16384 on a
    /// GPU]. More tokens need more memory.
    #[arg(long, value_name = "N")]
    pub(crate) batch_tokens: Option<NonZeroUsize>,

    /// Precision of layers, word embeddings and decoder: f32, bf16, f16 (GPU only) or int8 (CPU
    /// only). Lower ones need less memory, change vectors a little, and are as fast or faster;
    /// `splade info` says how much faster on this CPU.
    #[arg(long, value_name = "PRECISION", default_value_t)]
    pub(crate) precision: Precision,

    /// CPU instructions to use at most, such as avx2: to compare them, and to find faults. `splade
    /// info` prints their names [default: the best of this CPU].
    #[arg(long, value_name = "NAME")]
    pub(crate) isa: Option<Isa>,

    /// Kernels that multiply in f16 and bf16 on a GPU: cubecl; hopper, our own for H100 and H200,
    /// which is checked when the model is loaded; auto, hopper where it can run.
    #[arg(long, value_name = "KERNELS", default_value_t)]
    pub(crate) gpu_products: GpuProducts,

    /// CPU threads, shared by all devices [default: one per core].
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,

    #[command(flatten)]
    pub(crate) hub: HubArgs,

    /// No progress bar and no summary on standard error.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// How to fetch a model from the hub. HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_ENDPOINT and
/// HF_HUB_OFFLINE mean the same as in Python.
#[derive(Debug, clap::Args)]
pub(crate) struct HubArgs {
    /// Branch, tag or commit of a model on the hub [default: main].
    #[cfg(feature = "hub")]
    #[arg(long, value_name = "REVISION")]
    pub(crate) revision: Option<String>,

    /// Folder for models from the hub [default: that of Python's huggingface_hub].
    #[cfg(feature = "hub")]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// Never contact the hub: the model must be a folder or in the cache.
    #[cfg(feature = "hub")]
    #[arg(long)]
    pub(crate) offline: bool,
}
