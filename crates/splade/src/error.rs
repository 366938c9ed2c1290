//! Everything that can go wrong between a folder and its vectors.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use splade_model::ModelError;
use splade_sparse::SparseError;
use splade_tokenizer::TokenizerError;

/// Why an encoder could not be loaded or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpladeError {
    /// There is no such folder.
    #[error("no model folder at {}", .path.display())]
    NoFolder {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A JSON file is not what it should be.
    #[error("{} is broken", .path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A field of a configuration has a value that is not supported.
    #[error("{}: `{field}` is `{found}`, expected {expected}", .path.display())]
    ConfigValue {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// A module's class is not supported.
    #[error("{}: modules of class `{class}` are not supported", .path.display())]
    UnknownModule {
        /// The file that names it.
        path: PathBuf,
        /// The class.
        class: String,
    },
    /// A module's folder is not inside the model's.
    #[error("{}: `{found}` is refused: it is not a folder or file inside the model's", .path.display())]
    ModulePath {
        /// The file that names it.
        path: PathBuf,
        /// The path.
        found: String,
    },
    /// Modules in an order that makes no sparse vectors.
    #[error("{}: {what} is not supported", .path.display())]
    ModuleOrder {
        /// The file or folder that holds them.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// A route has a module whose class nothing says.
    #[error("{}: a route has the module `{id}`, which `types` does not name", .path.display())]
    RouterModule {
        /// The router's configuration.
        path: PathBuf,
        /// The module's id.
        id: String,
    },
    /// A task or route that the model does not have.
    #[error("the model has no route for `{route}`; its routes: {}", .known.join(", "))]
    UnknownRoute {
        /// What was asked for.
        route: String,
        /// The routes there are.
        known: Vec<String>,
    },
    /// A call without a task, where no route is the default.
    #[error("the model needs a task, and has no default; its routes: {}", .known.join(", "))]
    NoDefaultRoute {
        /// The routes there are.
        known: Vec<String>,
    },
    /// A prompt that the model does not have.
    #[error("the model has no prompt `{name}`; its prompts: {}", .known.join(", "))]
    UnknownPrompt {
        /// What was asked for.
        name: String,
        /// The prompts there are.
        known: Vec<String>,
    },
    /// Routes whose vectors cannot be compared.
    #[error("the routes of the model have vectors of {first} and of {second} dimensions")]
    RouteDimensions {
        /// The one.
        first: usize,
        /// The other.
        second: usize,
    },
    /// A module does not take what the one before it gives.
    #[error("{}: the module takes vectors of {expected}, but gets vectors of {found}", .path.display())]
    ModuleWidth {
        /// The module's folder.
        path: PathBuf,
        /// What it gets.
        found: usize,
        /// What it takes.
        expected: usize,
    },
    /// A line of a table of token weights is broken.
    #[error("{}, line {line}: not a token and a weight with a tab between them", .path.display())]
    TableLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The tokenizer cannot be loaded or used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The model cannot be loaded or run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A vector is not what it must be.
    #[error(transparent)]
    Sparse(#[from] SparseError),
    /// The tokenizer knows tokens that the model does not.
    #[error(
        "the tokenizer has {tokenizer} tokens, but the model has embeddings for {model}: \
         they do not belong together"
    )]
    VocabularyTooLarge {
        /// Tokens of the tokenizer.
        tokenizer: usize,
        /// Rows of the model's embeddings.
        model: usize,
    },
    /// A limit that the model's positions do not allow.
    #[error("max_seq_length {max_seq_length} is more than the {positions} positions of the model")]
    MaxSeqLength {
        /// What was asked for.
        max_seq_length: usize,
        /// Positions of the model.
        positions: usize,
    },
    /// The name of a device that is none.
    #[error("unknown device `{found}`; known: {known}")]
    UnknownDevice {
        /// What was asked for.
        found: String,
        /// The names there are.
        known: &'static str,
    },
    /// A device whose backend is not part of this build.
    #[error("device `{device}` needs the cargo feature {feature}, which this build does not have")]
    DeviceNotCompiled {
        /// What was asked for.
        device: String,
        /// The features, any one of which brings it.
        feature: &'static str,
    },
    /// A device that this machine does not have.
    #[error("device `{device}` is not there: {why}")]
    DeviceNotFound {
        /// What was asked for.
        device: String,
        /// What was found in its place.
        why: String,
    },
    /// The threads that were asked for could not be started.
    #[error("cannot start {threads} threads")]
    Threads {
        /// How many.
        threads: usize,
        /// Why.
        #[source]
        source: rayon::ThreadPoolBuildError,
    },
    /// The model's arithmetic broke down on a text.
    #[error(
        "text {text}: the weight of vocabulary entry {index} is {value}; is the checkpoint broken?"
    )]
    NotFinite {
        /// Its place among the texts, from 0.
        text: usize,
        /// The vocabulary entry.
        index: u32,
        /// Its weight.
        value: f32,
    },
    /// A name that no model on the hub can have.
    #[error("`{id}` is neither a folder nor the name of a model on the hub (`owner/name`): {why}")]
    InvalidModelId {
        /// What was asked for.
        id: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// An option for the hub that cannot be.
    #[error("the {name} for the hub cannot be used: {why}")]
    InvalidHubOption {
        /// Which.
        name: &'static str,
        /// The rule it breaks. The value is not shown: it may be a secret.
        why: &'static str,
    },
    /// The system does not say where the user's files are.
    #[error("there is no home folder to keep models in; say which folder is the cache")]
    NoCacheFolder,
    /// The client for the hub cannot be made.
    #[error("cannot make a client for the hub at {endpoint}")]
    HubClient {
        /// The hub's address.
        endpoint: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is no such model.
    #[error("no model `{id}` at {endpoint}; check its name (a private model needs a token)")]
    ModelNotFound {
        /// What was asked for.
        id: String,
        /// The hub's address.
        endpoint: String,
    },
    /// The model has no such branch, tag or commit.
    #[error("model `{id}` has no revision `{revision}`; give a branch, tag or commit that it has")]
    RevisionNotFound {
        /// The model.
        id: String,
        /// What was asked for.
        revision: String,
    },
    /// The model is only for those who accept its conditions.
    #[error(
        "model `{id}` is gated: accept its conditions at {endpoint}/{id}, \
         and give a token of that account"
    )]
    ModelGated {
        /// The model.
        id: String,
        /// The hub's address.
        endpoint: String,
    },
    /// The hub does not give the model to this account, or to nobody in particular.
    #[error(
        "the hub does not give model `{id}` (HTTP {status} {message:?}): check its name; if it \
         is private or gated, give a valid token of an account that may read it"
    )]
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
    NoWeightsOnHub {
        /// The model.
        id: String,
        /// Which revision.
        revision: String,
    },
    /// A shard that an index names is not in the repository.
    #[error("model `{id}` lacks `{file}`, a part of its weights; choose another revision")]
    ShardNotOnHub {
        /// The model.
        id: String,
        /// The shard.
        file: String,
    },
    /// A file of the repository names a path outside its folder.
    #[error("`{file}` of model `{id}` names `{named}`, which leaves its folder: not brought")]
    HubPath {
        /// The model.
        id: String,
        /// The file that names it.
        file: String,
        /// What it names.
        named: String,
    },
    /// A file of the repository is not JSON.
    #[error("`{file}` of model `{id}` is not valid JSON; choose another revision")]
    HubJson {
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
    HubUnreachable {
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
    HubListing {
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
    HubDownload {
        /// The model.
        id: String,
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// What arrived twice as a file is not that file.
    #[error(
        "what arrives as `{file}` of model `{id}` has not its {expected} bytes, and was removed; \
         try again later"
    )]
    HubFileSize {
        /// The model.
        id: String,
        /// The file.
        file: String,
        /// Its size on the hub.
        expected: u64,
    },
    /// The cache of the hub's files cannot be read or written.
    #[error("cannot use {} in the cache", .path.display())]
    HubCache {
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
    ModelNotCached {
        /// The model.
        id: String,
        /// Which revision.
        revision: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// Offline, and the cache has the model in part.
    #[error(
        "`{file}` of model `{id}` is not in the cache ({}); \
         download it once without the offline option",
        .folder.display()
    )]
    FileNotCached {
        /// The model.
        id: String,
        /// The file.
        file: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
}
