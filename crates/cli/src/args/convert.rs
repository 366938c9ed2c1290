//! Arguments of `splade convert`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use splade::SimilarityFunction;
use splade::save::WeightDtype;

use super::HubArgs;

/// Save a model as a folder that sentence-transformers 6.2 loads to the same vectors.
///
/// Accepts any model that can be loaded: a plain masked-LM folder, old class names,
/// pytorch_model.bin, sharded weights, a router, a CSR model. It is loaded first, so a broken model
/// is not converted. The folder appears whole or not at all.
#[derive(Debug, clap::Args)]
pub(crate) struct ConvertArgs {
    /// The model: a folder, or an id on the Hugging Face hub (naver/splade-v3).
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// Folder to write.
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: PathBuf,

    /// Data type of the weights: f32, f16 or bf16 [default: that of each weight in the model]. A
    /// weight too large for f16 is an error.
    #[arg(long, value_name = "TYPE")]
    pub(crate) dtype: Option<WeightDtype>,

    /// Replace an existing folder, if it holds a model.
    #[arg(long)]
    pub(crate) overwrite: bool,

    /// Save the model with this limit of tokens, including special tokens [default: its own].
    #[arg(long, value_name = "N")]
    pub(crate) max_seq_length: Option<usize>,

    /// Save the model with this limit of weights per text [default: its own].
    #[arg(long, value_name = "N")]
    pub(crate) max_active_dims: Option<NonZeroUsize>,

    /// Save the model with this similarity function: dot, cosine, euclidean or manhattan [default:
    /// its own].
    #[arg(long, value_name = "FUNCTION")]
    pub(crate) similarity: Option<SimilarityFunction>,

    /// Save the model with this prompt, replacing its own of the same name: query='query: '. Can be
    /// given several times.
    #[arg(long, value_name = "NAME=TEXT", value_parser = prompt)]
    pub(crate) prompt: Vec<(String, String)>,

    #[command(flatten)]
    pub(crate) hub: HubArgs,

    /// No progress bar and no summary on standard error.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

fn prompt(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((name, text)) if !name.is_empty() => Ok((name.to_owned(), text.to_owned())),
        _ => Err("expected a name, `=` and a text".to_owned()),
    }
}
