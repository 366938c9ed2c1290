//! Opens a file of texts in the format given by the options, its name or its content.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::json_layout::{JsonLayout, are_objects};
use crate::numbered_lines::Lines;
use crate::stream::{self, Opened, TextStream, TextWindow};
use crate::{ColumnError, ContentProblem, CorpusError, InputError};

use super::cells::Rows;
use super::digest::{Digest, DigestedText};
use super::json::JsonRecords;
use super::plain::PlainRecords;
use super::record::FileRecords;
use super::table::TableRecords;
use super::{Absence, Header, InputFile, Quoting, ReadOptions, TextColumn, TextFormat};

/// How many bytes of plain text are checked for JSON lines.
const PLAIN_BYTES: usize = 1 << 16;

/// Opens a file, which is at `disk`. Its format comes from the options, or else its name, or else
/// its content.
pub(super) fn open(
    file: &InputFile,
    disk: &Path,
    options: &ReadOptions,
    n_bytes_read: &Arc<AtomicU64>,
    digest: &Digest,
) -> Result<Box<dyn FileRecords>, CorpusError> {
    let path = &file.path;
    let named = options.format.or_else(|| TextFormat::of_name(path));
    let mut text = match stream::open_copy(path, disk, n_bytes_read)? {
        Opened::Parquet if matches!(named, None | Some(TextFormat::Parquet)) => {
            return open_parquet(file, disk, options, n_bytes_read, digest);
        }
        Opened::Text(text) if named != Some(TextFormat::Parquet) => text,
        // Parquet is the only format of texts that is not text itself.
        other if named == Some(TextFormat::Parquet) => return Err(other.mismatch(path, "Parquet")),
        other => return Err(other.mismatch(path, "text")),
    };
    let problem = |problem| Err(CorpusError::content(path, problem));
    let format = match named {
        Some(TextFormat::JsonLines) | None => {
            let layout = text.look_until(JsonLayout::of).map_err(CorpusError::read(path))?;
            if let Some(found) = layout.problem() {
                return problem(found);
            }
            match named {
                Some(format) => format,
                None if layout == JsonLayout::Lines => TextFormat::JsonLines,
                None => TextFormat::Lines,
            }
        }
        Some(format) => format,
    };
    if format == TextFormat::Lines && options.format.is_none() {
        let found = match named {
            None => header_problem(&mut text, options),
            Some(_) => json_problem(&mut text),
        };
        if let Some(found) = found.map_err(CorpusError::read(path))? {
            return problem(found);
        }
    }
    let text: TextStream = Box::new(DigestedText::new(Box::new(text), digest));
    let table = |text, delimiter| {
        let usual = if delimiter == b',' { Quoting::Double } else { Quoting::None };
        let mut rows = Rows::new(path, text, delimiter, options.quoting.unwrap_or(usual));
        if options.text.is_empty() {
            rows.keep_quiet();
        }
        TableRecords::new(path, rows, options)
    };
    Ok(match format {
        TextFormat::JsonLines => Box::new(JsonRecords::new(Lines::new(path, text), options)),
        TextFormat::Csv => Box::new(table(text, b',')?),
        TextFormat::Tsv => Box::new(table(text, b'\t')?),
        TextFormat::Lines => {
            refuse_columns(file, options)?;
            if named.is_none() && (options.header == Header::Absent || options.quoting.is_some()) {
                return problem(ContentProblem::TableOptions);
            }
            Box::new(PlainRecords::new(Lines::new(path, text)))
        }
        // PROOF: Parquet was handled above; a file opened as text has another `named` format, and
        // text without a format is lines.
        TextFormat::Parquet => unreachable!("it was opened above"),
    })
}

/// Whether a file named as plain text is JSON.
fn json_problem(text: &mut TextWindow) -> std::io::Result<Option<ContentProblem>> {
    // Far enough for a whole line, if one ends within the window.
    let has_line = text.look_until(|start| {
        let has_line = start.bytes.contains(&b'\n');
        (start.is_all || (has_line && start.bytes.len() >= PLAIN_BYTES)).then_some(has_line)
    })?;
    let is_json = match text.look_until(JsonLayout::of)? {
        JsonLayout::Lines if !has_line => true,
        layout => are_objects(text.start()) || layout.problem().is_some(),
    };
    Ok(is_json.then_some(ContentProblem::JsonAsText))
}

/// Whether the first line of supposed plain text names the requested text columns.
pub(super) fn header_problem(
    text: &mut TextWindow,
    options: &ReadOptions,
) -> std::io::Result<Option<ContentProblem>> {
    let start = text.look_until(|start| {
        let end = start.bytes.iter().position(|&byte| byte == b'\n');
        end.or(start.is_all.then_some(start.bytes.len()))
    });
    let line = start.map(|end| &text.start().bytes[..end])?;
    let Ok(line) = std::str::from_utf8(line) else { return Ok(None) };
    let is_header = |delimiter: char| {
        let cells = line.trim_end_matches('\r').split(delimiter);
        let cells: Vec<&str> = cells.map(|cell| cell.trim_matches('"')).collect();
        let is_name = |cell: &&str| !cell.is_empty() && cell.trim() == *cell;
        let has =
            |column: &TextColumn| column.names().iter().any(|name| cells.contains(&name.as_str()));
        cells.len() > 1
            && cells.iter().all(is_name)
            && options.text.iter().any(has)
            && options.text.iter().all(|column| has(column) || column.absence() == Absence::Blank)
    };
    let format =
        [('\t', "tsv"), (',', "csv")].into_iter().find(|(delimiter, _)| is_header(*delimiter));
    Ok(format.map(|(_, format)| ContentProblem::TableHeader { format }))
}

/// Refuses column options: plain text has no columns.
fn refuse_columns(file: &InputFile, options: &ReadOptions) -> Result<(), CorpusError> {
    let chosen = options.text.iter().map(TextColumn::name).filter(|column| *column != "text");
    match options.id.iter().map(String::as_str).chain(chosen).next() {
        None => Ok(()),
        Some(column) => Err(CorpusError::Columns(ColumnError::NoColumn {
            path: file.path.to_path_buf(),
            column: column.to_owned(),
            columns: Vec::new(),
        })),
    }
}

fn open_parquet(
    file: &InputFile,
    disk: &Path,
    options: &ReadOptions,
    n_bytes_read: &Arc<AtomicU64>,
    digest: &Digest,
) -> Result<Box<dyn FileRecords>, CorpusError> {
    // A stream cannot be read twice.
    if file.n_bytes.is_none() {
        let path = file.path.to_path_buf();
        return Err(CorpusError::Input(InputError::NeedsFile { path, format: "Parquet" }));
    }
    #[cfg(feature = "parquet")]
    return Ok(Box::new(super::parquet::ParquetRecords::open(
        &file.path,
        disk,
        options,
        n_bytes_read,
        digest,
    )?));
    #[cfg(not(feature = "parquet"))]
    {
        let _ = (disk, options, n_bytes_read, digest);
        Err(CorpusError::Input(InputError::NoParquet { path: file.path.to_path_buf() }))
    }
}
