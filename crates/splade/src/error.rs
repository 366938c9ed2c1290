//! Everything that can go wrong between a folder and its vectors.

mod kind;
mod text;

use std::ops::Range;
use std::path::PathBuf;

use splade_model::ModelError;
use splade_sparse::SparseError;
use splade_tokenizer::TokenizerError;

pub use self::kind::ErrorKind;

/// Why an encoder could not be loaded or used.
///
/// [`kind`](Self::kind) says whose fault it is; [`ErrorKind`] has the table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpladeError {
    /// There is no such folder.
    #[error("no model folder at {}", .path.display())]
    #[non_exhaustive]
    NoFolder {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {}", .path.display())]
    #[non_exhaustive]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}", .path.display())]
    #[non_exhaustive]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A part of the model that cannot be saved.
    #[error("{} cannot be saved: {why}", .path.display())]
    #[non_exhaustive]
    NotSaved {
        /// The part.
        path: PathBuf,
        /// Why.
        why: &'static str,
    },
    /// A folder that a saved model may not replace.
    #[error("{} stays as it is: {why}", .path.display())]
    #[non_exhaustive]
    NotReplaced {
        /// The folder.
        path: PathBuf,
        /// Why.
        why: &'static str,
    },
    /// A JSON file is broken, or has values of other types.
    #[error("{} is broken", .path.display())]
    #[non_exhaustive]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A field of a configuration has a value that is not supported.
    #[error("{}: `{field}` is `{found}`, expected {expected}", .path.display())]
    #[non_exhaustive]
    ConfigValue {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// The supported values.
        expected: String,
    },
    /// A key of a configuration, possibly nested, is unknown or has a value that is not supported.
    #[error("{}: `{key}` is {found}, expected {expected}", .path.display())]
    #[non_exhaustive]
    ConfigKey {
        /// The file.
        path: PathBuf,
        /// The key, after the keys above it: `processing_kwargs.text.stride`.
        key: String,
        /// Its value.
        found: String,
        /// The supported values.
        expected: String,
    },
    /// A file that marks the model as an unsupported kind.
    #[error("{} is not supported: {why}", .path.display())]
    #[non_exhaustive]
    UnsupportedFile {
        /// The file.
        path: PathBuf,
        /// What the file means, and what to do.
        why: &'static str,
    },
    /// A module's class is not supported.
    #[error("{}: modules of class `{class}` are not supported", .path.display())]
    #[non_exhaustive]
    UnknownModule {
        /// The file that names it.
        path: PathBuf,
        /// The class.
        class: String,
    },
    /// A module's folder is not inside the model's.
    #[error("{}: `{found}` is refused: it is not a folder or file inside the model's", .path.display())]
    #[non_exhaustive]
    ModulePath {
        /// The file that names it.
        path: PathBuf,
        /// The path.
        found: String,
    },
    /// Modules in an order that makes no sparse vectors.
    #[error("{}: {what} is not supported", .path.display())]
    #[non_exhaustive]
    ModuleOrder {
        /// The file or folder that holds them.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// A route has a module without a class.
    #[error("{}: a route has the module `{id}`, which `types` does not name", .path.display())]
    #[non_exhaustive]
    RouterModule {
        /// The router's configuration.
        path: PathBuf,
        /// The module's id.
        id: String,
    },
    /// A task or route that the model does not have.
    #[error("the model has no route for `{route}`; its routes: {}", .known.join(", "))]
    #[non_exhaustive]
    UnknownRoute {
        /// What was asked for.
        route: String,
        /// The routes there are.
        known: Vec<String>,
    },
    /// A call without a task, for a model without a default route.
    #[error("the model needs a task, and has no default; its routes: {}", .known.join(", "))]
    #[non_exhaustive]
    NoDefaultRoute {
        /// The routes there are.
        known: Vec<String>,
    },
    /// A prompt that the model does not have.
    #[error("the model has no prompt `{name}`; its prompts: {}", .known.join(", "))]
    #[non_exhaustive]
    UnknownPrompt {
        /// What was asked for.
        name: String,
        /// The prompts there are.
        known: Vec<String>,
    },
    /// Routes whose vectors cannot be compared.
    #[error("the routes of the model have vectors of {first} and of {second} dimensions")]
    #[non_exhaustive]
    RouteDimensions {
        /// The dimensions of one route.
        first: usize,
        /// The dimensions of another.
        second: usize,
    },
    /// The width of a module's input differs from that of the vectors before it.
    #[error("{}: the module expects vectors of {expected} dimensions, but gets {found}", .path.display())]
    #[non_exhaustive]
    ModuleWidth {
        /// The module's folder.
        path: PathBuf,
        /// The width that it gets.
        found: usize,
        /// The width that it expects.
        expected: usize,
    },
    /// A line of a table of token weights is broken.
    #[error("{}, line {line}: not a token and a weight with a tab between them", .path.display())]
    #[non_exhaustive]
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
    /// A vector is invalid.
    #[error(transparent)]
    Sparse(#[from] SparseError),
    /// The tokenizer knows tokens that the model does not.
    #[error(
        "the tokenizer has {tokenizer} tokens, but the model has embeddings for {model}: \
         they do not belong together"
    )]
    #[non_exhaustive]
    VocabularyTooLarge {
        /// Tokens of the tokenizer.
        tokenizer: usize,
        /// Rows of the model's embeddings.
        model: usize,
    },
    /// A limit that the model's positions do not allow.
    #[error("max_seq_length {max_seq_length} is more than the {positions} positions of the model")]
    #[non_exhaustive]
    MaxSeqLength {
        /// What was asked for.
        max_seq_length: usize,
        /// Positions of the model.
        positions: usize,
    },
    /// A name that is not a device.
    #[error("unknown device `{found}`; known: {known}")]
    #[non_exhaustive]
    UnknownDevice {
        /// What was asked for.
        found: String,
        /// The names there are.
        known: &'static str,
    },
    /// A device whose backend is not part of this build.
    #[error("device `{device}` needs the cargo feature {feature}, which this build does not have")]
    #[non_exhaustive]
    DeviceNotCompiled {
        /// What was asked for.
        device: String,
        /// The features that enable it; one of them is enough.
        feature: &'static str,
    },
    /// A device that this machine does not have.
    #[error("device `{device}` is not available: {why}")]
    #[non_exhaustive]
    DeviceNotFound {
        /// What was asked for.
        device: String,
        /// What was found instead.
        why: String,
    },
    /// A pool of no devices.
    #[error("a pool needs at least one device")]
    NoDevices,
    /// A worker of a pool could not encode its texts.
    #[error("the worker on {device} failed on chunk {chunk} (texts {} to {})", .texts.start, .texts.end - 1)]
    #[non_exhaustive]
    Worker {
        /// The worker's device.
        device: String,
        /// The chunk, from 0.
        chunk: usize,
        /// The indices of its texts in the call.
        texts: Range<usize>,
        /// Why.
        #[source]
        source: Box<SpladeError>,
    },
    /// A worker of a pool panicked, as a backend does when its device is lost.
    #[error(
        "the worker on {device} panicked on chunk {chunk} (texts {} to {}): {message}",
        .texts.start, .texts.end - 1
    )]
    #[non_exhaustive]
    WorkerPanicked {
        /// The worker's device.
        device: String,
        /// The chunk, from 0.
        chunk: usize,
        /// The indices of its texts in the call.
        texts: Range<usize>,
        /// The panic's message.
        message: String,
    },
    /// The requested threads could not be started.
    #[error("cannot start {threads} threads")]
    #[non_exhaustive]
    Threads {
        /// How many.
        threads: usize,
        /// Why.
        #[source]
        source: rayon::ThreadPoolBuildError,
    },
    /// The model computed a weight that is not finite.
    #[error(
        "text {text}: the weight of vocabulary entry {index} is {value}; is the checkpoint broken?"
    )]
    #[non_exhaustive]
    NotFinite {
        /// Its index in the call.
        text: usize,
        /// The vocabulary entry.
        index: u32,
        /// Its weight.
        value: f32,
    },
    /// The call was cancelled ([`CancelHandle`](crate::CancelHandle)).
    #[error("the call was cancelled")]
    Cancelled,
    /// A text is too long, and must not be cut ([`Truncation::Refuse`](crate::Truncation::Refuse)).
    #[error(
        "text {text} has {n_tokens} tokens, more than max_seq_length ({max_seq_length}); \
         shorten it, or let it be cut"
    )]
    #[non_exhaustive]
    TextTooLong {
        /// Its index in the call.
        text: usize,
        /// Its number of tokens, special tokens and prompt included.
        n_tokens: usize,
        /// What was allowed.
        max_seq_length: usize,
    },
    /// A prompt for a text that is given as token ids.
    #[error(
        "the prompt {prompt:?} cannot be put before token ids: set the prompt to an empty string, or decode the \
         ids and encode them as text"
    )]
    #[non_exhaustive]
    PromptBeforeIds {
        /// The prompt.
        prompt: String,
    },
    /// The number of options per text is not the number of texts.
    #[error("there are {n_texts} texts, but options for {n_options}")]
    #[non_exhaustive]
    TextOptionsCount {
        /// The texts.
        n_texts: usize,
        /// The options.
        n_options: usize,
    },
    /// Texts that were tokenised by another model, or for another route.
    #[error(
        "the texts were tokenised by another model, by another load of it, or for another route"
    )]
    OtherTokens,
    /// A file of texts or vectors cannot be read or written.
    #[cfg(feature = "corpus")]
    #[error(transparent)]
    Corpus(#[from] splade_corpus::CorpusError),
    /// Judgements or runs are invalid.
    #[cfg(feature = "evaluate")]
    #[error(transparent)]
    Evaluate(#[from] splade_evaluate::EvaluateError),
    /// An index on disk cannot be built or searched.
    #[cfg(feature = "index")]
    #[error(transparent)]
    Index(#[from] splade_index::IndexError),
    /// A judged query that the file of queries lacks.
    #[error("{}: query `{id}` is judged, but not in this file", .path.display())]
    #[non_exhaustive]
    JudgedQuery {
        /// The file of queries.
        path: PathBuf,
        /// The query.
        id: String,
    },
    /// Judgements of documents other than those that were searched.
    #[error(
        "none of the {n_judged} judged documents is among the {n_documents} that were searched: is it the \
         corpus of these judgements, and do the ids agree?"
    )]
    #[non_exhaustive]
    NoJudgedDocument {
        /// Documents that are judged, relevant or not.
        n_judged: usize,
        /// Documents that were searched.
        n_documents: usize,
    },
    /// A similarity function that an inverted index cannot rank by.
    #[error(
        "documents cannot be ranked by {similarity} scores: an inverted index ranks by dot or cosine"
    )]
    #[non_exhaustive]
    RetrievalSimilarity {
        /// The function.
        similarity: &'static str,
    },
    /// Texts of a stream that cannot be encoded.
    #[error("cannot encode {locations}")]
    #[non_exhaustive]
    Texts {
        /// Where the text came from, or the first and the last of those that were encoded together.
        locations: String,
        /// Why.
        #[source]
        source: Box<SpladeError>,
    },
    /// Encoding texts of a stream panicked.
    #[error("encoding {locations} panicked: {message}")]
    #[non_exhaustive]
    TextsPanicked {
        /// Where the first and the last of the texts that were encoded together came from.
        locations: String,
        /// The panic's message.
        message: String,
    },
    /// A unit of a planned corpus cannot be encoded.
    #[error("unit {number} ({part})")]
    #[non_exhaustive]
    Unit {
        /// Its number.
        number: u64,
        /// Its part.
        part: String,
        /// Why.
        #[source]
        source: Box<SpladeError>,
    },
    /// The iterator that gave the texts of a stream has panicked.
    #[error("the reader of the texts panicked before their end")]
    StreamBroken,
    /// There is no folder of that name, and the hub gave no model of that name.
    #[cfg(feature = "hub")]
    #[error("there is no folder `{id}`, and the hub gave no model of that name")]
    #[non_exhaustive]
    Hub {
        /// What was asked for.
        id: String,
        /// Why.
        #[source]
        source: crate::hub::HubError,
    },
    /// The environment's settings for the hub cannot be used.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    HubEnvironment(crate::hub::HubError),
    /// There is no folder of that name, and this build has no support for the hub.
    #[error(
        "no model folder at {}; to load models from the hub, build with the cargo feature `hub`",
        .path.display()
    )]
    #[non_exhaustive]
    HubNotCompiled {
        /// What was asked for.
        path: PathBuf,
    },
}
