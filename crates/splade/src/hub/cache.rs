//! The cache of `huggingface_hub`: where a model's snapshots and references lie in it.
//!
//! `models--OWNER--NAME/snapshots/COMMIT/FILE` links to `models--OWNER--NAME/blobs/ETAG`, and
//! `models--OWNER--NAME/refs/REVISION` holds the commit that a branch or tag pointed to. An empty
//! file `models--OWNER--NAME/.no_exist/COMMIT/FILE` says that the commit has no such file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io, process};

use tracing::{debug, warn};

use super::HubError;
use super::id::{ModelId, is_commit};
use super::plan::{Plan, plan_files};

/// The folder that `huggingface_hub` uses by default.
pub(super) fn default_dir() -> Result<PathBuf, HubError> {
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    Ok(home.ok_or(HubError::NoCacheFolder)?.join(".cache/huggingface/hub"))
}

/// One model's part of the cache.
pub(super) struct ModelCache {
    folder: PathBuf,
}

impl ModelCache {
    pub(super) fn new(cache_dir: &Path, id: &ModelId) -> Self {
        let name = format!("models--{}", id.to_string().replace('/', "--"));
        Self { folder: cache_dir.join(name) }
    }

    /// Where the files of a commit are.
    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// Records the commit of a branch or tag; a commit needs no record.
    pub(super) fn write_ref(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        if is_commit(revision) {
            return Ok(());
        }
        let path = self.folder.join("refs").join(revision);
        // Another process may read it meanwhile, and must see the old content or the new.
        let new = path.with_file_name(format!(".{commit}.{}", process::id()));
        let write = || {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(&new, commit)?;
            fs::rename(&new, &path)
        };
        write().map_err(|source| HubError::Cache { path: path.clone(), source })
    }

    /// Records that a commit lacks these files, so that offline they do not count as missing.
    pub(super) fn write_absent(&self, commit: &str, files: &[String]) {
        for path in files.iter().map(|file| self.no_exist(commit, file)) {
            let write = || {
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                fs::File::options().create(true).append(true).open(&path)
            };
            if !path.exists()
                && let Err(error) = write()
            {
                // Without the record, loading the model offline gives a warning.
                debug!("cannot write {}: {error}", path.display());
            }
        }
    }

    fn no_exist(&self, commit: &str, file: &str) -> PathBuf {
        self.folder.join(".no_exist").join(commit).join(file)
    }

    /// Warns about files that a snapshot may lack because the program that downloaded it did not
    /// ask for them.
    fn warn_of_gaps(&self, id: &ModelId, commit: &str, listing: &BTreeSet<String>, plan: &Plan) {
        // Each repository has it, and programs that download single files leave it out.
        if listing.contains(".gitattributes") {
            return;
        }
        let gaps = plan.absent_alterations().filter(|file| !self.no_exist(commit, file).exists());
        let gaps: Vec<&str> = gaps.map(String::as_str).collect();
        if !gaps.is_empty() {
            warn!(
                "the cache does not say whether model `{id}` has {}: vectors may differ from those \
                 of the whole model; load it once without the offline option",
                gaps.join(", ")
            );
        }
    }

    /// The snapshot of a revision, without the network.
    ///
    /// # Errors
    /// The model, its revision, its configuration, weights or one of their shards is not in the
    /// cache.
    pub(super) fn find(&self, id: &ModelId, revision: &str) -> Result<PathBuf, HubError> {
        let not_cached = || HubError::ModelNotCached {
            id: id.to_string(),
            revision: revision.to_owned(),
            folder: self.folder.clone(),
        };
        let commit = if is_commit(revision) {
            revision.to_owned()
        } else {
            let content = fs::read_to_string(self.folder.join("refs").join(revision));
            content.map_err(|_| not_cached())?.trim().to_owned()
        };
        let snapshot = self.snapshot(&commit);
        if !is_commit(&commit) || !snapshot.is_dir() {
            return Err(not_cached());
        }

        let unreadable = |source| HubError::Cache { path: snapshot.clone(), source };
        let listing = list(&snapshot).map_err(unreadable)?;
        let plan =
            plan_files(id, &listing, |file| fs::read(snapshot.join(file)).map_err(unreadable))?;
        let missing = |file: &str| HubError::FileNotCached {
            id: id.to_string(),
            file: file.to_owned(),
            folder: snapshot.clone(),
        };
        if !plan.small.iter().any(|file| file.rsplit('/').next() == Some("config.json")) {
            return Err(missing("config.json"));
        }
        if plan.weights.is_empty() {
            return Err(missing("model.safetensors"));
        }
        match plan.weights.iter().find(|file| !listing.contains(*file)) {
            Some(shard) => Err(missing(shard)),
            None => {
                self.warn_of_gaps(id, &commit, &listing, &plan);
                Ok(snapshot)
            }
        }
    }
}

/// The files below a folder, with `/` in their names. A dangling link does not count.
fn list(folder: &Path) -> io::Result<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    let mut folders = vec![String::new()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(folder.join(&inner))? {
            let entry = entry?;
            // No file of ours has a name that is not UTF-8.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = if inner.is_empty() { name } else { format!("{inner}/{name}") };
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if entry.path().is_file() {
                files.insert(path);
            }
        }
    }
    Ok(files)
}

/// Whether the file exists with this size.
pub(super) fn has_size(path: &Path, n_bytes: u64) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == n_bytes)
}

/// Removes a file of a snapshot and what it links to, so that it is downloaded again.
pub(super) fn discard(path: &Path) -> Result<(), HubError> {
    let blob = fs::canonicalize(path);
    for file in blob.iter().map(PathBuf::as_path).chain([path]) {
        match fs::remove_file(file) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(HubError::Cache { path: file.to_owned(), source });
            }
            _ => {}
        }
    }
    Ok(())
}
