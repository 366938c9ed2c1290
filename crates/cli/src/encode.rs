//! `splade encode`: loads the model, then shows texts or streams a file.

use splade::{EncodeOptions, Pruning, SparseEncoder, SparseError};

use crate::args::EncodeArgs;
use crate::error::CliError;
use crate::{show, stream};

pub(crate) fn run(args: &EncodeArgs) -> Result<(), CliError> {
    let encoder = load(args)?;
    let mut options = match args.task.as_deref() {
        None => EncodeOptions::default(),
        Some("query") => EncodeOptions::query(),
        Some("document") => EncodeOptions::document(),
        Some(route) => EncodeOptions::default().with_task(route),
    };
    options.max_active_dims = args.max_active_dims;
    options.pruning = pruning(args).map_err(CliError::Pruning)?;
    options.prompt = args.prompt.clone();
    options.prompt_name = args.prompt_name.clone().or(options.prompt_name);
    if let Some(tokens) = args.batch_tokens {
        options.max_batch_tokens = tokens;
    }
    match &args.input {
        None => show::texts(&encoder, &options, args),
        Some(input) => stream::file(&encoder, &options, input, args),
    }
}

fn pruning(args: &EncodeArgs) -> Result<Pruning, SparseError> {
    let mut pruning = Pruning::default();
    if let Some(weight) = args.min_weight {
        pruning = pruning.with_minimum_weight(weight)?;
    }
    if let Some(ratio) = args.max_ratio {
        pruning = pruning.with_max_ratio(ratio)?;
    }
    if let Some(share) = args.mass_share {
        pruning = pruning.with_mass_share(share)?;
    }
    Ok(pruning)
}

fn load(args: &EncodeArgs) -> Result<SparseEncoder, CliError> {
    let mut builder = SparseEncoder::builder().device(args.device.clone());
    if let Some(threads) = args.threads {
        builder = builder.threads(threads);
    }
    if let Some(max_seq_length) = args.max_seq_length {
        builder = builder.max_seq_length(max_seq_length);
    }
    let error = |source| CliError::Load { model: args.model.clone(), source: Box::new(source) };
    builder.load(&args.model).map_err(error)
}
