//! Vectors in numbered parts that survive a kill.
//!
//! The order of the steps makes it safe. A part is written to a temporary file, synced and renamed;
//! the folder is synced; then the manifest, written the same way, lists the part. A part that the
//! manifest does not list is written again.

mod input;
mod lock;
mod manifest;
mod part;
// Tells a process killed by a signal from one that fails.
#[cfg(test)]
#[cfg(unix)]
mod tests;

use std::fs;
use std::io;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use serde_json::Value;
use splade_output::{is_temporary, remove_leftovers};
use splade_sparse::SparseRowView;

use crate::output::{crash_point, folder_of, sync_folder};
use crate::{
    Compression, CorpusError, InputError, InputSpan, PartsError, VectorFormat, VectorOptions,
};

pub use input::InputRange;
pub use manifest::{Manifest, PartInfo, file_checksum};
pub use part::PartWriter;

use lock::FolderLock;
pub(crate) use lock::NAME as LOCK;
pub(crate) use manifest::{MANIFEST, difference, part_name};

/// The environment variable that tells a test's child process where to die.
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
    /// Everything else that determines the rows, such as the model and its options. It is kept in
    /// the manifest and compared on resuming. Default `null`. The input is not part of it: see
    /// [`PartsWriter::add_input`].
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

    /// A manifest without rows.
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
/// After a kill at any moment, [`resume`](Self::resume) continues after the last complete part;
/// given the same rows, the files are byte for byte those of an uninterrupted run.
pub struct PartsWriter {
    folder: PathBuf,
    options: PartsOptions,
    manifest: Manifest,
    part: Option<PartWriter>,
    /// Held as long as the writer lives. The system releases it if the process is killed.
    _lock: FolderLock,
}

/// What [`PartsWriter::resume`] found.
pub enum Resumed {
    /// There is more to do, after [`PartsWriter::n_rows`] rows.
    Unfinished(Box<PartsWriter>),
    /// All is done.
    Complete(Manifest),
}

impl PartsWriter {
    /// Starts in a new or empty folder.
    ///
    /// # Errors
    /// [`PartsError::FolderNotEmpty`], [`PartsError::FolderLocked`], [`CorpusError::Write`], and
    /// [`InputError::NeedsFile`] for a format that cannot be compressed as a whole.
    pub fn create(folder: &Path, options: PartsOptions) -> Result<Self, CorpusError> {
        check_compression(folder, options.vectors.format, options.compression)?;
        let not_empty =
            || CorpusError::Parts(PartsError::FolderNotEmpty { folder: folder.to_owned() });
        // First look without leaving a trace: the folder may belong to someone else.
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

    /// Continues after the last complete part; starts from scratch if nothing was written yet.
    ///
    /// The leftovers of an unfinished part are removed. Pass the rows from [`n_rows`](Self::n_rows)
    /// on; [`CorpusReader::skip_done`](crate::CorpusReader::skip_done) skips those before, and
    /// [`CorpusReader::check_done`](crate::CorpusReader::check_done) compares the input of a
    /// complete folder.
    ///
    /// # Errors
    /// [`PartsError::SettingsDiffer`] with the setting, [`PartsError::NoManifest`] for a folder
    /// that holds something else, and any error in the manifest or in the size or checksum of a
    /// part: all finished parts are read once. A manifest version without checksums of the input is
    /// refused ([`PartsError::ManifestContent`]).
    pub fn resume(folder: &Path, options: PartsOptions) -> Result<Resumed, CorpusError> {
        check_compression(folder, options.vectors.format, options.compression)?;
        // First look without leaving a trace: the folder may belong to someone else. The manifest
        // is written before any part.
        if !only_temporary(folder)? {
            Manifest::load(folder)?;
        }
        let lock = FolderLock::acquire(folder)?;
        let names = names(folder)?;
        let manifest = match Manifest::load(folder) {
            Ok(manifest) => manifest,
            // Parts come after the manifest: anything else here is not ours.
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

    /// Rows so far, in complete parts and in the open one.
    #[must_use]
    pub fn n_rows(&self) -> u64 {
        self.manifest.rows + self.part.as_ref().map_or(0, PartWriter::n_rows)
    }

    /// The manifest of the complete parts.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Writes a row; see [`VectorWriter::write`](crate::VectorWriter::write). A full part is closed
    /// when the next row arrives.
    ///
    /// # Errors
    /// As [`VectorWriter::write`](crate::VectorWriter::write). The complete parts stay.
    pub fn write(
        &mut self,
        id: &str,
        row: SparseRowView<'_>,
        tokens: Option<&[(String, f32)]>,
    ) -> Result<(), CorpusError> {
        crash_point();
        let limit = self.options.rows_per_part.get();
        if let Some(part) = self.part.take_if(|part| part.n_rows() == limit) {
            self.close(part)?;
            self.manifest.save(&self.folder)?;
        }
        let part = match &mut self.part {
            Some(part) => part,
            part => {
                let name = self.manifest.next_name();
                part.insert(PartWriter::create(&self.folder, name, &self.options.vectors)?)
            }
        };
        part.write(id, row, tokens)
    }

    /// Adds to a total of the part with the last row, such as its tokens. The manifest has the
    /// totals of each part and their sums.
    ///
    /// # Panics
    /// Before the first row of this writer: no part is open.
    pub fn add_total(&mut self, name: &str, amount: u64) {
        let part = self.part.as_mut().expect("a total belongs to a row that was written before");
        part.add_total(name, amount);
    }

    /// Records which input the last row was made from. The manifest keeps checksums of it, which
    /// [`CorpusReader::skip_done`](crate::CorpusReader::skip_done) compares. Each record makes one
    /// row.
    ///
    /// # Panics
    /// Before the first row of this writer: no part is open.
    pub fn add_input(&mut self, span: &InputSpan) {
        let part = self.part.as_mut().expect("a span belongs to a row that was written before");
        part.add_input(span);
    }

    /// Closes the last part and marks the folder as complete.
    ///
    /// # Errors
    /// [`CorpusError::Write`]; the complete parts stay.
    pub fn finish(mut self) -> Result<Manifest, CorpusError> {
        if let Some(part) = self.part.take() {
            self.close(part)?;
        }
        self.manifest.complete = true;
        self.manifest.save(&self.folder)?;
        Ok(self.manifest)
    }

    /// Finishes a part and adds it to the manifest, which is not saved yet.
    fn close(&mut self, part: PartWriter) -> Result<(), CorpusError> {
        self.manifest.push(part.finish()?);
        Ok(())
    }
}

/// Refuses to compress a format as a whole if it is compressed internally.
pub(crate) fn check_compression(
    folder: &Path,
    format: VectorFormat,
    compression: Compression,
) -> Result<(), CorpusError> {
    match format.is_lines() || compression == Compression::None {
        true => Ok(()),
        false => Err(CorpusError::Input(InputError::NeedsFile {
            path: folder.to_owned(),
            format: format.name(),
        })),
    }
}

/// Whether a folder is missing, or has only temporary files and the lock.
fn only_temporary(folder: &Path) -> Result<bool, CorpusError> {
    match names(folder) {
        Ok(names) => Ok(names.iter().all(|name| is_temporary(name))),
        Err(CorpusError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// The names of a folder's entries, except the lock.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, CorpusError> {
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
