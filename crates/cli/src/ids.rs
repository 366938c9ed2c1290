//! Duplicate ids, reported with both locations, before texts are encoded if the files allow it.

use std::fs;
use std::path::{Path, PathBuf};

use splade::corpus::{
    CorpusError, CorpusReader, DuplicateId, IdSearch, Location, Locations, Record, RecordError,
};
use splade::evaluate::EvaluateError;
use splade::index::IndexError;
use splade::output::folder_of;

use crate::args::InputArgs;
use crate::error::CliError;
use crate::index::read_vectors;
use crate::progress::file_bar;

/// Refuses duplicate ids: now if the files can be read twice, and otherwise when the second record
/// is read.
pub(crate) fn refuse_duplicates(
    reader: &mut CorpusReader,
    search: &IdSearch,
    paths: &[PathBuf],
    args: &InputArgs,
    quiet: bool,
) -> Result<(), CliError> {
    match reader.n_bytes() {
        None => reader.refuse_duplicate_ids(),
        Some(_) => {
            if let Some(found) = find(reader, search, paths, args, quiet)? {
                return Err(CorpusError::from(found).into());
            }
        }
    }
    Ok(())
}

/// The first duplicate id among files that can be read twice; others are not checked.
pub(crate) fn find(
    reader: &CorpusReader,
    search: &IdSearch,
    paths: &[PathBuf],
    args: &InputArgs,
    quiet: bool,
) -> Result<Option<DuplicateId>, CliError> {
    let Some(n_bytes) = reader.n_bytes() else { return Ok(None) };
    let bar = file_bar(Some(n_bytes), quiet);
    bar.set_message("checking the ids");
    let found = search.find(paths, &args.options(), |n_bytes| bar.set_position(n_bytes));
    bar.finish_and_clear();
    Ok(found?)
}

/// The first and second location of an id among vectors; `None` if the files cannot be read twice.
pub(crate) fn locations(
    paths: &[PathBuf],
    dimension: Option<usize>,
    id: &str,
) -> Option<(Location, Location)> {
    let is_there = |path: &PathBuf| path.is_file() || path.is_dir();
    if !paths.iter().all(is_there) {
        return None;
    }
    let mut vectors = read_vectors(paths, dimension).ok()?;
    let mut first = None;
    while let Ok(Some((found, _))) = vectors.next_row() {
        if found == id {
            match first {
                None => first = Some(vectors.location()),
                Some(first) => return Some((first, vectors.location())),
            }
        }
    }
    None
}

/// An error of building an index, with document numbers replaced by files and lines.
pub(crate) fn with_locations(error: IndexError, locations: &Locations) -> CliError {
    let IndexError::DuplicateId { id, first, second, .. } = &error else { return error.into() };
    let location = |document: &usize| locations.get(*document as u64);
    match (location(first), location(second)) {
        (Some(first), Some(second)) => {
            CorpusError::Record(RecordError::DuplicateId { id: id.clone(), first, second }).into()
        }
        _ => error.into(),
    }
}

/// Refuses an id that a TREC run cannot hold when it is read, not when the run is written.
pub(crate) fn check_for_run(
    record: &Record,
    check: fn(&str) -> Result<(), EvaluateError>,
) -> Result<(), CliError> {
    let location = || record.location.to_string();
    check(&record.id).map_err(|source| CliError::RunId { location: location(), source })
}

/// How to search for duplicate ids in texts that are encoded to `output`: in bounded memory.
pub(crate) fn search_beside(output: &Path, reader: &CorpusReader) -> IdSearch {
    // Scratch files cannot lie beside a device.
    let is_stream = output.as_os_str() == "-"
        || fs::metadata(output).is_ok_and(|found| !found.is_file() && !found.is_dir());
    let folder = if output.is_dir() { output } else { folder_of(output) };
    let search = match folder.is_dir() && !is_stream {
        true => IdSearch::with_scratch(folder),
        false => IdSearch::with_scratch(std::env::temp_dir()),
    };
    search.with_remote(reader.remote())
}
