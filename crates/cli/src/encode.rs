//! `splade encode`: loads the model, then shows texts or streams a file.

use splade::{EncodeOptions, SparseEncoder};

use crate::args::EncodeArgs;
use crate::error::CliError;
use crate::{show, stream};

pub(crate) fn run(args: &EncodeArgs) -> Result<(), CliError> {
    let encoder = load(args)?;
    let mut options = EncodeOptions::default();
    options.max_active_dims = args.max_active_dims;
    if let Some(tokens) = args.batch_tokens {
        options.max_batch_tokens = tokens;
    }
    match &args.input {
        None => show::texts(&encoder, &options, args),
        Some(input) => stream::file(&encoder, &options, input, args),
    }
}

fn load(args: &EncodeArgs) -> Result<SparseEncoder, CliError> {
    let mut builder = SparseEncoder::builder().device(args.device.clone());
    if let Some(threads) = args.threads {
        builder = builder.threads(threads);
    }
    if let Some(max_seq_length) = args.max_seq_length {
        builder = builder.max_seq_length(max_seq_length);
    }
    let error = |source| CliError::Load { model: args.model.clone(), source };
    builder.load(&args.model).map_err(error)
}
