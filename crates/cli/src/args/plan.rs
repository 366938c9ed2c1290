//! Arguments of `splade plan`.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use splade::corpus::{Compression, VectorFormat};

use super::encode::compression;
use super::{InputArgs, PromptArgs, VectorArgs};

/// Divide a corpus into units, which many processes or machines encode (`splade encode-part`).
///
/// Needs no model. The files are read once, and must be at the same path on every machine, as is
/// the folder of the parts. `splade finish` then makes of the parts what one run of `splade encode`
/// would have made.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// Files of texts, or folders of them: see `splade encode --input`. One big file is best not
    /// compressed: a unit of a compressed file reads all that is before it.
    #[arg(value_name = "INPUT", required = true)]
    pub(crate) input: Vec<PathBuf>,

    /// Folder for the plan and the parts.
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: PathBuf,

    /// Rows of each part. A unit should take a minute or two: 10,000 rows on two cores, 250,000 on
    /// a large GPU.
    #[arg(long, value_name = "N", default_value = "10000")]
    pub(crate) rows_per_part: NonZeroU64,

    #[command(flatten)]
    pub(crate) texts_in: InputArgs,

    /// Refuse duplicate ids.
    #[arg(long)]
    pub(crate) unique_ids: bool,

    /// Format of the parts: jsonl, parquet, npz, anserini or tokens, see `splade encode`.
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    pub(crate) format: VectorFormat,

    /// Compression of parts: none, gzip or zstd (not for Parquet, which is compressed internally).
    #[arg(long, value_name = "KIND", default_value = "none", value_parser = compression)]
    pub(crate) compress: Compression,

    /// With --format anserini, the factor that weights are multiplied by before rounding.
    #[arg(long, value_name = "N", default_value = "100")]
    pub(crate) quantization_factor: NonZeroU32,

    /// Write the tokens too: "tokens": {"token": weight, ...}, the heaviest first.
    #[arg(long)]
    pub(crate) decode: bool,

    #[command(flatten)]
    pub(crate) prompts: PromptArgs,

    #[command(flatten)]
    pub(crate) vectors: VectorArgs,

    /// No progress bar and no summary on standard error.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
