//! Arguments of `splade index`.

use std::path::PathBuf;

use splade::index::WeightFormat;

/// Build an inverted index on disk from encoded vectors, for `splade search --index`.
///
/// Reads what `splade encode` writes (JSON lines, Parquet, .npz, a folder of parts), in bounded
/// memory. The index appears whole or not at all.
#[derive(Debug, clap::Args)]
pub(crate) struct IndexArgs {
    /// Files of vectors, or folders of parts.
    #[arg(short, long, value_name = "FILE", num_args = 1.., required = true)]
    pub(crate) input: Vec<PathBuf>,

    /// Index to write.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,

    /// Dimension of the vectors, if the files do not state it (JSON lines outside a folder of
    /// parts): the size of the model's vocabulary, as shown by `splade info`.
    #[arg(long, value_name = "N")]
    pub(crate) dimension: Option<usize>,

    /// How to store weights: f32 exactly; f16 or u8 rounded, which is smaller.
    #[arg(long, value_name = "FORMAT", default_value = "f32", value_parser = weights)]
    pub(crate) weights: WeightFormat,

    /// Memory for postings before they spill to temporary files, in MiB.
    #[arg(long, value_name = "MIB", default_value = "256")]
    pub(crate) memory: usize,

    /// Read the finished index again and check it.
    #[arg(long)]
    pub(crate) verify: bool,

    /// No progress bar and no summary on standard error.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

fn weights(name: &str) -> Result<WeightFormat, String> {
    match name {
        "f32" => Ok(WeightFormat::F32),
        "f16" => Ok(WeightFormat::F16),
        "u8" => Ok(WeightFormat::U8),
        _ => Err("known are f32, f16 and u8".to_owned()),
    }
}
