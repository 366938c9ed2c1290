//! One part: a file of vectors, and what the manifest says about it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use splade_sparse::SparseRowView;

use crate::{CorpusError, InputSpan, VectorOptions, VectorWriter};

use super::{InputRange, PartInfo, file_checksum};

/// Writes one part, which appears whole or not at all.
///
/// Neither a manifest nor a lock is involved: whoever writes parts this way says which of them
/// count. If other machines write to the folder, call [`splade_output::leave_leftovers`] first.
pub struct PartWriter {
    path: PathBuf,
    writer: VectorWriter,
    info: PartInfo,
    /// What it was made from: one span per file.
    input: Vec<InputSpan>,
}

impl PartWriter {
    /// Starts a part in a folder. Its name also says its compression (`part-00000.jsonl.gz`).
    ///
    /// # Errors
    /// As [`VectorWriter::create`].
    pub fn create(
        folder: &Path,
        name: String,
        options: &VectorOptions,
    ) -> Result<Self, CorpusError> {
        let path = folder.join(&name);
        let writer = VectorWriter::create(&path, options)?;
        let info = PartInfo {
            file: name,
            rows: 0,
            bytes: 0,
            crc32: String::new(),
            first_id: String::new(),
            last_id: String::new(),
            totals: BTreeMap::new(),
            input: Vec::new(),
        };
        Ok(Self { path, writer, info, input: Vec::new() })
    }

    /// Rows so far.
    #[must_use]
    pub fn n_rows(&self) -> u64 {
        self.info.rows
    }

    /// What the rows so far were made from, file by file.
    #[must_use]
    pub fn input(&self) -> Vec<InputRange> {
        self.input.iter().map(InputRange::from).collect()
    }

    /// Writes a row; see [`VectorWriter::write`].
    ///
    /// # Errors
    /// As [`VectorWriter::write`].
    pub fn write(
        &mut self,
        id: &str,
        row: SparseRowView<'_>,
        tokens: Option<&[(String, f32)]>,
    ) -> Result<(), CorpusError> {
        self.writer.write(id, row, tokens)?;
        if self.info.rows == 0 {
            id.clone_into(&mut self.info.first_id);
        }
        self.info.rows += 1;
        id.clone_into(&mut self.info.last_id);
        Ok(())
    }

    /// Adds to a total of the part, such as its tokens.
    pub fn add_total(&mut self, name: &str, amount: u64) {
        *self.info.totals.entry(name.to_owned()).or_default() += amount;
    }

    /// Records which input the last row was made from. Each record makes one row.
    pub fn add_input(&mut self, span: &InputSpan) {
        match self.input.last_mut() {
            Some(last) if last.file == span.file => last.after = span.after,
            _ => self.input.push(span.clone()),
        }
    }

    /// Publishes the part under its name once all of it is on the disk.
    ///
    /// # Errors
    /// As [`VectorWriter::finish`]; then there is no part, or the old one remains.
    pub fn finish(mut self) -> Result<PartInfo, CorpusError> {
        self.info.input = self.input();
        self.writer.finish()?;
        let checksum = file_checksum(&self.path).map_err(CorpusError::read(&self.path))?;
        (self.info.bytes, self.info.crc32) = checksum;
        Ok(self.info)
    }
}
