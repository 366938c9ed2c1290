//! `splade convert`: saves any model as a folder of today's layout.

use std::path::Path;
use std::time::Instant;

use splade::save::{Existing, SaveOptions};
use splade::{SparseEncoder, SpladeError};

use crate::args::ConvertArgs;
use crate::error::CliError;
use crate::model;
use crate::terminal::tell;
use crate::text::bytes;

pub(crate) fn run(args: &ConvertArgs) -> Result<(), CliError> {
    let start = Instant::now();
    let mut builder = SparseEncoder::builder();
    if let Some(max_seq_length) = args.max_seq_length {
        builder = builder.max_seq_length(max_seq_length);
    }
    if let Some(max_active_dims) = args.max_active_dims {
        builder = builder.max_active_dims(max_active_dims);
    }
    if let Some(similarity) = args.similarity {
        builder = builder.similarity(similarity);
    }
    for (name, text) in &args.prompt {
        builder = builder.prompt(name, text);
    }
    let mut options = SaveOptions::default();
    options.dtype = args.dtype;
    if args.overwrite {
        options.existing = Existing::Replace;
    }
    let encoder = model::load(&args.model, builder, &args.hub, args.quiet)?;
    encoder.save_with(&args.output, &options).map_err(|error| match error {
        SpladeError::NotReplaced { path, why, .. } if !args.overwrite => {
            CliError::Overwrite { path, why }
        }
        other => other.into(),
    })?;
    if !args.quiet {
        tell(format!(
            "{} in {:.1} s: {}",
            encoder.summary(),
            start.elapsed().as_secs_f64(),
            bytes(size(&args.output)),
        ));
    }
    Ok(())
}

/// The size of all files below a folder; what cannot be read counts as nothing.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
