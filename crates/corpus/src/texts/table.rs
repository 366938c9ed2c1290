//! CSV and TSV: the requested columns of each row.

use std::path::Path;

use crate::stream::TextStream;
use crate::{ColumnError, CorpusError, RecordError};

use super::cells::Rows;
use super::record::{FileRecord, FileRecords};
use super::{Absence, Header, ReadOptions, TextColumn};

/// The records of a table of text.
pub(crate) struct TableRecords {
    rows: Rows,
    options: ReadOptions,
    n_columns: usize,
    id: Option<usize>,
    /// The text columns; `None` for an optional one that is missing.
    text: Vec<Option<usize>>,
    /// Whether the first row is a record and has already been read.
    is_first_read: bool,
}

impl TableRecords {
    /// Reads the header and finds the columns.
    pub(crate) fn new(
        file: &Path,
        mut rows: Rows,
        options: &ReadOptions,
    ) -> Result<Self, CorpusError> {
        let has_first = rows.advance()?;
        let is_first_read = options.header == Header::Absent && has_first;
        if !has_first && options.header == Header::Names {
            return Err(CorpusError::Columns(ColumnError::NoHeader { path: file.to_owned() }));
        }
        let n_columns = rows.n_cells();
        let mut names = Vec::with_capacity(n_columns);
        for i in 0..n_columns {
            names.push(match options.header {
                Header::Names => rows.cell(i)?.to_owned(),
                Header::Absent => (i + 1).to_string(),
            });
        }
        // An empty file without a header has neither columns nor a record that lacks one.
        let (id, text) =
            if has_first { find_columns(file, &names, options)? } else { (None, Vec::new()) };
        Ok(Self { rows, options: options.clone(), n_columns, id, text, is_first_read })
    }

    fn advance(&mut self) -> Result<bool, CorpusError> {
        if std::mem::take(&mut self.is_first_read) {
            return Ok(true);
        }
        if !self.rows.advance()? {
            return Ok(false);
        }
        let (found, expected) = (self.rows.n_cells(), self.n_columns);
        if found != expected {
            let hint = match self.rows.has_bare_quotes() {
                true => "; if quotes enclose cells in this file, say `--quotes`",
                false => "",
            };
            return Err(CorpusError::Record(RecordError::RaggedRow {
                location: self.rows.location(),
                found,
                expected,
                hint,
            }));
        }
        Ok(true)
    }
}

impl FileRecords for TableRecords {
    fn has_ids(&self) -> bool {
        self.id.is_some()
    }

    fn next_record(&mut self) -> Result<Option<FileRecord>, CorpusError> {
        if !self.advance()? {
            return Ok(None);
        }
        let id = self.id.map(|column| self.rows.cell(column).map(str::to_owned)).transpose()?;
        let mut cells = Vec::with_capacity(self.text.len());
        for &column in &self.text {
            cells.push(column.map_or(Ok(""), |column| self.rows.cell(column))?);
        }
        let text = self.options.join(cells.into_iter());
        Ok(Some(FileRecord { id, text, location: self.rows.location() }))
    }

    fn skip_records(&mut self, n: u64) -> Result<u64, CorpusError> {
        for skipped in 0..n {
            if !self.advance()? {
                return Ok(skipped);
            }
        }
        Ok(n)
    }

    fn line(&self) -> u64 {
        self.rows.n_lines()
    }

    fn jump(&mut self, _: u64, line: u64, text: Option<TextStream>) -> bool {
        let Some(text) = text else { return false };
        self.is_first_read = false;
        self.rows.jump(line, text);
        true
    }
}

/// The columns of the id, if there is one, and of the text; `None` for an optional one that is
/// missing.
pub(crate) fn find_columns(
    path: &Path,
    names: &[String],
    options: &ReadOptions,
) -> Result<(Option<usize>, Vec<Option<usize>>), CorpusError> {
    let find = |column: &str| {
        let mut positions = (0..names.len()).filter(|&i| names[i] == column);
        let position = positions.next();
        if positions.next().is_some() {
            return Err(CorpusError::Columns(ColumnError::ColumnTwice {
                path: path.to_owned(),
                column: column.to_owned(),
            }));
        }
        Ok(position)
    };
    let missing = |column: &str| {
        CorpusError::Columns(ColumnError::NoColumn {
            path: path.to_owned(),
            column: column.to_owned(),
            columns: names.to_vec(),
        })
    };
    let id = match &options.id {
        Some(column) => Some(find(column)?.ok_or_else(|| missing(column))?),
        None => match (find("id")?, find("_id")?) {
            (Some(_), Some(_)) => {
                let (path, column) = (path.to_owned(), "id` and `_id".to_owned());
                return Err(CorpusError::Columns(ColumnError::ColumnTwice { path, column }));
            }
            (id, underscore_id) => id.or(underscore_id),
        },
    };
    let find_text = |column: &TextColumn| {
        let mut position = None;
        for name in column.names() {
            let Some(found) = find(name)? else { continue };
            if let Some(first) = position.replace(found) {
                return Err(CorpusError::Columns(ColumnError::AmbiguousColumn {
                    path: path.to_owned(),
                    first: names[first].clone(),
                    second: name.clone(),
                }));
            }
        }
        match (position, column.absence()) {
            (None, Absence::Refused) => Err(missing(column.name())),
            (position, _) => Ok(position),
        }
    };
    let text: Vec<_> = options.text.iter().map(find_text).collect::<Result<_, _>>()?;
    match options.text.first() {
        Some(column) if text.iter().all(Option::is_none) => Err(missing(column.name())),
        _ => Ok((id, text)),
    }
}
