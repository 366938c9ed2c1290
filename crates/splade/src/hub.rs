//! Models by name: downloads the files of a model from the Hugging Face hub, or finds them in its
//! cache.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use splade::hub::{HubOptions, fetch};
//!
//! let options = HubOptions::default().with_progress(|p| eprintln!("{} {}", p.file, p.n_bytes));
//! let folder = fetch("naver/splade-v3", &options)?;
//! let encoder = splade::SparseEncoder::load(folder)?;
//!
//! // Or both at once, with options from the environment (HF_TOKEN, HF_HOME, ...):
//! let encoder = splade::SparseEncoder::load("naver/splade-v3")?;
//! # Ok(())
//! # }
//! ```
//!
//! # The cache
//! It has the layout of `huggingface_hub`, so Python and this library find each other's downloads.
//! A branch or tag is recorded there only when all its files have arrived; so are the files that a
//! commit does not have. Offline, a snapshot that another program or an older version of this one
//! has downloaded may lack files that are read here (`special_tokens_map.json`,
//! `adapter_config.json`). If neither such a record nor `.gitattributes`, the sign of a whole
//! repository, shows that the model has none, a warning names them, and the model is loaded without
//! them.
//!
//! # The environment
//! [`SparseEncoder::load`](crate::SparseEncoder::load) reads it, as [`HubOptions::from_env`] does;
//! with explicit options ([`HubOptions::default`]) it is ignored here. Three dependencies still
//! read it: reqwest for proxies (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`), rustls on
//! Linux for certificates (`SSL_CERT_FILE`, `SSL_CERT_DIR`), and the hub's transfer protocol for
//! large files for its options (`HF_XET_*`) and its working files (in `HF_HOME`).

use std::fmt;
use std::path::PathBuf;

use tracing::info_span;

use crate::progress::Callback;

mod cache;
mod client;
mod environment;
mod error;
mod id;
mod plan;

use cache::ModelCache;
use client::Client;
use id::ModelId;

pub use error::HubError;

const DEFAULT_ENDPOINT: &str = "https://huggingface.co";
const DEFAULT_REVISION: &str = "main";

/// What to get from the hub, and how.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct HubOptions {
    /// Branch, tag or commit. Default: `main`.
    pub revision: Option<String>,
    /// Token of an account that may read the model. Default: none is sent.
    pub token: Option<String>,
    /// Where the files are kept. Default: `.cache/huggingface/hub` in the home folder.
    pub cache_dir: Option<PathBuf>,
    /// Use the cache alone, and never the network.
    pub offline: bool,
    /// The hub's address. Default: `https://huggingface.co`.
    pub endpoint: Option<String>,
    /// Called with the progress of the download.
    progress: Option<Callback<DownloadProgress>>,
}

/// Progress of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadProgress {
    /// The file being downloaded, as a path from the root of the repository.
    pub file: String,
    /// Bytes that have arrived, of all files.
    pub n_bytes: u64,
    /// Bytes to download: all files that are not in the cache.
    pub total_bytes: u64,
}

impl HubOptions {
    /// Sets [`revision`](Self::revision).
    #[must_use]
    pub fn with_revision(mut self, revision: impl Into<String>) -> Self {
        self.revision = Some(revision.into());
        self
    }

    /// Sets [`token`](Self::token).
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Sets [`cache_dir`](Self::cache_dir).
    #[must_use]
    pub fn with_cache_dir(mut self, cache_dir: impl Into<PathBuf>) -> Self {
        self.cache_dir = Some(cache_dir.into());
        self
    }

    /// Sets [`offline`](Self::offline).
    #[must_use]
    pub fn with_offline(mut self) -> Self {
        self.offline = true;
        self
    }

    /// Sets [`endpoint`](Self::endpoint).
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// Calls `on_progress` while files arrive, several times a second, on another thread; the
    /// download waits for it. It is not called for files that are in the cache.
    #[must_use]
    pub fn with_progress(
        mut self,
        on_progress: impl Fn(&DownloadProgress) + Send + Sync + 'static,
    ) -> Self {
        self.progress = Some(Callback::new(on_progress));
        self
    }

    /// Refuses values that are unsafe as a path, or that a dependency would drop silently.
    fn check(&self) -> Result<(), HubError> {
        let refuse = |name, why| Err(HubError::InvalidOption { name, why });
        if let Some(revision) = &self.revision
            && !id::is_revision(revision)
        {
            return refuse("revision", "it is not the name of a branch, tag or commit");
        }
        if let Some(token) = &self.token
            && (token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()))
        {
            return refuse("token", "it is empty, or has spaces or line breaks");
        }
        if let Some(endpoint) = &self.endpoint
            && !["https://", "http://"].iter().any(|scheme| endpoint.starts_with(scheme))
        {
            return refuse("endpoint", "it is not an address that begins with https:// or http://");
        }
        Ok(())
    }
}

/// The token is a secret: it is not shown.
impl fmt::Debug for HubOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubOptions")
            .field("revision", &self.revision)
            .field("token", &self.token.as_ref().map(|_| "..."))
            .field("cache_dir", &self.cache_dir)
            .field("offline", &self.offline)
            .field("endpoint", &self.endpoint)
            .field("progress", &self.progress)
            .finish()
    }
}

/// Downloads the files of a model that an encoder needs, and returns their folder.
///
/// `id` is `owner/name`; a name without an owner is looked for under `sparse-encoder/`, as in
/// sentence-transformers. Files that are in the cache are not downloaded again.
///
/// The files: configurations, tokenizer and static weights, by name, in the root and in the
/// folders that `modules.json` and `router_config.json` name; and in each of these the weights:
/// `model.safetensors`, else the shards of `model.safetensors.index.json`, else the same as
/// `pytorch_model.bin`. Nothing else.
///
/// # Errors
/// An invalid id or option; no such model or revision; a model that needs a token; no weights; no
/// connection, or one that breaks off (a second try continues with the missing files); offline, a
/// file that is not in the cache.
///
/// # Panics
/// If the callback for progress panics.
pub fn fetch(id: &str, options: &HubOptions) -> Result<PathBuf, HubError> {
    let id = ModelId::parse(id)?;
    options.check()?;
    let _span = info_span!("fetch", id = %id, offline = options.offline).entered();
    let revision = options.revision.as_deref().unwrap_or(DEFAULT_REVISION);
    let cache_dir = match &options.cache_dir {
        Some(folder) => folder.clone(),
        None => cache::default_dir()?,
    };
    let cache = ModelCache::new(&cache_dir, &id);
    if options.offline {
        return cache.find(&id, revision);
    }
    Client::new(&id, options, &cache_dir)?.fetch(&id, &cache, revision)
}
