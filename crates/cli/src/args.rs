//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use splade::Device;

/// Learned sparse text vectors (SPLADE).
#[derive(Debug, Parser)]
#[command(name = "splade", version, about, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Show the stages with their times and sizes; twice shows more.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Encode(EncodeArgs),
}

/// Turn texts into sparse vectors.
///
/// With TEXTs, shows each one's heaviest tokens and how well the texts match. With --input, writes
/// one JSON line for each text of a file, in its order:
/// {"id": "...", "indices": [...], "values": [...]}.
#[derive(Debug, clap::Args)]
pub(crate) struct EncodeArgs {
    /// Folder of the model: a masked-LM checkpoint with its tokenizer, or a sentence-transformers
    /// folder (modules.json).
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) model: PathBuf,

    /// Texts to encode and show.
    #[arg(value_name = "TEXT", required_unless_present = "input", conflicts_with_all = ["input", "output"])]
    pub(crate) texts: Vec<String>,

    /// File of texts: JSON lines {"id": "...", "text": "..."} where it ends in .jsonl, else a text
    /// a line; `-` is standard input, JSON lines if its first line starts with `{`.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,

    /// File to write JSON lines to, whole or not at all; `-` is standard output.
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

    /// Tokens per forward pass [default: 4096]. More costs memory.
    #[arg(long, value_name = "N")]
    pub(crate) batch_tokens: Option<NonZeroUsize>,

    /// CPU threads [default: one per core].
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,

    /// Where the model runs: cpu, ndarray, flex, wgpu.
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub(crate) device: Device,

    /// No progress bar and no summary on standard error.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
