//! What can go wrong between a model's name and the folder of its files.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// Why a model could not be downloaded from the hub, or found in its cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// A name that no model on the hub can have.
    #[error("`{id}` cannot be the id of a model on the hub (`owner/name`): {why}")]
    #[non_exhaustive]
    InvalidModelId {
        /// What was asked for.
        id: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// An invalid option for the hub.
    #[error("the {name} for the hub cannot be used: {why}")]
    #[non_exhaustive]
    InvalidOption {
        /// Which.
        name: &'static str,
        /// The rule it breaks. The value is not shown: it may be a secret.
        why: &'static str,
    },
    /// A variable of the environment is not text.
    #[error("the environment variable {name} is not valid text; set it again, or unset it")]
    #[non_exhaustive]
    Variable {
        /// The variable.
        name: &'static str,
    },
    /// The file with the user's token cannot be read.
    #[error(
        "cannot read the token in {} (set HF_TOKEN, or HF_HUB_DISABLE_IMPLICIT_TOKEN=1 to send none)",
        .path.display()
    )]
    #[non_exhaustive]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system names no home folder of the user.
    #[error("there is no home folder to cache models in; set the folder of the cache")]
    NoCacheFolder,
    /// The client for the hub cannot be made.
    #[error("cannot create a client for the hub at {endpoint}")]
    #[non_exhaustive]
    Client {
        /// The hub's address.
        endpoint: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is no such model.
    #[error("no model `{id}` at {endpoint}; check its name (a private model needs a token)")]
    #[non_exhaustive]
    ModelNotFound {
        /// What was asked for.
        id: String,
        /// The hub's address.
        endpoint: String,
    },
    /// The model has no such branch, tag or commit.
    #[error("model `{id}` has no revision `{revision}`; give a branch, tag or commit that it has")]
    #[non_exhaustive]
    RevisionNotFound {
        /// The model.
        id: String,
        /// What was asked for.
        revision: String,
    },
    /// The model is only for those who accept its conditions.
    #[error(
        "model `{id}` is gated: accept its conditions at {endpoint}/{id}, \
         and give a token of the account that accepted them"
    )]
    #[non_exhaustive]
    ModelGated {
        /// The model.
        id: String,
        /// The hub's address.
        endpoint: String,
    },
    /// The hub refuses the model to this account, or to requests without an account.
    #[error(
        "the hub refuses model `{id}` (HTTP {status} {message:?}): check its name; if it \
         is private or gated, give a valid token of an account that may read it"
    )]
    #[non_exhaustive]
    ModelRefused {
        /// The model.
        id: String,
        /// 401 or 403.
        status: u16,
        /// What the hub says.
        message: String,
    },
    /// The repository holds no weights that can be read.
    #[error(
        "model `{id}` has no weights at revision `{revision}`: neither model.safetensors nor \
         pytorch_model.bin, whole or in shards; choose another model or revision"
    )]
    #[non_exhaustive]
    NoWeightsOnHub {
        /// The model.
        id: String,
        /// Which revision.
        revision: String,
    },
    /// A shard that an index names is not in the repository.
    #[error("model `{id}` lacks `{file}`, a part of its weights; choose another revision")]
    #[non_exhaustive]
    ShardNotOnHub {
        /// The model.
        id: String,
        /// The shard.
        file: String,
    },
    /// A file of the repository names a path outside its folder.
    #[error(
        "`{file}` of model `{id}` names `{named}`, which is outside its folder; \
         it was not downloaded"
    )]
    #[non_exhaustive]
    Path {
        /// The model.
        id: String,
        /// The file that names it.
        file: String,
        /// What it names.
        named: String,
    },
    /// A file of the repository is not JSON.
    #[error("`{file}` of model `{id}` is not valid JSON; choose another revision")]
    #[non_exhaustive]
    Json {
        /// The model.
        id: String,
        /// The file.
        file: String,
        /// Where it breaks.
        #[source]
        source: serde_json::Error,
    },
    /// No connection to the hub.
    #[error(
        "cannot reach the hub at {endpoint} for model `{id}`; check the network, \
         or use the cache alone (offline) if it was downloaded before"
    )]
    #[non_exhaustive]
    Unreachable {
        /// The model.
        id: String,
        /// The hub's address.
        endpoint: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The hub did not say which files the model has.
    #[error("cannot list the files of model `{id}` at {endpoint}; try again later")]
    #[non_exhaustive]
    Listing {
        /// The model.
        id: String,
        /// The hub's address.
        endpoint: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A file did not arrive.
    #[error("the download of `{file}` of model `{id}` failed; try again: whole files are kept")]
    #[non_exhaustive]
    Download {
        /// The model.
        id: String,
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The download of a file had the wrong size twice.
    #[error(
        "the download of `{file}` of model `{id}` does not have the expected {expected} bytes, \
         and was removed; try again later"
    )]
    #[non_exhaustive]
    FileSize {
        /// The model.
        id: String,
        /// The file.
        file: String,
        /// Its size on the hub.
        expected: u64,
    },
    /// The cache of the hub's files cannot be read or written.
    #[error("cannot use {} in the cache", .path.display())]
    #[non_exhaustive]
    Cache {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Offline, and the model or revision is not in the cache.
    #[error(
        "model `{id}` at revision `{revision}` is not in the cache ({}); \
         download it once without the offline option",
        .folder.display()
    )]
    #[non_exhaustive]
    ModelNotCached {
        /// The model.
        id: String,
        /// Which revision.
        revision: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// Offline, and the cache has only a part of the model.
    #[error(
        "`{file}` of model `{id}` is not in the cache ({}); \
         download it once without the offline option",
        .folder.display()
    )]
    #[non_exhaustive]
    FileNotCached {
        /// The model.
        id: String,
        /// The file.
        file: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
}
