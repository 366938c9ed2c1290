//! Where the files of a planned corpus are: a folder on the disk, or one of another place.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::output::{folder_of, publish, sync_folder, to_json};
use crate::parts::{LOCK, file_checksum};
use crate::texts::is_object_name;
use crate::{CorpusError, PartInfo};

/// The folder of a plan, its parts and their receipts. Files appear in it whole or not at all.
///
/// Errors are those of the place; callers add the path.
pub trait PlannedFolder: Debug + Send + Sync {
    /// Its name, which errors show.
    fn path(&self) -> &Path;

    /// Makes the folder, where the place needs that.
    ///
    /// # Errors
    /// Those of the place.
    fn make(&self) -> io::Result<()>;

    /// The content of a small file; `None` if there is none.
    ///
    /// # Errors
    /// Those of the place.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// The contents of many small files, in order.
    ///
    /// # Errors
    /// Those of the place.
    fn read_all(&self, names: &[String]) -> io::Result<Vec<Option<Vec<u8>>>> {
        names.iter().map(|name| self.read(name)).collect()
    }

    /// The size of a file; `None` if there is none.
    ///
    /// # Errors
    /// Those of the place.
    fn size(&self, name: &str) -> io::Result<Option<u64>>;

    /// The names of all files but locks, with their sizes; none if there is no such folder.
    ///
    /// # Errors
    /// Those of the place.
    fn sizes(&self) -> io::Result<BTreeMap<String, u64>>;

    /// Reads a file: its size, and its CRC-32 in hexadecimal digits.
    ///
    /// # Errors
    /// Those of the place.
    fn checksum(&self, name: &str) -> io::Result<(u64, String)>;

    /// Publishes a small file.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] where the place replaces no file, and another is there;
    /// others of the place.
    fn publish(&self, name: &str, content: &[u8]) -> io::Result<()>;

    /// A folder on the disk in which a part is written.
    ///
    /// # Errors
    /// Those of the disk.
    fn workbench(&self) -> io::Result<Workbench>;

    /// Publishes a part that was written to the workbench.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    fn publish_part(&self, part: &PartInfo, workbench: &Workbench) -> io::Result<()>;

    /// Removes what killed processes left, once no part is at work.
    fn tidy(&self);
}

/// Where a part is written.
#[derive(Debug)]
pub struct Workbench {
    /// The folder on the disk.
    pub folder: PathBuf,
    /// The folder may go once this is dropped.
    pub hold: Box<dyn Any + Send + Sync>,
}

/// A folder on the disk, or on a file system that is mounted there.
#[derive(Debug, Clone)]
pub struct LocalFolder(PathBuf);

impl LocalFolder {
    /// The folder at a path.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// A folder `s3:` on the disk is not what anyone means.
    fn refuse_object(&self) -> io::Result<()> {
        match is_object_name(&self.0) {
            false => Ok(()),
            true => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this build has no object stores: build it with the feature `object-store` (cargo \
                 build --release -p splade-cli --features object-store)",
            )),
        }
    }
}

impl PlannedFolder for LocalFolder {
    fn path(&self) -> &Path {
        &self.0
    }

    fn make(&self) -> io::Result<()> {
        self.refuse_object()?;
        fs::create_dir_all(&self.0)?;
        sync_folder(folder_of(&self.0))
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.refuse_object()?;
        if_there(fs::read(self.0.join(name)))
    }

    fn size(&self, name: &str) -> io::Result<Option<u64>> {
        if_there(fs::metadata(self.0.join(name)).map(|found| found.len()))
    }

    fn sizes(&self) -> io::Result<BTreeMap<String, u64>> {
        let Some(entries) = if_there(fs::read_dir(&self.0))? else { return Ok(BTreeMap::new()) };
        let mut sizes = BTreeMap::new();
        for entry in entries {
            let name = entry?.file_name();
            if name == LOCK {
                continue;
            }
            // A temporary file may be gone by now.
            if let Some(found) = if_there(fs::metadata(self.0.join(&name)))? {
                sizes.insert(name.to_string_lossy().into_owned(), found.len());
            }
        }
        Ok(sizes)
    }

    fn checksum(&self, name: &str) -> io::Result<(u64, String)> {
        file_checksum(&self.0.join(name))
    }

    fn publish(&self, name: &str, content: &[u8]) -> io::Result<()> {
        publish(&self.0.join(name), content)
    }

    fn workbench(&self) -> io::Result<Workbench> {
        Ok(Workbench { folder: self.0.clone(), hold: Box::new(()) })
    }

    /// It was written here.
    fn publish_part(&self, _: &PartInfo, _: &Workbench) -> io::Result<()> {
        Ok(())
    }

    fn tidy(&self) {
        splade_output::remove_leftovers(&self.0);
    }
}

fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the crate does in any folder.
impl dyn PlannedFolder + '_ {
    /// The path of a file, for errors.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(super) fn read_file(&self, name: &str) -> Result<Option<Vec<u8>>, CorpusError> {
        self.read(name).map_err(CorpusError::read(&self.file(name)))
    }

    pub(super) fn publish_file(&self, name: &str, content: &[u8]) -> Result<(), CorpusError> {
        self.publish(name, content).map_err(CorpusError::write(&self.file(name)))
    }

    pub(super) fn publish_json(
        &self,
        name: &str,
        value: &impl Serialize,
    ) -> Result<(), CorpusError> {
        let json = to_json(value).map_err(CorpusError::write(&self.file(name)))?;
        self.publish_file(name, &json)
    }
}
