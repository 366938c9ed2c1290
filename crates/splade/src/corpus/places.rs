//! Where inputs and planned folders are: on the disk, or in object stores.

use std::path::Path;
use std::sync::Arc;

use splade_corpus::{LocalFolder, PlannedFolder, RemoteFiles};

use crate::SpladeError;

#[cfg(feature = "object-store")]
mod objects;
#[cfg(feature = "object-store")]
mod scratch;

/// The places of inputs and planned folders: the disk and, with the feature `object-store`, the
/// stores of S3, Google Cloud Storage and Azure, by URLs that stand where paths do
/// (`s3://bucket/corpus`, `gs://`, `az://`, `abfss://`).
///
/// Of objects a process keeps copies, one at a time, in a folder below that of temporary files
/// (`TMPDIR`); it goes with the last handle. Credentials and endpoints come from the environment,
/// under the names that the stores' own tools read.
///
/// ```no_run
/// use std::path::Path;
///
/// use splade::corpus::{CorpusReader, Places, Plan, PlanOptions, ReadOptions, VectorFormat};
///
/// # fn main() -> Result<(), splade::SpladeError> {
/// let places = Places::default();
/// let input = ["s3://bucket/corpus".into()];
/// let reader = CorpusReader::open_with(&input, ReadOptions::default(), places.inputs())?;
/// let folder = places.folder(Path::new("s3://bucket/vectors"))?;
/// Plan::create_in(&*folder, reader, &PlanOptions::new(VectorFormat::JsonLines), |_| {})?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Places {
    #[cfg(feature = "object-store")]
    objects: Arc<objects::Objects>,
}

impl Places {
    /// Those that are not the disk, for readers; `None` if this build has none.
    #[must_use]
    pub fn inputs(&self) -> Option<Arc<dyn RemoteFiles>> {
        #[cfg(feature = "object-store")]
        return Some(Arc::clone(&self.objects) as Arc<dyn RemoteFiles>);
        #[cfg(not(feature = "object-store"))]
        None
    }

    /// The planned folder of this name.
    ///
    /// # Errors
    /// The URL of an object that is malformed.
    pub fn folder(&self, path: &Path) -> Result<Arc<dyn PlannedFolder>, SpladeError> {
        #[cfg(feature = "object-store")]
        if self.objects.is_remote(path) {
            let folder = objects::ObjectFolder::new(Arc::clone(&self.objects), path);
            return Ok(Arc::new(folder.map_err(splade_corpus::CorpusError::read(path))?));
        }
        Ok(Arc::new(LocalFolder::new(path)))
    }
}
