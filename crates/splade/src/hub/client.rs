//! The client for the hub: lists a repository and downloads its files into the cache, with
//! `hf-hub`.
//!
//! # Source
//! hf-hub 1.0.0, `src/repository/download.rs`. It checks neither the status nor the length of what
//! it stores, so every file's size is compared with the listing here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use hf_hub::progress::{DownloadEvent, Progress, ProgressEvent, ProgressHandler};
use hf_hub::repository::{RepoTreeEntry, RepoTypeModel};
use hf_hub::{HFClient, HFError, HFRepositorySync};
use tracing::{debug, info};

use crate::progress::Callback;

use super::HubError;
use super::cache::{ModelCache, discard, has_size};
use super::id::{ModelId, is_commit};
use super::plan::plan_files;
use super::{DEFAULT_ENDPOINT, DEFAULT_REVISION, DownloadProgress, HubOptions};

/// Given to hf-hub if there is no token: otherwise it looks for one in the environment. A line
/// break cannot be part of a header, so hf-hub sends no token (`HFClient::auth_headers`; the test
/// `the_environment_is_not_read` checks this).
const NO_TOKEN: &str = "\n";

/// Tries after the first if the connection fails or the hub is overloaded, after pauses of at most
/// 0.2, 0.4 and 0.8 seconds.
const N_RETRIES: usize = 3;

/// How many times to repeat hf-hub's wait of 10 seconds for another process, which may be
/// downloading the same file.
const N_LOCK_WAITS: usize = 60;

/// The repository of a model on a hub.
pub(super) struct Client {
    id: String,
    endpoint: String,
    repository: HFRepositorySync<RepoTypeModel>,
    progress: Option<Callback<DownloadProgress>>,
}

impl Client {
    pub(super) fn new(
        id: &ModelId,
        options: &HubOptions,
        cache_dir: &Path,
    ) -> Result<Self, HubError> {
        let endpoint =
            options.endpoint.as_deref().unwrap_or(DEFAULT_ENDPOINT).trim_end_matches('/');
        let client = HFClient::builder()
            .endpoint(endpoint)
            .token(options.token.as_deref().unwrap_or(NO_TOKEN))
            .cache_dir(cache_dir)
            .user_agent(concat!("splade/", env!("CARGO_PKG_VERSION")))
            .retry_max_attempts(N_RETRIES)
            .build_sync()
            .map_err(|error| HubError::Client {
                endpoint: endpoint.to_owned(),
                source: Box::new(error),
            })?;
        Ok(Self {
            id: id.to_string(),
            endpoint: endpoint.to_owned(),
            repository: client.model(&id.owner, &id.name),
            progress: options.progress.clone(),
        })
    }

    /// Downloads the files of a revision that an encoder needs and the cache lacks; returns their
    /// folder.
    pub(super) fn fetch(
        &self,
        id: &ModelId,
        cache: &ModelCache,
        revision: &str,
    ) -> Result<PathBuf, HubError> {
        let commit = self.commit(revision)?;
        let sizes = self.list(&commit)?;
        let snapshot = Snapshot { client: self, folder: cache.snapshot(&commit), commit: &commit };

        let listing: BTreeSet<String> = sizes.keys().cloned().collect();
        let plan = plan_files(id, &listing, |file| {
            let path = snapshot.ensure(file, sizes[file], None)?;
            fs::read(&path).map_err(|source| HubError::Cache { path, source })
        })?;
        if plan.weights.is_empty() {
            let (id, revision) = (self.id.clone(), revision.to_owned());
            return Err(HubError::NoWeightsOnHub { id, revision });
        }
        if let Some(shard) = plan.weights.iter().find(|file| !sizes.contains_key(*file)) {
            return Err(HubError::ShardNotOnHub { id: self.id.clone(), file: shard.clone() });
        }

        let wanted: Vec<(&str, u64)> = plan
            .files()
            .map(|file| (file.as_str(), sizes[file]))
            .filter(|(file, n_bytes)| !has_size(&snapshot.folder.join(file), *n_bytes))
            .collect();
        let total_bytes = wanted.iter().map(|(_, n_bytes)| n_bytes).sum();
        let mut n_bytes_before = 0;
        for (file, n_bytes) in wanted {
            let progress = self.progress.clone().map(|on_progress| {
                let file = file.to_owned();
                Progress::new(Reporter { on_progress, file, n_bytes, n_bytes_before, total_bytes })
            });
            snapshot.ensure(file, n_bytes, progress)?;
            n_bytes_before += n_bytes;
        }
        cache.write_absent(&commit, &plan.absent);
        // Last, so that a load offline never finds an incomplete snapshot.
        cache.write_ref(revision, &commit)?;
        Ok(snapshot.folder)
    }

    /// The commit that a revision points to.
    fn commit(&self, revision: &str) -> Result<String, HubError> {
        // If the default were requested by name, a missing model would be reported as a missing
        // revision.
        let named = (revision != DEFAULT_REVISION).then_some(revision);
        let info = self.repository.info().maybe_revision(named.map(str::to_owned)).send();
        let info = info.map_err(|error| self.refused(error, None))?;
        // It becomes the name of a folder.
        info.sha.filter(|sha| is_commit(sha)).ok_or_else(|| {
            self.refused(HFError::malformed_response("the commit of the revision"), None)
        })
    }

    /// The size of each file of a commit.
    fn list(&self, commit: &str) -> Result<BTreeMap<String, u64>, HubError> {
        let entries = self.repository.list_tree().revision(commit).recursive(true).send();
        let entries = entries.map_err(|error| self.refused(error, None))?;
        let sizes = entries.into_iter().filter_map(|entry| match entry {
            RepoTreeEntry::File { path, size, .. } => Some((path, size)),
            RepoTreeEntry::Directory { .. } => None,
        });
        Ok(sizes.collect())
    }

    /// Converts an error to one about the model, or about the file being downloaded.
    fn refused(&self, error: HFError, file: Option<&str>) -> HubError {
        let (id, endpoint) = (self.id.clone(), self.endpoint.clone());
        let context = match &error {
            HFError::Http { context }
            | HFError::AuthRequired { context }
            | HFError::Forbidden { context }
            | HFError::RepoNotFound { context: Some(context), .. }
            | HFError::RevisionNotFound { context: Some(context), .. } => Some(context),
            _ => None,
        };
        if let Some(context) = context {
            match (context.status.as_u16(), context.error_code.as_deref()) {
                (_, Some("GatedRepo")) => return HubError::ModelGated { id, endpoint },
                (404, Some("RepoNotFound")) => return HubError::ModelNotFound { id, endpoint },
                (status @ (401 | 403), _) => {
                    let message = context.server_message.clone().unwrap_or_default();
                    return HubError::ModelRefused { id, status, message };
                }
                _ => {}
            }
        }
        match (error, file) {
            (HFError::RepoNotFound { .. }, _) => HubError::ModelNotFound { id, endpoint },
            (HFError::RevisionNotFound { revision, .. }, _) => {
                HubError::RevisionNotFound { id, revision }
            }
            (HFError::Request { source, .. }, _) if source.is_connect() => {
                HubError::Unreachable { id, endpoint, source: Box::new(source) }
            }
            (HFError::Request { source, .. }, Some(file)) => {
                HubError::Download { id, file: file.to_owned(), source: Box::new(source) }
            }
            (error, Some(file)) => {
                HubError::Download { id, file: file.to_owned(), source: Box::new(error) }
            }
            (error, None) => HubError::Listing { id, endpoint, source: Box::new(error) },
        }
    }
}

/// The folder of one commit in the cache, and where its files come from.
struct Snapshot<'a> {
    client: &'a Client,
    folder: PathBuf,
    commit: &'a str,
}

impl Snapshot<'_> {
    /// Downloads a file, unless it is in the cache; returns its path.
    fn ensure(
        &self,
        file: &str,
        n_bytes: u64,
        progress: Option<Progress>,
    ) -> Result<PathBuf, HubError> {
        let path = self.folder.join(file);
        if has_size(&path, n_bytes) {
            return Ok(path);
        }
        // hf-hub takes any file that it finds as complete, so a file of another size is removed
        // first. It may then find a broken blob that the snapshot did not link to, hence two
        // attempts.
        discard(&path)?;
        for _ in 0..2 {
            self.download(file, progress.clone())?;
            if has_size(&path, n_bytes) {
                return Ok(path);
            }
            let found = fs::metadata(&path).map_or(0, |file| file.len());
            debug!(file, found, expected = n_bytes, "the size differs from the listing");
            discard(&path)?;
        }
        Err(HubError::FileSize {
            id: self.client.id.clone(),
            file: file.to_owned(),
            expected: n_bytes,
        })
    }

    fn download(&self, file: &str, progress: Option<Progress>) -> Result<(), HubError> {
        let mut n_waits = 0;
        loop {
            let request = self.client.repository.download_file().filename(file);
            let request = request.revision(self.commit).maybe_progress(progress.clone());
            match request.send() {
                Ok(_) => return Ok(()),
                Err(HFError::CacheLockTimeout { .. }) if n_waits < N_LOCK_WAITS => {
                    info!(file, "another process is downloading the file");
                    n_waits += 1;
                }
                Err(HFError::Io(source)) => {
                    let path = self.folder.join(file);
                    return Err(HubError::Cache { path, source });
                }
                Err(error) => return Err(self.client.refused(error, Some(file))),
            }
        }
    }
}

/// Turns hf-hub's events about one file into the progress of the whole download.
struct Reporter {
    on_progress: Callback<DownloadProgress>,
    file: String,
    n_bytes: u64,
    n_bytes_before: u64,
    total_bytes: u64,
}

impl ProgressHandler for Reporter {
    fn on_progress(&self, event: &ProgressEvent) {
        let n_bytes = match event {
            ProgressEvent::Download(DownloadEvent::Start { .. }) => 0,
            ProgressEvent::Download(DownloadEvent::Progress { files }) => {
                files.iter().map(|file| file.bytes_completed).sum()
            }
            ProgressEvent::Download(DownloadEvent::AggregateProgress {
                bytes_completed, ..
            }) => *bytes_completed,
            ProgressEvent::Download(DownloadEvent::Complete) => self.n_bytes,
            ProgressEvent::Upload(_) => return,
        };
        self.on_progress.call(&DownloadProgress {
            file: self.file.clone(),
            n_bytes: self.n_bytes_before + n_bytes.min(self.n_bytes),
            total_bytes: self.total_bytes,
        });
    }
}
