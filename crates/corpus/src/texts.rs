//! Texts in: the records of several files as one stream.

mod cells;
mod column;
mod digest;
mod done;
mod files;
mod format;
mod json;
mod live;
mod open;
mod options;
#[cfg(feature = "parquet")]
mod parquet;
mod plain;
mod record;
mod settings;
mod table;
mod units;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    ColumnError, CorpusError, DuplicateId, FileCopy, Location, PartsError, RecordError, RemoteFiles,
};

pub use column::{Absence, TextColumn};
pub use digest::InputSpan;
pub(crate) use files::real_path;
pub use files::{InputFile, is_object_name};
pub use format::TextFormat;
pub use live::LiveLines;
pub use options::{BinaryColumns, Header, Quoting, ReadOptions};
pub use record::Record;
pub(crate) use settings::settings;
pub use units::UnitReader;

use digest::{Digest, InputMark};
use record::FileRecords;

/// The records of one or more files, in order, one at a time.
///
/// A record without an id is named by its number in the file, from 1: `12`, or `corpus.jsonl:12` if
/// there are several files (see [`InputFile::name`]). Nothing is read twice, and no file is read
/// whole. After an error there are no further records.
pub struct CorpusReader {
    files: Vec<InputFile>,
    options: ReadOptions,
    numbered: Numbered,
    /// The file being read.
    current: Option<Current>,
    /// The next file to open.
    next_file: usize,
    n_records: u64,
    n_bytes_read: Arc<AtomicU64>,
    /// The first location of each id, if duplicates are refused.
    seen: Option<HashMap<String, Location>>,
    /// Whether a record without an id is an error.
    needs_ids: bool,
    is_over: bool,
    /// Whether a record without an id is also named by its file: if there are several files.
    names_files: bool,
    /// The place of those files that are not on the disk.
    remote: Option<Arc<dyn RemoteFiles>>,
}

/// What happens to files whose records are named by number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbered {
    Read,
    /// Skip them: only real ids are wanted.
    PassOver,
}

struct Current {
    file_idx: usize,
    name: Arc<str>,
    records: Box<dyn FileRecords>,
    /// The digest of what was read.
    digest: Digest,
    /// What was read to open the file: the header of a table, the footer of Parquet.
    opening: InputMark,
    /// The position after the last record.
    mark: InputMark,
    /// The copy that is read, of a file that is not on the disk.
    copy: Option<FileCopy>,
}

impl Current {
    /// Where the file is on the disk.
    fn disk<'a>(&'a self, path: &'a Path) -> &'a Path {
        self.copy.as_ref().map_or(path, |copy| &copy.disk)
    }
}

impl Current {
    /// Skips at most `n` records; fewer only at the end of the file.
    fn skip(&mut self, n: u64) -> Result<u64, CorpusError> {
        let skipped = self.records.skip_records(n)?;
        self.mark = self.digest.mark(self.mark.record + skipped);
        Ok(skipped)
    }
}

/// The progress of a [`CorpusReader`], for another thread.
#[derive(Debug, Clone)]
pub struct ReadProgress(Arc<AtomicU64>);

impl ReadProgress {
    /// Bytes read from the disk so far.
    #[must_use]
    pub fn n_bytes_read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl CorpusReader {
    /// Opens files and folders; `-` is standard input.
    ///
    /// The extension of a file determines its format, unless [`ReadOptions::format`] does. A folder
    /// stands for all files in it and its subfolders, by name; there an unknown extension is an
    /// error, and names that start with `.` or `_` are skipped. If the extension of a file that is
    /// named individually says nothing (or for standard input), its content decides: one object per
    /// line is JSON lines, Parquet is recognised by its first bytes, and anything else is plain
    /// text. gzip and Zstandard are recognised by their first bytes, whatever the name.
    ///
    /// # Errors
    /// A missing file, a folder without files or with one of an unknown format, a file named twice,
    /// a first file whose content contradicts its name or that lacks a column.
    pub fn open(paths: &[PathBuf], options: ReadOptions) -> Result<Self, CorpusError> {
        Self::open_with(paths, options, None)
    }

    /// Like [`open`](Self::open), also for files of another place. A copy of one at a time is on
    /// the disk.
    ///
    /// # Errors
    /// As [`open`](Self::open), and those of the place.
    pub fn open_with(
        paths: &[PathBuf],
        options: ReadOptions,
        remote: Option<Arc<dyn RemoteFiles>>,
    ) -> Result<Self, CorpusError> {
        if options.text.is_empty() {
            return Err(CorpusError::Columns(ColumnError::NoTextColumn));
        }
        Self::open_files(paths, options, Numbered::Read, remote)
    }

    /// Opens the same files for the ids alone: the texts are empty.
    pub(crate) fn open_for_ids(
        paths: &[PathBuf],
        mut options: ReadOptions,
        numbered: Numbered,
        remote: Option<Arc<dyn RemoteFiles>>,
    ) -> Result<Self, CorpusError> {
        options.text.clear();
        Self::open_files(paths, options, numbered, remote)
    }

    fn open_files(
        paths: &[PathBuf],
        options: ReadOptions,
        numbered: Numbered,
        remote: Option<Arc<dyn RemoteFiles>>,
    ) -> Result<Self, CorpusError> {
        let files = files::expand(paths, options.format, remote.as_deref())?;
        let mut reader = Self::of_files(files, options, numbered);
        reader.remote = remote;
        // Waits for standard input only when a record is requested.
        if reader.files[0].path.as_os_str() != "-" {
            reader.open_next()?;
        }
        Ok(reader)
    }

    /// A reader that has opened none of its files.
    fn of_files(files: Vec<InputFile>, options: ReadOptions, numbered: Numbered) -> Self {
        Self {
            names_files: files.len() > 1,
            files,
            options,
            numbered,
            current: None,
            next_file: 0,
            n_records: 0,
            n_bytes_read: Arc::default(),
            seen: None,
            needs_ids: false,
            is_over: false,
            remote: None,
        }
    }

    /// The place that it was opened with, for another reader of the same files.
    #[must_use]
    pub fn remote(&self) -> Option<Arc<dyn RemoteFiles>> {
        self.remote.clone()
    }

    /// The files, in order.
    #[must_use]
    pub fn files(&self) -> &[InputFile] {
        &self.files
    }

    /// The total size of the files on the disk, if each has one.
    #[must_use]
    pub fn n_bytes(&self) -> Option<u64> {
        self.files.iter().map(|file| file.n_bytes).sum()
    }

    /// Bytes read from the disk so far; for Parquet, estimated from the rows.
    #[must_use]
    pub fn n_bytes_read(&self) -> u64 {
        self.n_bytes_read.load(Ordering::Relaxed)
    }

    /// The same count, for another thread.
    #[must_use]
    pub fn progress(&self) -> ReadProgress {
        ReadProgress(Arc::clone(&self.n_bytes_read))
    }

    /// Makes a duplicate id an error when its second record is read. All ids are held in memory;
    /// [`IdSearch`](crate::IdSearch) needs less memory, but reads the files beforehand.
    pub fn refuse_duplicate_ids(&mut self) {
        self.seen = Some(HashMap::new());
    }

    /// Makes a record without an id an error. Its number would serve as the id otherwise, which no
    /// other file could refer to.
    pub fn refuse_numbers_as_ids(&mut self) {
        self.needs_ids = true;
    }

    /// Records so far, including skipped ones.
    #[must_use]
    pub fn n_records(&self) -> u64 {
        self.n_records
    }

    /// The next record, `None` at the end.
    ///
    /// # Errors
    /// An error in a file or record, with its location.
    pub fn next_record(&mut self) -> Result<Option<Record>, CorpusError> {
        self.guarded(|reader| {
            loop {
                let Some(current) = &mut reader.current else {
                    if reader.open_next()? {
                        continue;
                    }
                    return Ok(None);
                };
                let Some(record) = current.records.next_record()? else {
                    reader.current = None;
                    continue;
                };
                if reader.needs_ids && record.id.is_none() {
                    return Err(CorpusError::Record(RecordError::NoId {
                        location: record.location,
                    }));
                }
                reader.n_records += 1;
                let (file, before) = (Arc::clone(&current.name), current.mark);
                current.mark = current.digest.mark(before.record + 1);
                let span = InputSpan { file, before, after: current.mark };
                let id = id_of(record.id, reader.names_files, current);
                if let Some(seen) = &mut reader.seen
                    && let Some(first) = seen.insert(id.clone(), record.location.clone())
                {
                    return Err(DuplicateId { id, first, second: record.location }.into());
                }
                return Ok(Some(Record { id, text: record.text, location: record.location, span }));
            }
        })
    }

    /// The next records: at most `max_texts`, and none after their texts reach `max_bytes`. Empty
    /// at the end.
    ///
    /// # Errors
    /// As [`next_record`](Self::next_record). Records before the one at fault are lost.
    pub fn next_chunk(
        &mut self,
        max_texts: usize,
        max_bytes: usize,
    ) -> Result<Vec<Record>, CorpusError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        while records.len() < max_texts && bytes < max_bytes {
            let Some(record) = self.next_record()? else { break };
            bytes += record.text.len();
            records.push(record);
        }
        Ok(records)
    }

    /// Skips `n` records, without parsing lines or decoding rows of Parquet.
    ///
    /// # Errors
    /// [`PartsError::FewerRecords`] if there are fewer, and errors in a file.
    pub fn skip_records(&mut self, n: u64) -> Result<(), CorpusError> {
        self.guarded(|reader| {
            let mut left = n;
            while left > 0 {
                let skipped = reader.skip_in_file(left)?;
                if skipped == 0 {
                    return Err(CorpusError::Parts(PartsError::FewerRecords {
                        found: reader.n_records,
                        expected: reader.n_records + left,
                    }));
                }
                left -= skipped;
            }
            Ok(())
        })
    }

    /// Skips at most `n` records of the current file, or else of the next file that has any; none
    /// only at the end of all files.
    fn skip_in_file(&mut self, n: u64) -> Result<u64, CorpusError> {
        loop {
            let Some(current) = &mut self.current else {
                if self.open_next()? {
                    continue;
                }
                return Ok(0);
            };
            let skipped = current.skip(n)?;
            self.n_records += skipped;
            if skipped > 0 {
                return Ok(skipped);
            }
            self.current = None;
        }
    }

    /// Runs a step; after an error, there are no more records.
    fn guarded<T: Default>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<T, CorpusError>,
    ) -> Result<T, CorpusError> {
        if self.is_over {
            return Ok(T::default());
        }
        let result = step(self);
        if result.is_err() {
            self.is_over = true;
            self.current = None;
        }
        result
    }

    /// Opens the next file; returns false if there is none.
    fn open_next(&mut self) -> Result<bool, CorpusError> {
        let Some(file) = self.files.get(self.next_file) else { return Ok(false) };
        let (name, digest) = (Arc::from(&*file.name), Digest::default());
        let copy = match &self.remote {
            Some(remote) if file.is_remote => {
                Some(remote.copy(&file.path).map_err(CorpusError::read(&file.path))?)
            }
            _ => None,
        };
        let disk = copy.as_ref().map_or(&*file.path, |copy| &copy.disk);
        let records = open::open(file, disk, &self.options, &self.n_bytes_read, &digest)?;
        let (file_idx, mark) = (self.next_file, InputMark::default());
        let opening = digest.mark(0);
        let is_wanted = self.numbered == Numbered::Read || records.has_ids();
        self.current =
            is_wanted.then_some(Current { file_idx, name, records, digest, opening, mark, copy });
        self.next_file += 1;
        Ok(true)
    }
}

/// The id of the record at the mark: its own, or its number in the file.
fn id_of(id: Option<String>, names_files: bool, current: &Current) -> String {
    match id {
        Some(id) => id,
        None if !names_files => current.mark.record.to_string(),
        None => format!("{}:{}", current.name, current.mark.record),
    }
}

impl Iterator for CorpusReader {
    type Item = Result<Record, CorpusError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_record().transpose()
    }
}
