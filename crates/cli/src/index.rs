//! `splade index`: encoded vectors into an inverted index on disk.

use std::path::PathBuf;
use std::time::Instant;

use splade::corpus::{CorpusError, Locations, VectorError, VectorReadOptions, VectorReader};
use splade::index::{Index, IndexBuilder, IndexOptions};

use crate::args::IndexArgs;
use crate::error::CliError;
use crate::ids;
use crate::output::{Written, refuse_same};
use crate::progress::file_bar;
use crate::terminal::tell;
use crate::text::{bytes, thousands};

/// Rows between two updates of the progress bar.
const ROWS_PER_LOOK: usize = 1000;

pub(crate) fn run(args: &IndexArgs) -> Result<(), CliError> {
    let start = Instant::now();
    Written::Index.check_name(&args.output)?;
    refuse_same([args.output.as_path()], args.input.iter().map(PathBuf::as_path))?;
    let mut vectors = read_vectors(&args.input, args.dimension)?;
    let options = IndexOptions::default()
        .with_weight_format(args.weights)
        .with_memory_bytes(args.memory.saturating_mul(1 << 20));
    let mut builder = IndexBuilder::create(&args.output, vectors.dimension(), options)?;
    let bar = file_bar(vectors.n_bytes(), args.quiet);
    let mut n_docs = 0;
    let mut locations = Locations::default();
    while let Some((id, row)) = vectors.next_row()? {
        builder.push(&id, row.view())?;
        locations.push(vectors.location());
        n_docs += 1;
        if n_docs % ROWS_PER_LOOK == 0 {
            bar.set_position(vectors.n_bytes_read());
            bar.set_message(format!("{} documents", thousands(n_docs)));
        }
    }
    bar.set_message("merging");
    let summary = builder.finish().map_err(|error| ids::with_locations(error, &locations))?;
    if args.verify {
        bar.set_message("verifying");
        Index::open(&args.output)?.verify()?;
    }
    bar.finish_and_clear();
    if !args.quiet {
        tell(format!(
            "{} documents, {} weights of {} terms in {:.1} s: {}",
            thousands(summary.n_docs),
            thousands(summary.nnz),
            thousands(summary.n_terms),
            start.elapsed().as_secs_f64(),
            bytes(summary.file_bytes),
        ));
    }
    Ok(())
}

/// Opens files of vectors, or folders of parts.
pub(crate) fn read_vectors(
    paths: &[PathBuf],
    dimension: Option<usize>,
) -> Result<VectorReader, CliError> {
    let mut options = VectorReadOptions::default();
    options.dimension = dimension;
    VectorReader::open(paths, &options).map_err(|error| match error {
        CorpusError::Vector(VectorError::NoDimension { path, .. }) => CliError::Dimension { path },
        other => other.into(),
    })
}
