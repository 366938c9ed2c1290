//! `splade encode`: loads the model, then shows texts or streams files into files.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use serde_json::Value;
use splade::EncodeOptions;
use splade::corpus::{
    Compression, CorpusOptions, CorpusReader, DuplicateId, Machine, PartsOptions, PartsWriter,
    Resumed, VectorFormat, VectorOptions, VectorSink, VectorWriter, encode_corpus, is_object_name,
};
use splade::output::escaped;

use crate::args::EncodeArgs;
use crate::error::CliError;
use crate::ids;
use crate::model::{self, Model};
use crate::output::{Output, Written, refuse_same};
use crate::show;
use crate::stream::{self, ReadBar, Summary};
use crate::terminal;
use crate::text::thousands;

/// Default number of rows per part.
const ROWS_PER_PART: NonZeroU64 = NonZeroU64::new(10_000).expect("not zero");

pub(crate) fn run(args: &EncodeArgs) -> Result<(), CliError> {
    let format = args.format.unwrap_or_else(|| VectorFormat::of_name(&args.output));
    if args.decode && !format.takes_tokens() {
        return Err(CliError::NoTokens { format: format.name() });
    }
    if is_object_name(&args.output) {
        return Err(CliError::ObjectOutput { path: args.output.clone() });
    }
    let in_parts = is_in_parts(args);
    if !in_parts {
        Written::Vectors(format).check_name(&args.output)?;
        refuse_same([args.output.as_path()], args.input.iter().map(PathBuf::as_path))?;
    }
    if in_parts && args.output.as_os_str() == "-" {
        return Err(CliError::PartsToStream);
    }
    if !in_parts && args.compress != Compression::None {
        return Err(CliError::CompressFile);
    }
    // Before the model is loaded, so that a missing file is reported at once.
    let reader = (!args.input.is_empty()).then(|| stream::open(&args.input, &args.texts_in));
    let mut reader = reader.transpose()?;
    if !in_parts && reader.is_some() {
        Output::check(&args.output)?;
    }
    if let Some(reader) = &mut reader {
        look_through_ids(reader, args)?;
    }
    let model = Model::load(&args.model, &args.run, &args.vectors)?;
    let task = match args.prompts.task.as_deref() {
        None => EncodeOptions::default(),
        Some("query") => EncodeOptions::query(),
        Some("document") => EncodeOptions::document(),
        Some(route) => own_task(&model, route)?,
    };
    let mut options = model::options(task, &args.run, &args.vectors)?;
    options.prompt = args.prompts.prompt.clone();
    options.prompt_name = args.prompts.prompt_name.clone().or(options.prompt_name);
    let Some(reader) = reader else { return show::texts(&model, &options, args) };

    let mut windows = stream::windows(&model, &args.run);
    if in_parts {
        windows.boundary = NonZeroUsize::try_from(rows_per_part(args)).ok();
    }
    let mut options = CorpusOptions::default().with_encode(options).with_windows(windows);
    if args.decode || format.needs_tokens() {
        options = options.with_tokens_of(&model.encoder);
    }
    let vectors = VectorOptions::new(format, model.encoder.dimension())
        .with_quantization_factor(args.quantization_factor);
    match in_parts {
        true => to_parts(&model, &options, reader, vectors, args),
        false => {
            let mut output = VectorWriter::create(&args.output, &vectors)?;
            let summary = encode(&model, &options, reader, &mut output, args)?;
            output.finish()?;
            summary.tell();
            Ok(())
        }
    }
}

/// Reports or refuses a duplicate id.
fn look_through_ids(reader: &mut CorpusReader, args: &EncodeArgs) -> Result<(), CliError> {
    let (search, quiet) = (ids::search_beside(&args.output, reader), args.run.quiet);
    if args.unique_ids {
        return ids::refuse_duplicates(reader, &search, &args.input, &args.texts_in, quiet);
    }
    if quiet {
        return Ok(());
    }
    if let Some(found) = ids::find(reader, &search, &args.input, &args.texts_in, quiet)? {
        let DuplicateId { id, first, second, .. } = found;
        let message = format!(
            "{second}: the id `{id}` already occurs in {first}; each record gets its row, but \
             index, search, evaluate and export need ids that differ (--unique-ids stops here)"
        );
        tell(args, &escaped(&message));
    }
    Ok(())
}

/// The options for a task that the model has. A model without routes would silently ignore an
/// unknown name.
fn own_task(model: &Model, task: &str) -> Result<EncodeOptions, CliError> {
    let known: Vec<&str> = model.encoder.tasks().collect();
    match known.contains(&task) {
        true => Ok(EncodeOptions::default().with_task(task)),
        false => {
            let own = known.iter().filter(|name| !["query", "document"].contains(name));
            let own = own.map(|name| format!(", `{name}`")).collect();
            Err(CliError::UnknownTask { task: task.to_owned(), own })
        }
    }
}

fn is_in_parts(args: &EncodeArgs) -> bool {
    let is_folder =
        args.output.is_dir() || args.output.as_os_str().to_string_lossy().ends_with('/');
    args.rows_per_part.is_some() || args.resume || (is_folder && !args.input.is_empty())
}

fn to_parts(
    model: &Model,
    options: &CorpusOptions<'_>,
    mut reader: CorpusReader,
    vectors: VectorOptions,
    args: &EncodeArgs,
) -> Result<(), CliError> {
    let mut parts = PartsOptions::new(vectors)
        .with_compression(args.compress)
        .with_settings(settings(model, &options.encode, &reader, args)?);
    parts.rows_per_part = rows_per_part(args);
    let mut output = match args.resume {
        false => PartsWriter::create(&args.output, parts)?,
        true => match PartsWriter::resume(&args.output, parts)? {
            Resumed::Unfinished(output) => *output,
            Resumed::Complete(manifest) => {
                reader.check_done(&manifest)?;
                let rows = thousands(manifest.rows as usize);
                let folder = args.output.display().to_string();
                tell(args, &format!("{} is complete: {rows} texts", escaped(&folder)));
                return Ok(());
            }
        },
    };
    if output.n_rows() > 0 {
        reader.skip_done(output.manifest())?;
        tell(args, &format!("{} texts are already done", thousands(output.n_rows() as usize)));
    }
    let summary = encode(model, options, reader, &mut output, args)?;
    output.finish()?;
    summary.tell();
    Ok(())
}

fn encode(
    model: &Model,
    options: &CorpusOptions<'_>,
    reader: CorpusReader,
    output: &mut dyn VectorSink,
    args: &EncodeArgs,
) -> Result<Summary, CliError> {
    let bar = ReadBar::new(&reader, args.run.quiet);
    let on_window = |totals: &splade::corpus::StreamTotals| bar.show(totals.n_texts);
    let totals = encode_corpus(model.texts(), options, reader, output, on_window)?;
    Ok(bar.finish(&totals, &model.encoder, &args.run))
}

fn rows_per_part(args: &EncodeArgs) -> NonZeroU64 {
    args.rows_per_part.unwrap_or(ROWS_PER_PART)
}

/// Everything that must be equal for a text to get the same vector, bit for bit.
fn settings(
    model: &Model,
    options: &EncodeOptions,
    reader: &CorpusReader,
    args: &EncodeArgs,
) -> Result<Value, CliError> {
    let (run, encoder) = (&args.run, &model.encoder);
    let mut vectors = args.vectors.settings();
    vectors.tokens = args.decode;
    let describe =
        |source| CliError::Describe { model: args.model.clone(), source: Box::new(source) };
    let settings = vectors.describe(encoder, options, reader.settings()).map_err(describe)?;
    // A manifest has less of the machine than a receipt.
    let mut machine = Machine::new(args.model.to_string_lossy(), run.precision.to_string(), "", 0);
    machine.isa = encoder.isa().map(|isa| isa.to_string());
    machine.devices = run.device.iter().map(ToString::to_string).collect();
    machine.batch_tokens = run.batch_tokens.map(|tokens| tokens.get() as u64);
    machine.chunk_size = run.chunk_size.map(|texts| texts.get() as u64);
    Ok(Machine::manifest_settings(&settings, [&machine]))
}

fn tell(args: &EncodeArgs, what: &str) {
    if !args.run.quiet {
        terminal::tell(what);
    }
}
