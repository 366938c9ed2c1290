//! `splade export`: encoded vectors in the format that a search engine loads.

use std::path::PathBuf;

use splade::corpus::{Location, VectorReader};
use splade::export::{
    DuplicateIds, EmptyRows, Engine, ExportError, ExportOptions, ExportRow, ExportWriter, Key,
    PgvectorIndex, RankFeatureFunction,
};
use splade::{EncodeOptions, SparseEncoder};

use crate::args::ExportArgs;
use crate::error::CliError;
use crate::ids;
use crate::index::read_vectors;
use crate::model;
use crate::output::{Output, Written, cannot_write, refuse_same};
use crate::progress::file_bar;
use crate::terminal::tell;
use crate::text::thousands;

/// Rows between two updates of the progress bar.
const ROWS_PER_LOOK: u64 = 1000;

pub(crate) fn run(args: &ExportArgs) -> Result<(), CliError> {
    check_engine(args)?;
    Written::Export(args.engine).check_name(&args.output)?;
    refuse_same([args.output.as_path()], args.input.iter().map(PathBuf::as_path))?;
    let options = options(args);
    let load = |model| model::load(model, SparseEncoder::builder(), &args.hub, args.quiet);
    let encoder = args.model.as_deref().map(load).transpose()?;
    let dimension = args.dimension.or(encoder.as_ref().map(SparseEncoder::dimension));
    if args.setup {
        // The formats of other engines do not state the dimension.
        let needs_dimension = args.engine == Engine::Pgvector;
        let dimension = match dimension {
            None if needs_dimension => return Err(CliError::ExportDimension),
            dimension => dimension.unwrap_or(0),
        };
        let setup = args.engine.setup(&options, dimension).map_err(CliError::Export)?;
        return Output::write_all(&args.output, with_line_end(setup).as_bytes());
    }
    if let (Some(text), Some(encoder)) = (&args.query, &encoder) {
        let query = query(text, encoder, &options, args)?;
        return Output::write_all(&args.output, with_line_end(query).as_bytes());
    }
    if args.engine.key() == Key::Token && encoder.is_none() {
        return Err(CliError::ExportModel { engine: args.engine.name() });
    }
    let vectors = read_vectors(&args.input, dimension)?;
    #[cfg(feature = "qdrant")]
    if let Some(url) = &args.url {
        return crate::upsert::run(url, vectors, options, args);
    }
    rows(vectors, encoder.as_ref(), options, args)
}

/// Refuses an option that does not apply to the engine.
fn check_engine(args: &ExportArgs) -> Result<(), CliError> {
    #[cfg(feature = "qdrant")]
    let has_url = args.url.is_some();
    #[cfg(not(feature = "qdrant"))]
    let has_url = false;
    for (is_given, option, of) in [
        (has_url, "--url", Engine::Qdrant),
        (args.batch_rows.is_some(), "--batch-rows", Engine::Qdrant),
        (args.linear, "--linear", Engine::Elasticsearch),
        (args.hnsw, "--hnsw", Engine::Pgvector),
    ] {
        if is_given && args.engine != of {
            let (engine, of) = (args.engine.name(), of.name());
            return Err(CliError::ExportOption { option, engine, of });
        }
    }
    Ok(())
}

fn options(args: &ExportArgs) -> ExportOptions {
    let mut options = ExportOptions::default().with_name(args.name.clone());
    options.field.clone_from(&args.field);
    if let Some(batch_rows) = args.batch_rows {
        options = options.with_batch_rows(batch_rows);
    }
    if args.linear {
        options = options.with_rank_feature_function(RankFeatureFunction::Linear);
    }
    if args.hnsw {
        options = options.with_pgvector_index(PgvectorIndex::Hnsw);
    }
    if args.allow_duplicates {
        options = options.with_duplicate_ids(DuplicateIds::Write);
    }
    if let Some(empty) = args.empty {
        options = options.with_empty_rows(empty);
    }
    options
}

/// The request body or SQL that finds matches for a text.
fn query(
    text: &str,
    encoder: &SparseEncoder,
    options: &ExportOptions,
    args: &ExportArgs,
) -> Result<String, CliError> {
    let encode = encoder.encode_with(&[text], &EncodeOptions::query());
    let encoded = encode.map_err(|source| CliError::Encode(Box::new(source)))?;
    let row = encoded.embeddings.row(0);
    let tokens = encoder.decode(row, None);
    let row = ExportRow::new(1, "query").with_vector(row).with_tokens(&tokens);
    args.engine.query(options, &row, args.top_k).map_err(CliError::Export)
}

fn rows(
    mut vectors: VectorReader,
    encoder: Option<&SparseEncoder>,
    options: ExportOptions,
    args: &ExportArgs,
) -> Result<(), CliError> {
    let bar = file_bar(vectors.n_bytes(), args.quiet);
    let mut output = Output::create(&args.output)?;
    let mut writer =
        ExportWriter::new(args.engine, options, &mut output).map_err(CliError::Export)?;
    while let Some((id, row)) = vectors.next_row()? {
        // Without an engine keyed by tokens, spelling them would cost more than everything else.
        let encoder = encoder.filter(|_| args.engine.key() == Key::Token);
        let tokens = encoder.map(|encoder| encoder.decode(row.view(), None));
        let location = vectors.location();
        let mut exported = ExportRow::new(location.number(), &id).with_vector(&row);
        if let Some(tokens) = &tokens {
            exported = exported.with_tokens(tokens);
        }
        writer.write(&exported).map_err(|source| at_row(&location, &vectors, source, args))?;
        if writer.rows() % ROWS_PER_LOOK == 0 {
            bar.set_position(vectors.n_bytes_read());
            bar.set_message(format!("{} rows", thousands(writer.rows() as usize)));
        }
    }
    let (n_rows, n_empty) = (writer.rows(), writer.n_empty());
    writer.finish().map_err(|source| match source {
        ExportError::Write { source, .. } => cannot_write(&args.output, source),
        other => at(&args.output.display().to_string(), other),
    })?;
    output.finish()?;
    bar.finish_and_clear();
    if !args.quiet {
        let rows = thousands(n_rows as usize);
        tell(format!("{rows} rows for {}{}", args.engine.name(), empty_note(n_empty, args)));
    }
    Ok(())
}

/// Notes what happened to rows without weights.
pub(crate) fn empty_note(n_empty: u64, args: &ExportArgs) -> String {
    if n_empty == 0 {
        return String::new();
    }
    let rows = format!(
        "{} row{} without weights",
        thousands(n_empty as usize),
        if n_empty == 1 { "" } else { "s" }
    );
    match args.empty {
        Some(EmptyRows::Skip) => format!("; {rows} left out"),
        _ if args.engine == Engine::Milvus => format!(
            "; {rows} among them, which Milvus before 2.4.12 and milvus-lite refuse: --empty skip \
             leaves such rows out"
        ),
        _ => format!("; {rows} among them, which no search finds"),
    }
}

/// An error about a row, with its location and, for a duplicate id, that of the first row with this
/// id.
pub(crate) fn at_row(
    location: &Location,
    vectors: &VectorReader,
    source: ExportError,
    args: &ExportArgs,
) -> CliError {
    let source = match source {
        ExportError::Write { source, .. } => return cannot_write(&args.output, source),
        other => other,
    };
    let first = match &source {
        ExportError::DuplicateId { id, .. } => {
            let dimension = vectors.dimension();
            ids::locations(&args.input, Some(dimension), id).map(|(first, _)| first)
        }
        _ => None,
    };
    match first {
        None => at(&location.to_string(), source),
        Some(first) => at(&format!("{location} (its id is that of {first})"), source),
    }
}

fn at(location: &str, source: ExportError) -> CliError {
    CliError::ExportRow { location: location.to_owned(), source }
}

fn with_line_end(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
