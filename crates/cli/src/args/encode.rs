//! Arguments of `splade encode`.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use splade::corpus::{Compression, VectorFormat};

use super::{InputArgs, RunArgs, VectorArgs};

/// Turn texts into sparse vectors.
///
/// With TEXTs, shows each one's heaviest tokens and how well the texts match. With --input, writes
/// one vector for each text of the files, in their order, in memory that does not grow with them. In
/// parts (--rows-per-part), the work can be killed at any moment and taken up again with --resume.
#[derive(Debug, clap::Args)]
pub(crate) struct EncodeArgs {
    /// The model: a folder, or an id on the Hugging Face hub (naver/splade-v3).
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// Texts to encode and show.
    #[arg(value_name = "TEXT", required_unless_present = "input", conflicts_with_all = ["input", "output"])]
    pub(crate) texts: Vec<String>,

    /// Files of texts, or folders of them: JSON lines, CSV, TSV, Parquet, or a text a line (.txt), by
    /// their endings, each but Parquet also with .gz or .zst; `-` is standard input. Where the ending
    /// says nothing, the content does: JSON lines, Parquet, else a text a line. Several are read one
    /// after the other.
    #[arg(short, long, value_name = "FILE", num_args = 1..)]
    pub(crate) input: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) texts_in: InputArgs,

    /// Refuse an id that is there twice, before anything is encoded (of a pipe, when it comes again).
    /// Without this it is told, and both records are encoded.
    #[arg(long, requires = "input")]
    pub(crate) unique_ids: bool,

    /// File to write, whole or not at all; `-` is standard output. With --rows-per-part, --resume or
    /// a slash at the end, a folder of parts with a manifest.
    #[arg(short, long, value_name = "FILE|FOLDER", default_value = "-")]
    pub(crate) output: PathBuf,

    /// jsonl: {"id", "indices", "values"} a line; parquet: columns of these names; npz: a matrix for
    /// SciPy with the ids beside it, held in memory; anserini: integer weights for Anserini and
    /// Pyserini; tokens: {"id", "tokens": {token: weight}} [default: by the output's ending, else
    /// jsonl]. Lines are compressed where the output ends in .gz or .zst.
    #[arg(long, value_name = "FORMAT", requires = "input")]
    pub(crate) format: Option<VectorFormat>,

    /// Write numbered parts of N rows each into a folder, with a manifest [default with --resume:
    /// 10000].
    #[arg(long, value_name = "N", requires = "input")]
    pub(crate) rows_per_part: Option<NonZeroU64>,

    /// Go on with the parts in the output folder: nothing that is finished is done again, and the
    /// result is that of an uninterrupted run, bit for bit. Begins where there is nothing yet. What was
    /// read for finished parts is read again and must have the same checksum; the rest of the input may
    /// have changed or grown, but not once all is complete.
    #[arg(long, requires = "input")]
    pub(crate) resume: bool,

    /// Compress parts: none, gzip or zstd (not Parquet, which is compressed inside).
    #[arg(long, value_name = "KIND", default_value = "none", value_parser = compression, requires = "input")]
    pub(crate) compress: Compression,

    /// With --format anserini, what weights are multiplied by before they are rounded.
    #[arg(long, value_name = "N", default_value = "100")]
    pub(crate) quantization_factor: NonZeroU32,

    /// Tokens to show of each TEXT.
    #[arg(long, value_name = "N", default_value = "10")]
    pub(crate) top_k: NonZeroUsize,

    /// Write the tokens too: "tokens": {"token": weight, ...}, the heaviest first.
    #[arg(long, requires = "input")]
    pub(crate) decode: bool,

    /// Encode as queries or as documents: the checkpoint's prompt and route of that name. Other
    /// routes of a router may be named too; any other name is refused.
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

fn compression(name: &str) -> Result<Compression, String> {
    match name {
        "none" => Ok(Compression::None),
        "gzip" => Ok(Compression::Gzip),
        "zstd" => Ok(Compression::Zstd),
        _ => Err("known are none, gzip and zstd".to_owned()),
    }
}
