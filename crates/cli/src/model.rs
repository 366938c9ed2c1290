//! The model of a command: loaded, fetched from the hub if necessary, on one or more devices.

use std::path::Path;

use splade::corpus::TextEncoder;
use splade::{
    Device, EncodeOptions, Encoded, EncoderPool, SparseEncoder, SparseEncoderBuilder, SpladeError,
};

use crate::args::{HubArgs, RunArgs, VectorArgs};
use crate::error::CliError;

/// A model on the devices of the command line.
pub(crate) struct Model {
    pub(crate) encoder: SparseEncoder,
    /// Set if several devices share the texts.
    pool: Option<EncoderPool>,
    /// Number of devices that share the texts.
    pub(crate) n_workers: usize,
}

impl Model {
    pub(crate) fn load(name: &Path, run: &RunArgs, vectors: &VectorArgs) -> Result<Self, CliError> {
        let mut builder = builder(run);
        if let Some(max_seq_length) = vectors.max_seq_length {
            builder = builder.max_seq_length(max_seq_length);
        }
        let encoder = load(name, builder, &run.hub, run.quiet)?;
        let is_pool = run.device.len() > 1 || run.chunk_size.is_some();
        let pool = is_pool.then(|| encoder.start_pool(&run.device)).transpose();
        let pool = pool.map_err(|source| cannot_load(name, source))?;
        Ok(Self { encoder, pool, n_workers: run.device.len() })
    }

    /// Encodes the texts of the command line.
    pub(crate) fn encode_texts(
        &self,
        texts: &[String],
        options: &EncodeOptions,
    ) -> Result<Encoded, CliError> {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        self.texts()
            .encode_texts(&texts, options)
            .map_err(|error| CliError::Encode(Box::new(error)))
    }

    /// What encodes texts: the encoder, or a pool of several.
    pub(crate) fn texts(&self) -> &dyn TextEncoder {
        match &self.pool {
            Some(pool) => pool,
            None => &self.encoder,
        }
    }
}

/// What the options that every encoding command has say of a model.
pub(crate) fn builder(run: &RunArgs) -> SparseEncoderBuilder {
    let mut builder = SparseEncoder::builder()
        .device(first(&run.device))
        .precision(run.precision)
        .gpu_products(run.gpu_products);
    if let Some(isa) = run.isa {
        builder = builder.isa(isa);
    }
    if let Some(threads) = run.threads {
        builder = builder.threads(threads);
    }
    builder
}

/// Loads a model, with a progress bar if it must be fetched from the hub first.
pub(crate) fn load(
    name: &Path,
    builder: SparseEncoderBuilder,
    hub: &HubArgs,
    quiet: bool,
) -> Result<SparseEncoder, CliError> {
    let builder = with_hub_for(name, builder, hub, quiet)?;
    builder.load(name).map_err(|source| cannot_load(name, source))
}

/// Settles how a model is downloaded. A local model needs neither the hub nor the environment's
/// settings for it.
pub(crate) fn with_hub_for(
    name: &Path,
    builder: SparseEncoderBuilder,
    hub: &HubArgs,
    quiet: bool,
) -> Result<SparseEncoderBuilder, CliError> {
    match name.exists() {
        true => Ok(builder),
        false => with_hub(builder, hub, quiet),
    }
}

/// The options of a call, layered over those of the task.
pub(crate) fn options(
    task: EncodeOptions,
    run: &RunArgs,
    vectors: &VectorArgs,
) -> Result<EncodeOptions, CliError> {
    let mut options = task;
    options.pruning = vectors.settings().pruning().map_err(CliError::Pruning)?;
    options.chunk_size = run.chunk_size;
    if let Some(tokens) = run.batch_tokens {
        options.max_batch_tokens = Some(tokens);
    }
    Ok(options)
}

fn first(devices: &[Device]) -> Device {
    devices.first().cloned().unwrap_or_default()
}

fn cannot_load(model: &Path, source: SpladeError) -> CliError {
    CliError::Load { model: model.to_owned(), source: Box::new(source) }
}

#[cfg(feature = "hub")]
fn with_hub(
    builder: SparseEncoderBuilder,
    args: &HubArgs,
    quiet: bool,
) -> Result<SparseEncoderBuilder, CliError> {
    use splade::hub::HubOptions;
    use splade::output::escaped;

    let environment = match args.offline {
        true => HubOptions::from_env_without_token(),
        false => HubOptions::from_env(),
    };
    let mut options = environment.map_err(CliError::HubEnvironment)?;
    options.revision = args.revision.clone();
    options.cache_dir = args.cache_dir.clone().or(options.cache_dir);
    options.offline |= args.offline;
    if !quiet {
        let bar = crate::progress::download_bar();
        options = options.with_progress(move |progress| {
            bar.set_length(progress.total_bytes);
            bar.set_position(progress.n_bytes);
            bar.set_message(escaped(&progress.file).into_owned());
            if progress.n_bytes == progress.total_bytes {
                bar.finish_and_clear();
            }
        });
    }
    Ok(builder.hub(options))
}

#[cfg(not(feature = "hub"))]
fn with_hub(
    builder: SparseEncoderBuilder,
    _: &HubArgs,
    _: bool,
) -> Result<SparseEncoderBuilder, CliError> {
    Ok(builder)
}
