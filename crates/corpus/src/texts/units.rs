//! Divides files into units of records, and reads the records of one unit.

use std::fs;
use std::sync::Arc;

use crate::stream::TextStream;
use crate::units::{InputChange, Plan, Unit, UnitInput};
use crate::{CorpusError, FileCopy, InputError, InputRange, RemoteFiles, UnitError, stream};

use super::digest::{DigestedText, InputMark, InputSpan};
use super::{CorpusReader, InputFile, Numbered, ReadOptions, Record, is_object_name};

impl CorpusReader {
    /// The input of the next `n` records, one piece per file; fewer records only at the end.
    ///
    /// Lines are not parsed and rows of Parquet are not decoded.
    pub(crate) fn next_pieces(&mut self, n: u64) -> Result<Vec<UnitInput>, CorpusError> {
        self.guarded(|reader| {
            let (mut pieces, mut n_left) = (Vec::new(), n);
            while n_left > 0 {
                let Some(current) = &mut reader.current else {
                    if reader.open_next()? {
                        continue;
                    }
                    break;
                };
                let (before, line) = (current.mark, current.records.line());
                // One by one: whoever looks for a record after the last one reads what follows it,
                // such as blank lines, which no unit has.
                let mut after = before;
                while n_left > 0 && current.skip(1)? > 0 {
                    after = current.mark;
                    n_left -= 1;
                }
                if after.record == before.record {
                    reader.current = None;
                    continue;
                }
                reader.n_records += after.record - before.record;
                let file = &reader.files[current.file_idx];
                let span = InputSpan { file: Arc::clone(&current.name), before, after };
                pieces.push(UnitInput::of(
                    file,
                    current.copy.as_ref(),
                    hex(current.opening),
                    line,
                    before.record,
                    InputRange::from(&span),
                )?);
            }
            Ok(pieces)
        })
    }

    /// A reader of the file of a piece, from the piece's first record on.
    fn at_piece(
        piece: &UnitInput,
        options: &ReadOptions,
        names_files: bool,
        remote: Option<&Arc<dyn RemoteFiles>>,
    ) -> Result<Self, CorpusError> {
        let file = InputFile {
            path: Arc::from(&*piece.path),
            name: piece.range.file.clone(),
            n_bytes: Some(piece.bytes),
            is_remote: remote.is_some_and(|remote| remote.is_remote(&piece.path)),
        };
        let mut reader = Self::of_files(vec![file], options.clone(), Numbered::Read);
        reader.remote = remote.cloned();
        reader.names_files = names_files;
        reader.open_next()?;
        let Some(current) = &mut reader.current else { return Ok(reader) };
        if let Some(copy) = &current.copy {
            piece.check_version(copy)?;
        }
        if hex(current.opening) != piece.opening_crc32 {
            return Err(piece.changed(InputChange::Opening));
        }
        if piece.first_record > 0 {
            let start = piece.range.start;
            let disk = current.disk(&piece.path);
            let text = stream::open_at(&piece.path, disk, start, &reader.n_bytes_read)?;
            let digested = |text| Box::new(DigestedText::new(text, &current.digest)) as TextStream;
            if current.records.jump(piece.first_record, piece.first_line, text.map(digested)) {
                current.digest.start_at(start);
                current.mark = InputMark { record: piece.first_record, byte: start, crc32: 0 };
            } else {
                current.skip(piece.first_record)?;
            }
            reader.n_records = current.mark.record;
        }
        Ok(reader)
    }

    /// The position after the last record; the start if nothing was read.
    fn mark(&self) -> InputMark {
        self.current.as_ref().map_or_else(InputMark::default, |current| current.mark)
    }
}

fn hex(mark: InputMark) -> String {
    format!("{:08x}", mark.crc32)
}

/// The records of one [`Unit`], in order.
///
/// It begins where the unit begins: at its byte in a file of lines or a table, at its row in
/// Parquet. Of a compressed file, and of one whose lines end in `\r` alone, the records before are
/// read and dropped. What it reads is compared with the plan: a file that has changed is an error
/// with its name, at the latest after the unit's last record in it.
pub struct UnitReader {
    unit: Unit,
    options: ReadOptions,
    names_files: bool,
    remote: Option<Arc<dyn RemoteFiles>>,
    /// The piece after the one that is read.
    next_piece: usize,
    current: Option<OpenPiece>,
    is_over: bool,
}

/// The piece that is read.
struct OpenPiece {
    reader: CorpusReader,
    start: InputMark,
    n_read: u64,
}

impl UnitReader {
    /// Opens the files of a unit.
    ///
    /// # Errors
    /// [`UnitError::InputChanged`] for a file whose size, or the header or footer of which, has
    /// changed; errors in a file.
    pub fn open(plan: &Plan, unit: &Unit) -> Result<Self, CorpusError> {
        Self::open_with(plan, unit, None)
    }

    /// Like [`open`](Self::open), also for files of another place.
    ///
    /// # Errors
    /// As [`open`](Self::open), and those of the place.
    pub fn open_with(
        plan: &Plan,
        unit: &Unit,
        remote: Option<Arc<dyn RemoteFiles>>,
    ) -> Result<Self, CorpusError> {
        for piece in &unit.input {
            // Its size and version are compared once it is copied.
            if remote.as_ref().is_some_and(|remote| remote.is_remote(&piece.path)) {
                continue;
            }
            if is_object_name(&piece.path) {
                let path = piece.path.clone();
                return Err(CorpusError::Input(InputError::ObjectStore { path }));
            }
            let metadata = fs::metadata(&piece.path).map_err(CorpusError::read(&piece.path))?;
            if metadata.len() != piece.bytes {
                let (found, expected) = (metadata.len(), piece.bytes);
                return Err(piece.changed(InputChange::Size { found, expected }));
            }
        }
        let mut reader = Self {
            unit: unit.clone(),
            options: plan.read.clone(),
            names_files: plan.names_files,
            remote,
            next_piece: 0,
            current: None,
            is_over: false,
        };
        reader.open_next()?;
        Ok(reader)
    }

    /// Opens the next piece; returns false after the last.
    fn open_next(&mut self) -> Result<bool, CorpusError> {
        let Some(piece) = self.unit.input.get(self.next_piece) else { return Ok(false) };
        let (options, remote) = (&self.options, self.remote.as_ref());
        let reader = CorpusReader::at_piece(piece, options, self.names_files, remote)?;
        self.current = Some(OpenPiece { start: reader.mark(), reader, n_read: 0 });
        self.next_piece += 1;
        Ok(true)
    }

    fn next_record(&mut self) -> Result<Option<Record>, CorpusError> {
        loop {
            let Some(OpenPiece { reader, start, n_read }) = &mut self.current else {
                if self.open_next()? {
                    continue;
                }
                return Ok(None);
            };
            let piece = &self.unit.input[self.next_piece - 1];
            let expected = piece.range.records;
            if *n_read < expected {
                *n_read += 1;
                return match reader.next_record()? {
                    Some(record) => Ok(Some(record)),
                    None => {
                        let found = *n_read - 1;
                        Err(piece.changed(InputChange::Ends { found, expected }))
                    }
                };
            }
            let end = reader.mark();
            let found = (start.byte, end.byte, format!("{:08x}", start.crc32_to(end)));
            let range = &piece.range;
            if found != (range.start, range.end, range.crc32.clone()) {
                let (start, end) = (range.start, range.end);
                return Err(piece.changed(InputChange::Content { start, end }));
            }
            self.current = None;
        }
    }
}

impl Iterator for UnitReader {
    type Item = Result<Record, CorpusError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let record = self.next_record().transpose();
        self.is_over = !matches!(record, Some(Ok(_)));
        record
    }
}

impl UnitInput {
    /// Refuses the copy of another version.
    fn check_version(&self, copy: &FileCopy) -> Result<(), CorpusError> {
        if copy.n_bytes != self.bytes {
            let (found, expected) = (copy.n_bytes, self.bytes);
            return Err(self.changed(InputChange::Size { found, expected }));
        }
        match &self.version {
            Some(expected) if *expected != copy.version => {
                let (found, expected) = (copy.version.clone(), expected.clone());
                Err(self.changed(InputChange::Version { found, expected }))
            }
            _ => Ok(()),
        }
    }

    /// The error that the file has changed since it was planned.
    fn changed(&self, change: InputChange) -> CorpusError {
        CorpusError::Unit(UnitError::InputChanged { path: self.path.clone(), change })
    }
}
