//! Reads objects: lists, sizes, contents, copies on the disk.

use std::io::{self, Write};
use std::path::Path;

use futures_util::{StreamExt, TryStreamExt};
use object_store::{GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt};
use tempfile::NamedTempFile;

use crate::{ObjectUrl, StoreError, StoreProblem, Stores};

/// Requests at once, where many small objects are read.
const AT_ONCE: usize = 16;

/// An object of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Object {
    /// Its name below the folder that was listed; its file name, if it was asked for alone.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// What changes when it is replaced: its ETag, or else when it was put.
    pub version: String,
}

impl Object {
    fn new(name: &str, meta: &ObjectMeta) -> Self {
        let version = meta.e_tag.clone().unwrap_or_else(|| meta.last_modified.to_rfc3339());
        Self { name: name.to_owned(), bytes: meta.size, version }
    }
}

/// Takes the pieces of an object.
type Take<'a> = dyn FnMut(Option<&[u8]>) -> Result<(), StoreError> + 'a;

impl Stores {
    /// The objects in a folder and the folders below it, by name; folders come where their names
    /// stand among those of objects.
    ///
    /// # Errors
    /// [`StoreProblem`].
    pub fn list(&self, folder: &ObjectUrl) -> Result<Vec<Object>, StoreError> {
        let store = self.store(folder)?;
        let mut objects = self.repeat(|| async {
            let found: Vec<ObjectMeta> = store
                .list(Some(&folder.key))
                .try_collect()
                .await
                .map_err(|error| StoreError::of(folder.as_str(), error))?;
            Ok(found)
        })?;
        // An object that stands for a folder, as consoles make them.
        objects.retain(|meta| meta.size > 0 || !meta.location.as_ref().ends_with('/'));
        let n_above = folder.key.parts_count();
        let name = |meta: &ObjectMeta| -> Vec<String> {
            meta.location.parts().skip(n_above).map(|part| part.as_ref().to_owned()).collect()
        };
        objects.sort_by_cached_key(name);
        let objects = objects.iter().filter(|meta| meta.location != folder.key);
        Ok(objects.map(|meta| Object::new(&name(meta).join("/"), meta)).collect())
    }

    /// One object; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreProblem`].
    pub fn find(&self, url: &ObjectUrl) -> Result<Option<Object>, StoreError> {
        let store = self.store(url)?;
        let found = self.repeat(|| async {
            store.head(&url.key).await.map_err(|error| StoreError::of(url.as_str(), error))
        });
        match found {
            Ok(meta) => Ok(Some(Object::new(url.file_name(), &meta))),
            Err(StoreError { problem: StoreProblem::NotFound, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The content of a small object; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreProblem`].
    pub fn read(&self, url: &ObjectUrl) -> Result<Option<Vec<u8>>, StoreError> {
        let store = self.store(url)?;
        self.repeat(|| read(&*store, url))
    }

    /// The contents of many small objects of one bucket, in order, with several requests at once.
    ///
    /// # Errors
    /// [`StoreProblem`].
    pub fn read_all(&self, urls: &[ObjectUrl]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let Some(first) = urls.first() else { return Ok(Vec::new()) };
        let store = self.store(first)?;
        self.repeat(|| {
            let contents = urls.iter().map(|url| read(&*store, url));
            futures_util::stream::iter(contents).buffered(AT_ONCE).try_collect()
        })
    }

    /// The size of an object, and its CRC-32 in hexadecimal digits. It is read, and not kept.
    ///
    /// # Errors
    /// [`StoreProblem`].
    pub fn checksum(&self, url: &ObjectUrl) -> Result<(u64, String), StoreError> {
        let mut crc = crc32fast::Hasher::new();
        let object = self.stream(url, &mut |chunk| {
            match chunk {
                Some(bytes) => crc.update(bytes),
                None => crc = crc32fast::Hasher::new(),
            }
            Ok(())
        })?;
        Ok((object.bytes, format!("{:08x}", crc.finalize())))
    }

    /// Copies an object to a file, which appears whole or not at all; all bytes are of one version.
    ///
    /// # Errors
    /// [`StoreProblem`].
    pub fn copy(&self, url: &ObjectUrl, path: &Path) -> Result<Object, StoreError> {
        let disk = |source: io::Error| {
            let path = path.display().to_string();
            StoreError::new(url.as_str(), StoreProblem::Disk { path, source })
        };
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(disk)?;
        let mut file = NamedTempFile::new_in(folder).map_err(disk)?;
        let object = self.stream(url, &mut |chunk| {
            let done = match chunk {
                Some(bytes) => file.write_all(bytes),
                None => file.as_file().set_len(0).and_then(|()| io::Seek::rewind(&mut file)),
            };
            done.map_err(disk)
        })?;
        file.persist(path).map_err(|error| disk(error.error))?;
        Ok(object)
    }

    /// Hands the bytes of an object to `take`, piece by piece; `None` says that they begin anew.
    pub(crate) fn stream(
        &self,
        url: &ObjectUrl,
        take: &mut Take<'_>,
    ) -> Result<Object, StoreError> {
        let store = self.store(url)?;
        let of = |error| StoreError::of(url.as_str(), error);
        let take = std::cell::RefCell::new(take);
        self.repeat(|| async {
            let got = store.get_opts(&url.key, GetOptions::default()).await.map_err(of)?;
            let meta = got.meta.clone();
            (take.borrow_mut())(None)?;
            // The client continues a cut transfer, if the object's ETag is still the same.
            let (mut chunks, mut found) = (got.into_stream(), 0);
            while let Some(chunk) = chunks.next().await {
                let chunk = chunk.map_err(of)?;
                found += chunk.len() as u64;
                (take.borrow_mut())(Some(&chunk))?;
            }
            let expected = meta.size;
            if found != expected {
                let problem = StoreProblem::Size { found, expected };
                return Err(StoreError::new(url.as_str(), problem));
            }
            Ok(Object::new(url.file_name(), &meta))
        })
    }
}

async fn read(store: &dyn ObjectStore, url: &ObjectUrl) -> Result<Option<Vec<u8>>, StoreError> {
    let read = async { store.get(&url.key).await?.bytes().await };
    match read.await.map_err(|error| StoreError::of(url.as_str(), error)) {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(StoreError { problem: StoreProblem::NotFound, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
