//! Skips the records of finished parts, after checking that the parts were made from them.

use crate::parts::{InputRange, Manifest, PartInfo};
use crate::{CorpusError, InputProblem, PartsError};

use super::digest::InputMark;
use super::record::FileRecord;
use super::{CorpusReader, id_of};

impl CorpusReader {
    /// Skips the records that the parts of a manifest were made from, and compares their checksums
    /// with the manifest. The records after them may have changed; they are read as they are now.
    ///
    /// Lines are not parsed and rows of Parquet are not decoded, except for the last record.
    ///
    /// # Errors
    /// [`PartsError::NoInputChecksum`] for a part that was written without
    /// [`PartsWriter::add_input`](crate::PartsWriter::add_input); [`PartsError::OtherInput`] with
    /// the file, if the input has changed.
    pub fn skip_done(&mut self, manifest: &Manifest) -> Result<(), CorpusError> {
        self.guarded(|reader| {
            for (i, part) in manifest.parts.iter().enumerate() {
                let Some((last, ranges)) = part.input.split_last() else {
                    return Err(CorpusError::Parts(PartsError::NoInputChecksum {
                        part: part.file.clone(),
                    }));
                };
                for range in ranges {
                    reader.skip_range(part, range, None)?;
                }
                let is_last = i + 1 == manifest.parts.len();
                reader.skip_range(part, last, is_last.then_some(&*part.last_id))?;
            }
            Ok(())
        })
    }

    /// Checks that the input of a complete manifest is unchanged. All of it is read and compared as
    /// in [`skip_done`](Self::skip_done).
    ///
    /// # Errors
    /// As [`skip_done`](Self::skip_done), and if there are more records.
    pub fn check_done(&mut self, manifest: &Manifest) -> Result<(), CorpusError> {
        self.skip_done(manifest)?;
        self.guarded(|reader| match reader.skip_in_file(1)? {
            0 => Ok(()),
            _ => Err(reader.goes_on()),
        })
    }

    /// Skips one range. If `last_id` is given, the last record is read and must have this id.
    fn skip_range(
        &mut self,
        part: &PartInfo,
        range: &InputRange,
        last_id: Option<&str>,
    ) -> Result<(), CorpusError> {
        let is_new_file = range.start == 0;
        let read = self.current.as_mut().filter(|current| current.mark.record > 0);
        if is_new_file && let Some(current) = read {
            if current.skip(1)? > 0 {
                return Err(self.goes_on());
            }
            self.current = None;
        }
        let (start, last) = self.read_range(range, is_new_file, last_id.is_some())?;
        let ends =
            |found| InputProblem::Ends { part: part.file.clone(), found, expected: range.records };
        let Some(current) = &self.current else { return Err(self.other_input(ends(0))) };
        if self.files.len() > 1 && *current.name != *range.file {
            let (part, expected) = (part.file.clone(), range.file.clone());
            return Err(self.other_input(InputProblem::OtherFile { part, expected }));
        }
        let end = current.mark;
        if end.record - start.record < range.records {
            return Err(self.other_input(ends(end.record - start.record)));
        }
        let found = format!("{:08x}", start.crc32_to(end));
        if (start.byte, end.byte, &found) != (range.start, range.end, &range.crc32) {
            return Err(self.other_input(InputProblem::Differs {
                part: part.file.clone(),
                start: range.start,
                end: range.end,
                expected: range.crc32.clone(),
                found,
            }));
        }
        let (Some(last_id), Some(record)) = (last_id, last?) else { return Ok(()) };
        let found = id_of(record.id, self.names_files, current);
        if found != last_id {
            let expected = last_id.to_owned();
            return Err(self.other_input(InputProblem::OtherId { found, expected }));
        }
        Ok(())
    }

    /// Reads the records of a range; returns the mark before them and, if requested, the last
    /// record. A record that is broken now was not broken before, so its error is reported only if
    /// the checksums agree.
    fn read_range(
        &mut self,
        range: &InputRange,
        is_new_file: bool,
        wants_last: bool,
    ) -> Result<(InputMark, Result<Option<FileRecord>, CorpusError>), CorpusError> {
        loop {
            let Some(current) = &mut self.current else {
                if is_new_file && self.open_next()? {
                    continue;
                }
                return Ok((InputMark::default(), Ok(None)));
            };
            let start = current.mark;
            let n_unread = range.records - u64::from(wants_last);
            let mut n_found = current.skip(n_unread)?;
            let mut last = Ok(None);
            if wants_last && n_found == n_unread {
                last = current.records.next_record();
                n_found += u64::from(!matches!(last, Ok(None)));
                current.mark = current.digest.mark(start.record + n_found);
            }
            self.n_records += n_found;
            if n_found > 0 || !is_new_file {
                return Ok((start, last));
            }
            // A file without records has no range.
            self.current = None;
        }
    }

    /// The current file has more records than were read before.
    fn goes_on(&self) -> CorpusError {
        let n_records = self.current.as_ref().map_or(0, |current| current.mark.record);
        self.other_input(InputProblem::GoesOn { expected: n_records.saturating_sub(1) })
    }

    /// An error about the current file, or the last one.
    fn other_input(&self, problem: InputProblem) -> CorpusError {
        let last = self.files.len() - 1;
        let file_idx = self.current.as_ref().map_or(last, |current| current.file_idx);
        CorpusError::Parts(PartsError::OtherInput {
            path: self.files[file_idx].path.to_path_buf(),
            problem,
        })
    }
}
