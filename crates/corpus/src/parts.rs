//! Vectors in numbered parts that survive a kill.
//!
//! The order of the steps is what makes it safe. A part is written to a temporary file, which is
//! brought to the disk and renamed; the folder is brought to the disk; then the manifest, in the
//! same way, lists the part. A part that the manifest does not list is made again.

mod input;
mod lock;
mod manifest;
// A process that dies by a signal is told from one that fails.
#[cfg(test)]
#[cfg(unix)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use serde_json::Value;
use splade_output::{is_temporary, remove_leftovers};
use splade_sparse::SparseRowView;

use crate::output::{crash_point, folder_of, sync_folder};
use crate::{
    Compression, CorpusError, InputError, InputSpan, PartsError, VectorOptions, VectorWriter,
};

pub use input::InputRange;
pub use manifest::{Manifest, PartInfo, file_checksum};

use lock::FolderLock;

/// The variable that tells a test's child where to die.
#[cfg(test)]
pub(crate) const CRASH_AFTER: &str = "SPLADE_CORPUS_TEST_CRASH_AFTER";

/// How parts are written.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PartsOptions {
    /// The format of each part.
    pub vectors: VectorOptions,
    /// Rows of each part but the last. Default 10,000.
    pub rows_per_part: NonZeroU64,
    /// Compression of each part, for lines only. Default none.
    pub compression: Compression,
    /// What else must be the same for the rows to be the same, such as the model and its options:
    /// kept in the manifest, and compared when the work is resumed. Default `null`. The input is not
    /// among them: see [`PartsWriter::add_input`].
    pub settings: Value,
}

impl PartsOptions {
    /// Parts of 10,000 rows in this format.
    #[must_use]
    pub fn new(vectors: VectorOptions) -> Self {
        let rows_per_part = NonZeroU64::new(10_000).expect("it is not zero");
        Self { vectors, rows_per_part, compression: Compression::None, settings: Value::Null }
    }

    /// Sets [`rows_per_part`](Self::rows_per_part).
    #[must_use]
    pub fn with_rows_per_part(mut self, rows: NonZeroU64) -> Self {
        self.rows_per_part = rows;
        self
    }

    /// Sets [`compression`](Self::compression).
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets [`settings`](Self::settings).
    #[must_use]
    pub fn with_settings(mut self, settings: Value) -> Self {
        self.settings = settings;
        self
    }

    /// The manifest of no rows.
    fn manifest(&self) -> Manifest {
        Manifest::new(
            self.vectors.format,
            self.compression.suffix(),
            self.vectors.dimension,
            self.vectors.quantization_factor.get(),
            self.rows_per_part.get(),
            self.settings.clone(),
        )
    }
}

/// Writes vectors to a folder, in parts.
///
/// Killed at any moment, [`resume`](Self::resume) goes on after the last part that is whole; the
/// same rows then give the same files as without the kill, byte for byte.
pub struct PartsWriter {
    folder: PathBuf,
    options: PartsOptions,
    manifest: Manifest,
    part: Option<OpenPart>,
    /// Held as long as the writer lives. The system takes it back from a process that is killed.
    _lock: FolderLock,
}

/// What [`PartsWriter::resume`] found.
pub enum Resumed {
    /// There is more to do, after [`PartsWriter::n_rows`] rows.
    Unfinished(Box<PartsWriter>),
    /// All is done.
    Complete(Manifest),
}

/// The part that is written.
struct OpenPart {
    writer: VectorWriter,
    info: PartInfo,
    /// What it was made of, a span for each file.
    input: Vec<InputSpan>,
}

impl PartsWriter {
    /// Begins in a new or empty folder.
    ///
    /// # Errors
    /// [`PartsError::FolderNotEmpty`], [`PartsError::FolderLocked`], [`CorpusError::Write`], and
    /// [`InputError::NeedsFile`] for a format that is not compressed as a whole.
    pub fn create(folder: &Path, options: PartsOptions) -> Result<Self, CorpusError> {
        check_compression(folder, &options)?;
        let not_empty =
            || CorpusError::Parts(PartsError::FolderNotEmpty { folder: folder.to_owned() });
        // First without a trace: the folder may be somebody's.
        if !only_temporary(folder)? {
            return Err(not_empty());
        }
        let lock = FolderLock::acquire(folder)?;
        if only_temporary(folder)? {
            remove_leftovers(folder);
            if names(folder)?.is_empty() {
                return Self::begin(folder, options, lock);
            }
        }
        lock.give_up();
        Err(not_empty())
    }

    /// Goes on with what was begun, after the last part that is whole; begins where nothing was.
    ///
    /// What an unfinished part left is removed. Give the rows from [`n_rows`](Self::n_rows) on;
    /// [`CorpusReader::skip_done`](crate::CorpusReader::skip_done) jumps over those before, and
    /// [`CorpusReader::check_done`](crate::CorpusReader::check_done) compares the input of what is
    /// complete.
    ///
    /// # Errors
    /// [`PartsError::SettingsDiffer`] with the setting, [`PartsError::NoManifest`] for a folder of
    /// something else, and whatever is wrong with the manifest or with the size or checksum of a part: all
    /// that is finished is read once. A manifest of
    /// a version that kept no checksums of the input is refused ([`PartsError::ManifestContent`]).
    pub fn resume(folder: &Path, options: PartsOptions) -> Result<Resumed, CorpusError> {
        check_compression(folder, &options)?;
        // First without a trace: the folder may be somebody's. A manifest is there before any part.
        if !only_temporary(folder)? {
            Manifest::load(folder)?;
        }
        let lock = FolderLock::acquire(folder)?;
        let names = names(folder)?;
        let manifest = match Manifest::load(folder) {
            Ok(manifest) => manifest,
            // Parts come after the manifest: whatever else is here is not ours.
            Err(CorpusError::Parts(PartsError::NoManifest { .. }))
                if names.iter().all(|name| is_temporary(name)) =>
            {
                for name in names {
                    remove(&folder.join(name))?;
                }
                let writer = Self::begin(folder, options, lock)?;
                return Ok(Resumed::Unfinished(Box::new(writer)));
            }
            Err(error) => return Err(error),
        };
        manifest.check_resumable(folder)?;
        if let Some((key, then, now)) = manifest.differing_setting(&options.manifest()) {
            let folder = folder.to_owned();
            return Err(CorpusError::Parts(PartsError::SettingsDiffer { folder, key, then, now }));
        }
        manifest.verify(folder)?;
        let unlisted = manifest.next_name();
        for name in names.iter().filter(|name| is_temporary(name) || **name == unlisted) {
            remove(&folder.join(name))?;
        }
        if manifest.complete {
            return Ok(Resumed::Complete(manifest));
        }
        let folder = folder.to_owned();
        let writer = Self { folder, options, manifest, part: None, _lock: lock };
        Ok(Resumed::Unfinished(Box::new(writer)))
    }

    fn begin(folder: &Path, options: PartsOptions, lock: FolderLock) -> Result<Self, CorpusError> {
        let (folder, manifest) = (folder.to_owned(), options.manifest());
        manifest.save(&folder)?;
        sync_folder(folder_of(&folder)).map_err(CorpusError::write(&folder))?;
        Ok(Self { folder, options, manifest, part: None, _lock: lock })
    }

    /// Rows so far: those of all parts that are whole, and of the open one.
    #[must_use]
    pub fn n_rows(&self) -> u64 {
        self.manifest.rows + self.part.as_ref().map_or(0, |part| part.info.rows)
    }

    /// What is done: the parts that are whole.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Writes a row, see [`VectorWriter::write`]. A part that is full is closed by the row after
    /// it.
    ///
    /// # Errors
    /// As [`VectorWriter::write`]. The parts that are whole stay.
    pub fn write(
        &mut self,
        id: &str,
        row: SparseRowView<'_>,
        tokens: Option<&[(String, f32)]>,
    ) -> Result<(), CorpusError> {
        crash_point();
        let limit = self.options.rows_per_part.get();
        if let Some(part) = self.part.take_if(|part| part.info.rows == limit) {
            self.close(part)?;
            self.manifest.save(&self.folder)?;
        }
        let part = match &mut self.part {
            Some(part) => part,
            part => {
                let file = self.manifest.next_name();
                let writer = VectorWriter::create(&self.folder.join(&file), &self.options.vectors)?;
                part.insert(OpenPart { writer, info: new_part(file, id), input: Vec::new() })
            }
        };
        part.writer.write(id, row, tokens)?;
        part.info.rows += 1;
        id.clone_into(&mut part.info.last_id);
        Ok(())
    }

    /// Adds to a total of the part with the last row, such as its tokens. The manifest has the
    /// totals of each part and their sums.
    ///
    /// # Panics
    /// Before the first row of this writer: there is no part to which it could belong.
    pub fn add_total(&mut self, name: &str, amount: u64) {
        let part = self.part.as_mut().expect("a total belongs to a row that was written before");
        *part.info.totals.entry(name.to_owned()).or_default() += amount;
    }

    /// Says what of the input the last row was made of. The manifest has checksums of it, which
    /// [`CorpusReader::skip_done`](crate::CorpusReader::skip_done) compares. Each record makes one row.
    ///
    /// # Panics
    /// Before the first row of this writer: there is no part to which it could belong.
    pub fn add_input(&mut self, span: &InputSpan) {
        let part = self.part.as_mut().expect("a span belongs to a row that was written before");
        match part.input.last_mut() {
            Some(last) if last.file == span.file => last.after = span.after,
            _ => part.input.push(span.clone()),
        }
    }

    /// Closes the last part and marks the folder as complete.
    ///
    /// # Errors
    /// [`CorpusError::Write`]; the parts that are whole stay.
    pub fn finish(mut self) -> Result<Manifest, CorpusError> {
        if let Some(part) = self.part.take() {
            self.close(part)?;
        }
        self.manifest.complete = true;
        self.manifest.save(&self.folder)?;
        Ok(self.manifest)
    }

    /// Brings a part to the disk and into the manifest, which is not saved yet.
    fn close(&mut self, part: OpenPart) -> Result<(), CorpusError> {
        let OpenPart { writer, mut info, input } = part;
        writer.finish()?;
        info.input = input.iter().map(InputRange::from).collect();
        let path = self.folder.join(&info.file);
        (info.bytes, info.crc32) = file_checksum(&path).map_err(CorpusError::read(&path))?;
        self.manifest.push(info);
        Ok(())
    }
}

/// Refuses to compress as a whole what is compressed within.
fn check_compression(folder: &Path, options: &PartsOptions) -> Result<(), CorpusError> {
    match options.vectors.format.is_lines() || options.compression == Compression::None {
        true => Ok(()),
        false => Err(CorpusError::Input(InputError::NeedsFile {
            path: folder.to_owned(),
            format: options.vectors.format.name(),
        })),
    }
}

fn new_part(file: String, first_id: &str) -> PartInfo {
    PartInfo {
        file,
        rows: 0,
        bytes: 0,
        crc32: String::new(),
        first_id: first_id.to_owned(),
        last_id: String::new(),
        totals: BTreeMap::new(),
        input: Vec::new(),
    }
}

/// Whether a folder has nothing but temporary files and the lock, or is not there.
fn only_temporary(folder: &Path) -> Result<bool, CorpusError> {
    match names(folder) {
        Ok(names) => Ok(names.iter().all(|name| is_temporary(name))),
        Err(CorpusError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// The names of a folder's entries but the lock's.
fn names(folder: &Path) -> Result<Vec<String>, CorpusError> {
    let read = || {
        let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name());
        fs::read_dir(folder)?.map(name).collect::<io::Result<Vec<_>>>()
    };
    let names = read().map_err(CorpusError::read(folder))?;
    let names = names.into_iter().map(|name| name.to_string_lossy().into_owned());
    Ok(names.filter(|name| name != lock::NAME).collect())
}

fn remove(path: &Path) -> Result<(), CorpusError> {
    fs::remove_file(path).map_err(CorpusError::write(path))?;
    crash_point();
    Ok(())
}
