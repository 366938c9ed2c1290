//! Inputs and planned folders in object stores: copied, and put once.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use splade_corpus::{FileCopy, PartInfo, PlannedFolder, RemoteFile, RemoteFiles, Workbench};
use splade_stores::{ObjectUrl, Stores, is_object_url};

use super::scratch::Scratch;

/// The object stores of a process. Nothing is opened before it is used.
#[derive(Debug, Default)]
pub(super) struct Objects {
    stores: OnceLock<Stores>,
    scratch: OnceLock<Scratch>,
    /// The last copy, since many units are of one file.
    last: Mutex<Option<(PathBuf, FileCopy)>>,
}

impl Objects {
    fn stores(&self) -> io::Result<&Stores> {
        get_or_make(&self.stores, Stores::new)
    }

    fn scratch(&self) -> io::Result<&Path> {
        Ok(get_or_make(&self.scratch, Scratch::new)?.path())
    }
}

/// What is made at its first use; where two threads make it at once, one of the two is kept.
fn get_or_make<T>(cell: &OnceLock<T>, make: impl Fn() -> io::Result<T>) -> io::Result<&T> {
    if cell.get().is_none() {
        let _other = cell.set(make()?);
    }
    Ok(cell.get().expect("it was set above"))
}

fn url(path: &Path) -> io::Result<ObjectUrl> {
    Ok(ObjectUrl::parse(&path.to_string_lossy())?)
}

impl RemoteFiles for Objects {
    fn is_remote(&self, path: &Path) -> bool {
        path.to_str().is_some_and(is_object_url)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<RemoteFile>> {
        let (url, stores) = (url(path)?, self.stores()?);
        let may_be_file = !url.file_name().is_empty() && !path.to_string_lossy().ends_with('/');
        if may_be_file && let Some(object) = stores.find(&url)? {
            return Ok(vec![RemoteFile {
                path: url.as_str().into(),
                name: object.name,
                n_bytes: object.bytes,
                is_in_folder: false,
            }]);
        }
        let objects = stores.list(&url)?.into_iter().map(|object| {
            Ok(RemoteFile {
                path: url.join(&object.name)?.as_str().into(),
                name: object.name,
                n_bytes: object.bytes,
                is_in_folder: true,
            })
        });
        objects.collect()
    }

    fn copy(&self, path: &Path) -> io::Result<FileCopy> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((copied, copy)) if copied == path => return Ok(copy.clone()),
            // Before the next one comes: the disk needs room for one, if no reader holds it.
            _ => *last = None,
        }
        let folder = tempfile::Builder::new().prefix("copy-").tempdir_in(self.scratch()?)?;
        let disk = folder.path().join("object");
        let object = self.stores()?.copy(&url(path)?, &disk)?;
        let (n_bytes, version) = (object.bytes, object.version);
        let copy = FileCopy { disk, n_bytes, version, hold: Arc::new(folder) };
        *last = Some((path.to_owned(), copy.clone()));
        Ok(copy)
    }
}

/// A planned folder in an object store. No object is replaced there.
#[derive(Debug)]
pub(super) struct ObjectFolder {
    objects: Arc<Objects>,
    url: ObjectUrl,
}

impl ObjectFolder {
    pub(super) fn new(objects: Arc<Objects>, path: &Path) -> io::Result<Self> {
        Ok(Self { objects, url: url(path)? })
    }

    fn file(&self, name: &str) -> io::Result<ObjectUrl> {
        Ok(self.url.join(name)?)
    }

    fn put(&self, name: &str, content: Vec<u8>) -> io::Result<()> {
        Ok(self.objects.stores()?.put_once(&self.file(name)?, content)?)
    }
}

impl PlannedFolder for ObjectFolder {
    fn path(&self) -> &Path {
        Path::new(self.url.as_str())
    }

    fn make(&self) -> io::Result<()> {
        Ok(())
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.objects.stores()?.read(&self.file(name)?)?)
    }

    fn read_all(&self, names: &[String]) -> io::Result<Vec<Option<Vec<u8>>>> {
        let urls = names.iter().map(|name| self.file(name)).collect::<io::Result<Vec<_>>>()?;
        Ok(self.objects.stores()?.read_all(&urls)?)
    }

    fn size(&self, name: &str) -> io::Result<Option<u64>> {
        let found = self.objects.stores()?.find(&self.file(name)?)?;
        Ok(found.map(|object| object.bytes))
    }

    fn sizes(&self) -> io::Result<BTreeMap<String, u64>> {
        let objects = self.objects.stores()?.list(&self.url)?;
        Ok(objects.into_iter().map(|object| (object.name, object.bytes)).collect())
    }

    fn checksum(&self, name: &str) -> io::Result<(u64, String)> {
        Ok(self.objects.stores()?.checksum(&self.file(name)?)?)
    }

    fn publish(&self, name: &str, content: &[u8]) -> io::Result<()> {
        self.put(name, content.to_vec())
    }

    fn workbench(&self) -> io::Result<Workbench> {
        let folder =
            tempfile::Builder::new().prefix("part-").tempdir_in(self.objects.scratch()?)?;
        Ok(Workbench { folder: folder.path().to_owned(), hold: Box::new(folder) })
    }

    fn publish_part(&self, part: &PartInfo, workbench: &Workbench) -> io::Result<()> {
        self.put(&part.file, fs::read(workbench.folder.join(&part.file))?)
    }

    /// Nothing is ever half-written here.
    fn tidy(&self) {}
}
