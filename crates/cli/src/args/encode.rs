//! Arguments of `splade encode`.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use splade::corpus::{Compression, VectorFormat};

use super::{InputArgs, PromptArgs, RunArgs, VectorArgs};

/// Turn texts into sparse vectors.
///
/// With TEXTs, shows each one's heaviest tokens and how well the texts match. With --input, writes
/// one vector per text of the files, in order, in bounded memory. In parts (--rows-per-part), the
/// work can be killed at any moment and continued with --resume.
#[derive(Debug, clap::Args)]
pub(crate) struct EncodeArgs {
    /// The model: a folder, or an id on the Hugging Face hub (naver/splade-v3).
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// Texts to encode and show.
    #[arg(value_name = "TEXT", required_unless_present = "input", conflicts_with_all = ["input", "output"])]
    pub(crate) texts: Vec<String>,

    /// Files of texts, or folders of them: JSON lines, CSV, TSV, Parquet, or one text per line
    /// (.txt), by their extensions, all but Parquet also with .gz or .zst; `-` is standard input.
    /// If the extension is unknown, the content decides: JSON lines, Parquet, or else one text per
    /// line. Several files are read one after the other.
    #[arg(short, long, value_name = "FILE", num_args = 1..)]
    pub(crate) input: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) texts_in: InputArgs,

    /// Refuse duplicate ids before anything is encoded (in a pipe, when the second one is read).
    /// Without this option they are reported, and both records are encoded.
    #[arg(long, requires = "input")]
    pub(crate) unique_ids: bool,

    /// File to write, whole or not at all; `-` is standard output. With --rows-per-part, --resume
    /// or a trailing slash, a folder of parts with a manifest.
    #[arg(short, long, value_name = "FILE|FOLDER", default_value = "-")]
    pub(crate) output: PathBuf,

    /// jsonl: {"id", "indices", "values"} per line; parquet: columns of these names; npz: a SciPy
    /// matrix with the ids beside it, held in memory; anserini: integer weights for Anserini and
    /// Pyserini; tokens: {"id", "tokens": {token: weight}} [default: by the output's extension,
    /// else jsonl]. Line formats are compressed if the output ends in .gz or .zst.
    #[arg(long, value_name = "FORMAT", requires = "input")]
    pub(crate) format: Option<VectorFormat>,

    /// Write numbered parts of N rows each into a folder, with a manifest [default with --resume:
    /// 10000].
    #[arg(long, value_name = "N", requires = "input")]
    pub(crate) rows_per_part: Option<NonZeroU64>,

    /// Continue the parts in the output folder: nothing that is finished is done again, and the
    /// result is that of an uninterrupted run, bit for bit. Starts from scratch if there is nothing
    /// yet. The input of finished parts is read again and must have the same checksum; the rest of
    /// the input may have changed or grown, unless the work was already complete.
    #[arg(long, requires = "input")]
    pub(crate) resume: bool,

    /// Compression of parts: none, gzip or zstd (not for Parquet, which is compressed internally).
    #[arg(long, value_name = "KIND", default_value = "none", value_parser = compression, requires = "input")]
    pub(crate) compress: Compression,

    /// With --format anserini, the factor that weights are multiplied by before rounding.
    #[arg(long, value_name = "N", default_value = "100")]
    pub(crate) quantization_factor: NonZeroU32,

    /// Number of tokens to show for each TEXT.
    #[arg(long, value_name = "N", default_value = "10")]
    pub(crate) top_k: NonZeroUsize,

    /// Write the tokens too: "tokens": {"token": weight, ...}, the heaviest first.
    #[arg(long, requires = "input")]
    pub(crate) decode: bool,

    #[command(flatten)]
    pub(crate) prompts: PromptArgs,

    #[command(flatten)]
    pub(crate) vectors: VectorArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

pub(super) fn compression(name: &str) -> Result<Compression, String> {
    Compression::from_option(name).ok_or_else(|| "known are none, gzip and zstd".to_owned())
}
