//! [`SparseEncoder`]: turns texts into sparse vectors, and compares them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use splade_model::Arithmetic;
use splade_sparse::{DenseMatrix, SparseMatrix, SparseRow, Sparsity};
use tracing::info_span;

use crate::call::Call;
use crate::info::{Isa, ModelInfo};
use crate::inputs::Inputs;
use crate::locate::locate;
use crate::pipeline::{Graph, Pipeline};
use crate::pool::{EncoderPool, start_threads};
use crate::save::{self, Handle, SaveOptions};
use crate::settings::Settings;
use crate::tokenized::{TextLength, TokenizedTexts};
use crate::{Device, EncodeOptions, Precision, SparseEncoderBuilder, SpladeError, TextOptions};

/// A SPLADE model with its tokenizer: texts in, sparse vectors out.
///
/// It is a handle: a clone is cheap, shares weights, tokenizer and threads, and can be used from
/// any thread. All calls take `&self`. Settings that can change after loading
/// ([`with_max_seq_length`](Self::with_max_seq_length) and the like) return a new handle and leave
/// this one unchanged.
#[derive(Clone)]
pub struct SparseEncoder {
    model: Arc<Model>,
    pub(crate) settings: Arc<Settings>,
}

/// State shared by all handles.
struct Model {
    folder: PathBuf,
    device: Device,
    arithmetic: Arithmetic,
    chosen_isa: Option<Isa>,
    graph: Graph,
    threads: Option<rayon::ThreadPool>,
}

/// Vectors, with counts of texts and tokens.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Encoded {
    /// One row for each text, in the order of the texts.
    pub embeddings: SparseMatrix,
    /// For each text: its number of tokens, and how many were cut off.
    pub lengths: Vec<TextLength>,
    /// Total number of tokens, after cutting.
    pub n_tokens: usize,
    /// Number of texts that were longer than `max_seq_length` and were cut.
    pub n_truncated: usize,
}

impl SparseEncoder {
    /// Loads a model onto the CPU. `model` is a folder, or else the id of a model on the Hugging
    /// Face hub (`naver/splade-v3`; cargo feature `hub`). The model's files are downloaded first,
    /// unless they are in the cache, which Python shares. Token, cache and endpoint come from the
    /// environment (`HF_TOKEN`, `HF_HOME`, ...), unless set with the [`builder`](Self::builder).
    ///
    /// The folder holds a masked-LM checkpoint with its tokenizer (`config.json`, weights,
    /// `tokenizer.json`), or is a sentence-transformers folder (`modules.json`) of a SPLADE model,
    /// of an inference-free table of weights, of both behind a router, or of a CSR model.
    ///
    /// # Errors
    /// No such folder or model; a missing, broken or unsupported file, by name.
    pub fn load(model: impl AsRef<Path>) -> Result<Self, SpladeError> {
        Self::builder().load(model)
    }

    /// Chooses device, threads and limits before loading.
    pub fn builder() -> SparseEncoderBuilder {
        SparseEncoderBuilder::default()
    }

    pub(crate) fn load_with(
        model: &Path,
        options: SparseEncoderBuilder,
    ) -> Result<Self, SpladeError> {
        let _span =
            info_span!("load", model = %model.display(), device = %options.device).entered();
        let folder = locate(model, &options)?;
        let mut settings = Settings::read(&folder)?;
        options.settle(&mut settings)?;
        let threads = options.threads.map(start_threads).transpose()?;
        let arithmetic = Arithmetic {
            precision: options.precision,
            isa: options.isa.unwrap_or_default(),
            gpu_products: options.gpu_products,
        };
        let graph = Graph::load(&folder, &options.device, arithmetic)?;
        let (device, chosen_isa) = (options.device, options.isa);
        let model = Arc::new(Model { folder, device, arithmetic, chosen_isa, graph, threads });
        let encoder = Self { model, settings: Arc::new(settings) };
        match options.max_seq_length {
            Some(max_seq_length) => encoder.with_max_seq_length(max_seq_length),
            None => Ok(encoder),
        }
    }

    /// One vector for each text: row i belongs to `texts[i]`.
    ///
    /// The weight of vocabulary entry j is the maximum, over the text's tokens t, of
    /// `ln(1 + relu(logit(t, j)))`. A text longer than [`max_seq_length`](Self::max_seq_length) is
    /// cut; an empty text has a vector too. A vector does not depend on the texts beside it, beyond
    /// rounding (1e-5 + 1e-5·|value|).
    ///
    /// # Errors
    /// A text that cannot be tokenised; a checkpoint whose arithmetic breaks down.
    pub fn encode<T: AsRef<str> + Sync>(&self, texts: &[T]) -> Result<SparseMatrix, SpladeError> {
        Ok(self.encode_with(texts, &EncodeOptions::default())?.embeddings)
    }

    /// The vector of a single text.
    ///
    /// # Errors
    /// See [`encode`](Self::encode).
    pub fn encode_one(&self, text: &str) -> Result<SparseRow, SpladeError> {
        Ok(self.encode(&[text])?.row(0).to_row())
    }

    /// Vectors of queries: the prompt named `query`, and the route of the task `query`.
    ///
    /// # Errors
    /// See [`encode`](Self::encode); a router without a route for queries.
    pub fn encode_query<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
    ) -> Result<SparseMatrix, SpladeError> {
        Ok(self.encode_with(texts, &EncodeOptions::query())?.embeddings)
    }

    /// Vectors of documents: the prompt named `document`, and the route of the task `document`.
    ///
    /// # Errors
    /// See [`encode`](Self::encode); a router without a route for documents.
    pub fn encode_document<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
    ) -> Result<SparseMatrix, SpladeError> {
        Ok(self.encode_with(texts, &EncodeOptions::document())?.embeddings)
    }

    /// Like [`encode`](Self::encode), with options; also returns counts of texts and tokens.
    ///
    /// The prompt is put before each text: [`prompt`](EncodeOptions::prompt) takes precedence over
    /// [`prompt_name`](EncodeOptions::prompt_name), and that over the checkpoint's default. An
    /// empty prompt counts as a prompt: it disables the default.
    ///
    /// # Errors
    /// See [`encode`](Self::encode); a prompt name or a task that the model does not know.
    pub fn encode_with<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        options: &EncodeOptions,
    ) -> Result<Encoded, SpladeError> {
        self.run(|graph, settings| {
            Call::of_texts(graph, settings, Inputs::texts(texts), None, options)
        })
    }

    /// Like [`encode_with`](Self::encode_with), with options per text that override the call's:
    /// `each[i]` applies to `texts[i]`.
    ///
    /// # Errors
    /// See [`encode_with`](Self::encode_with); [`SpladeError::TextOptionsCount`].
    pub fn encode_each<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        each: &[TextOptions],
        options: &EncodeOptions,
    ) -> Result<Encoded, SpladeError> {
        self.run(|graph, settings| {
            Call::of_texts(graph, settings, Inputs::texts(texts), Some(each), options)
        })
    }

    /// Encodes texts that this model has tokenised ([`tokenize`](Self::tokenize)), on the route
    /// that they were tokenised for. Only the options about vectors and passes apply: pruning,
    /// batch sizes, progress and cancelling.
    ///
    /// # Errors
    /// [`SpladeError::OtherTokens`]; a checkpoint whose arithmetic breaks down.
    pub fn encode_tokenized(
        &self,
        texts: &TokenizedTexts,
        options: &EncodeOptions,
    ) -> Result<Encoded, SpladeError> {
        self.run(|graph, settings| Call::of_tokens(graph, settings, texts, None, options))
    }

    /// Like [`encode_tokenized`](Self::encode_tokenized), with pruning per text that overrides the
    /// call's.
    ///
    /// # Errors
    /// See [`encode_tokenized`](Self::encode_tokenized); [`SpladeError::TextOptionsCount`].
    pub fn encode_tokenized_each(
        &self,
        texts: &TokenizedTexts,
        each: &[TextOptions],
        options: &EncodeOptions,
    ) -> Result<Encoded, SpladeError> {
        self.run(|graph, settings| Call::of_tokens(graph, settings, texts, Some(each), options))
    }

    /// Runs a call on the encoder's threads.
    fn run<'a>(
        &'a self,
        call: impl FnOnce(&'a Graph, &'a Settings) -> Result<Call<'a>, SpladeError>,
    ) -> Result<Encoded, SpladeError> {
        let graph = self.graph();
        let call = call(graph, &self.settings)?;
        self.on_threads(|| {
            let n_texts = call.n_texts();
            let _span = info_span!("encode", texts = n_texts).entered();
            call.run(graph, 0..n_texts, &call.tally())?.into_encoded(self.dimension())
        })
    }

    /// Runs `work` on the encoder's own threads, if it has any.
    pub(crate) fn on_threads<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.model.threads {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.model.graph
    }

    /// Like [`encode_with`](Self::encode_with), on several devices at once: `[cpu, cpu]`,
    /// `[wgpu, cpu]`. For more than one call, start a pool ([`start_pool`](Self::start_pool)): it
    /// loads the model onto each device only once.
    ///
    /// # Errors
    /// See [`start_pool`](Self::start_pool) and [`EncoderPool::encode_with`].
    pub fn encode_on<T: AsRef<str> + Sync>(
        &self,
        devices: &[Device],
        texts: &[T],
        options: &EncodeOptions,
    ) -> Result<Encoded, SpladeError> {
        self.start_pool(devices)?.encode_with(texts, options)
    }

    /// Starts one worker per device. Workers on the same device share the weights, also with the
    /// encoder itself if it runs there. The encoder's threads are divided evenly among the workers.
    ///
    /// # Errors
    /// No devices; a device that is not compiled in or not available.
    pub fn start_pool(&self, devices: &[Device]) -> Result<EncoderPool, SpladeError> {
        let n_threads = self.on_threads(rayon::current_num_threads);
        EncoderPool::start(self.graph(), &self.model.device, &self.settings, n_threads, devices)
    }

    /// Saves the model as a folder that sentence-transformers 6.2 loads to the same vectors, with
    /// this encoder's prompts, limits and similarity function. Weights are those of the
    /// checkpoint's files, as they are stored.
    ///
    /// The folder appears whole or not at all. An existing folder must be empty.
    ///
    /// # Errors
    /// Files that have changed since the model was loaded; a model that sentence-transformers
    /// cannot represent (BGE-M3), naming the part; a folder that cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<(), SpladeError> {
        self.save_with(folder, &SaveOptions::default())
    }

    /// Like [`save`](Self::save), with a choice of the weights' type, and of replacing an existing
    /// folder.
    ///
    /// # Errors
    /// See [`save`](Self::save); a weight too large for the requested type.
    pub fn save_with(
        &self,
        folder: impl AsRef<Path>,
        options: &SaveOptions,
    ) -> Result<(), SpladeError> {
        let handle = Handle {
            folder: self.folder(),
            settings: &self.settings,
            max_seq_length: self.settings.max_seq_length,
        };
        save::save(&handle, folder.as_ref(), options)
    }

    /// What the model is made of: modules, sizes, prompts, weights.
    ///
    /// # Errors
    /// Files that have changed since the model was loaded.
    pub fn info(&self) -> Result<ModelInfo, SpladeError> {
        ModelInfo::read(self.folder(), self.graph(), &self.settings, self.model.arithmetic.isa)
    }

    /// The folder that the model was loaded from; for a model from the hub, the one in the cache.
    pub fn folder(&self) -> &Path {
        &self.model.folder
    }

    /// The device that the model was loaded onto, as it was named.
    #[cfg(feature = "corpus")]
    pub(crate) fn device(&self) -> &Device {
        &self.model.device
    }

    /// The precision that the model computes in.
    pub fn precision(&self) -> Precision {
        self.model.arithmetic.precision
    }

    /// The best instruction set that it may use on a CPU, if the builder was given one.
    pub fn isa(&self) -> Option<Isa> {
        self.model.chosen_isa
    }

    /// The dimension of a vector: the size of the model's vocabulary, or the number of latents of a
    /// CSR model.
    pub fn dimension(&self) -> usize {
        self.graph().dimension()
    }

    /// The model in a few words: architecture and sizes.
    pub fn summary(&self) -> String {
        let mut parts: Vec<String> =
            self.graph().transformers().map(|t| t.checkpoint.config().summary()).collect();
        let pipelines = self.graph().pipelines.iter();
        let tables = pipelines.filter(|pipeline| matches!(pipeline, Pipeline::Static(_)));
        parts.extend(tables.map(|_| "a table of weights".to_owned()));
        parts.join(" + ")
    }

    /// The backend that the model runs on.
    pub fn backend(&self) -> &'static str {
        self.graph().backend().unwrap_or("no backend")
    }

    /// Whether the dimensions of a vector are tokens, rather than the latents of a CSR model.
    #[cfg(feature = "export")]
    pub(crate) fn has_tokens(&self) -> bool {
        !self.graph().pipelines.iter().any(|pipeline| matches!(pipeline, Pipeline::Csr { .. }))
    }

    /// The score of each row of `a` with each row of `b`, by the model's
    /// [`similarity_function`](Self::similarity_function) (dot product if it names none).
    ///
    /// # Panics
    /// When the dimensions differ.
    pub fn similarity(&self, a: &SparseMatrix, b: &SparseMatrix) -> DenseMatrix {
        self.settings.similarity.similarity(a, b)
    }

    /// The score of row i of `a` with row i of `b`.
    ///
    /// # Panics
    /// When the dimensions or the numbers of rows differ.
    pub fn similarity_pairwise(&self, a: &SparseMatrix, b: &SparseMatrix) -> Vec<f32> {
        self.settings.similarity.similarity_pairwise(a, b)
    }

    /// The mean number of non-zero entries per row, and the share of entries that are zero.
    pub fn sparsity(embeddings: &SparseMatrix) -> Sparsity {
        embeddings.sparsity()
    }
}

impl std::fmt::Debug for SparseEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SparseEncoder")
            .field("model", &self.summary())
            .field("backend", &self.backend())
            .field("dimension", &self.dimension())
            .field("max_seq_length", &self.max_seq_length())
            .finish_non_exhaustive()
    }
}
