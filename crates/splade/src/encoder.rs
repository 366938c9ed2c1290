//! [`SparseEncoder`]: texts to sparse vectors, and what is done with them.

use std::ops::Range;
use std::path::{Path, PathBuf};

use splade_export::Reading;
use splade_sparse::{
    DenseMatrix, SimilarityFunction, SparseMatrix, SparseRow, SparseRowView, Sparsity,
};
use splade_tokenizer::{Piece, SpecialTokens};
use tracing::info_span;

use crate::call::Call;
use crate::info::ModelInfo;
use crate::locate::locate;
use crate::pipeline::{Graph, Pipeline};
use crate::pool::{EncoderPool, start_threads};
use crate::progress::Tally;
use crate::reader::Reader;
use crate::save::{self, Handle, SaveOptions};
use crate::settings::Settings;
use crate::{Device, EncodeOptions, Precision, SparseEncoderBuilder, SpladeError};

/// A SPLADE model with its tokenizer: texts in, sparse vectors out.
pub struct SparseEncoder {
    folder: PathBuf,
    device: Device,
    precision: Precision,
    graph: Graph,
    settings: Settings,
    /// The limit that was set, over the model's own.
    max_seq_length: Option<usize>,
    threads: Option<rayon::ThreadPool>,
}

/// Vectors, with what was counted on the way.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Encoded {
    /// One row for each text, in the order of the texts.
    pub embeddings: SparseMatrix,
    /// Tokens of all texts, after cutting.
    pub n_tokens: usize,
    /// Texts that were longer than `max_seq_length` and were cut.
    pub n_truncated: usize,
}

/// A token that a model sees of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextPiece {
    /// Its id: the entry of a vector, where vectors are over the vocabulary.
    pub id: u32,
    /// As the vocabulary spells it.
    pub token: String,
    /// The bytes of the text that it stands for; none for special tokens and those of a prompt.
    pub range: Range<usize>,
}

impl SparseEncoder {
    /// Loads a model, on the CPU. `model` is a folder, or else the id of a model on the Hugging
    /// Face hub (`naver/splade-v3`; cargo feature `hub`), whose files are brought first, or found
    /// in the cache that Python uses too. Token, cache and endpoint are those of the environment
    /// (`HF_TOKEN`, `HF_HOME`, ...), unless the [`builder`](Self::builder) is told otherwise.
    ///
    /// The folder holds a masked-LM checkpoint with its tokenizer (`config.json`, weights,
    /// `tokenizer.json`), or is a sentence-transformers folder (`modules.json`) of a SPLADE model,
    /// of an inference-free table of weights, of both behind a router, or of a CSR model.
    ///
    /// # Errors
    /// No such folder or model; a file that is missing, broken or not supported, by name.
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
        let graph = Graph::load(&folder, &options.device, options.precision)?;
        let (device, precision) = (options.device, options.precision);
        let max_seq_length = None;
        let mut encoder =
            Self { folder, device, precision, graph, settings, max_seq_length, threads };
        if let Some(max_seq_length) = options.max_seq_length {
            encoder.set_max_seq_length(max_seq_length)?;
        }
        Ok(encoder)
    }

    /// One vector for each text: row i belongs to `texts[i]`.
    ///
    /// The weight of vocabulary entry j is max over the text's tokens t of ln(1 + relu(logit(t, j))).
    /// A text longer than [`max_seq_length`](Self::max_seq_length) is cut; an empty text is a text.
    /// A vector does not depend on the texts beside it, beyond rounding (1e-5 + 1e-5·|value|).
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

    /// As [`encode`](Self::encode), with options, and with what was counted on the way.
    ///
    /// The prompt is put before each text: [`prompt`](EncodeOptions::prompt) beats
    /// [`prompt_name`](EncodeOptions::prompt_name) beats the checkpoint's default. An empty prompt
    /// is a prompt, and keeps the default away.
    ///
    /// # Errors
    /// See [`encode`](Self::encode); a prompt name or a task that the model does not know.
    pub fn encode_with<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        options: &EncodeOptions,
    ) -> Result<Encoded, SpladeError> {
        match &self.threads {
            Some(pool) => pool.install(|| self.encode_here(texts, options)),
            None => self.encode_here(texts, options),
        }
    }

    /// As [`encode_with`](Self::encode_with), on several devices at once: `[cpu, cpu]`,
    /// `[wgpu, cpu]`. For more than one call start a pool ([`start_pool`](Self::start_pool)), which
    /// loads the model onto the devices once.
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

    /// Starts one worker for each device. Workers on the same device, and the encoder itself where
    /// it is on it, share the weights; all workers share the encoder's threads evenly.
    ///
    /// # Errors
    /// No devices; one that is not compiled in or not there.
    pub fn start_pool(&self, devices: &[Device]) -> Result<EncoderPool, SpladeError> {
        let n_threads = match &self.threads {
            Some(threads) => threads.current_num_threads(),
            None => rayon::current_num_threads(),
        };
        EncoderPool::start(&self.graph, &self.device, &self.settings, n_threads, devices)
    }

    /// Saves the model as a folder that sentence-transformers 6.2 loads to the same vectors, with this
    /// encoder's prompts, limits and similarity function. Weights are those of the checkpoint's files,
    /// as they are stored.
    ///
    /// The folder appears whole or not at all. One that is there must be empty.
    ///
    /// # Errors
    /// Files that have changed since the model was loaded; a model that sentence-transformers has no
    /// form for (BGE-M3), by the name of what it lacks; a folder that cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<(), SpladeError> {
        self.save_with(folder, &SaveOptions::default())
    }

    /// As [`save`](Self::save), with another type of weights, or over a folder that is there.
    ///
    /// # Errors
    /// As [`save`](Self::save); a weight too large for the type that is asked for.
    pub fn save_with(
        &self,
        folder: impl AsRef<Path>,
        options: &SaveOptions,
    ) -> Result<(), SpladeError> {
        let handle = Handle {
            folder: &self.folder,
            settings: &self.settings,
            max_seq_length: self.max_seq_length,
        };
        save::save(&handle, folder.as_ref(), options)
    }

    /// What the model is made of: modules, sizes, prompts, weights.
    ///
    /// # Errors
    /// Files that have changed since the model was loaded.
    pub fn info(&self) -> Result<ModelInfo, SpladeError> {
        ModelInfo::read(&self.folder, &self.graph, &self.settings)
    }

    /// The folder that the model was loaded from; for a model from the hub, the one in the cache.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the model computes in.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Entries of a vector: the model's vocabulary, or the latents of a CSR model.
    pub fn dimension(&self) -> usize {
        self.graph.dimension()
    }

    /// Tokens, special tokens counted, that a text is cut to: the largest of the routes' limits.
    /// `None` where nothing limits it (a table of weights whose tokenizer names no limit).
    pub fn max_seq_length(&self) -> Option<usize> {
        self.graph.longest()
    }

    /// Cuts texts to `max_seq_length` tokens from now on, on every route with a transformer. A
    /// table of weights keeps its tokenizer's limit, as in the reference.
    ///
    /// # Errors
    /// More than a model has positions; less than the special tokens of a text.
    pub fn set_max_seq_length(&mut self, max_seq_length: usize) -> Result<(), SpladeError> {
        let mut transformers = self.graph.transformers_mut();
        transformers.try_for_each(|t| t.set_max_seq_length(max_seq_length))?;
        self.max_seq_length = Some(max_seq_length);
        Ok(())
    }

    /// The prompts that the model knows, by name.
    pub fn prompts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.settings.prompts.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// The function that [`similarity`](Self::similarity) uses.
    pub fn similarity_function(&self) -> SimilarityFunction {
        self.settings.similarity
    }

    /// The model in a few words: architecture and sizes.
    pub fn summary(&self) -> String {
        let mut parts: Vec<String> =
            self.graph.transformers().map(|t| t.checkpoint.config().summary()).collect();
        let tables =
            self.graph.pipelines.iter().filter(|pipeline| matches!(pipeline, Pipeline::Static(_)));
        parts.extend(tables.map(|_| "a table of weights".to_owned()));
        parts.join(" + ")
    }

    /// The backend that the model runs on.
    pub fn backend(&self) -> &'static str {
        self.graph.backend().unwrap_or("no backend")
    }

    /// A vector as tokens with their weights, the heaviest first; of equal weights the lower
    /// vocabulary entry first. `top_k` limits how many; `None` is all.
    ///
    /// Tokens are spelt as in the vocabulary (`##ing`); an entry that the tokenizer has no token
    /// for is `[id N]`.
    pub fn decode(&self, embedding: SparseRowView<'_>, top_k: Option<usize>) -> Vec<(String, f32)> {
        let mut entries: Vec<(u32, f32)> = embedding.iter().collect();
        entries.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        entries.truncate(top_k.unwrap_or(usize::MAX));
        entries.into_iter().map(|(id, weight)| (self.token(id), weight)).collect()
    }

    /// The tokens that the model sees of a text, special tokens included, after cutting; without
    /// any prompt, and on the route that a call without a task takes.
    ///
    /// # Errors
    /// A text that cannot be tokenised.
    pub fn tokenize(&self, text: &str) -> Result<Vec<String>, SpladeError> {
        let options = EncodeOptions::default().with_prompt("");
        Ok(self.pieces(text, &options)?.into_iter().map(|piece| piece.token).collect())
    }

    /// The tokens that the model sees of a text in a call with `options`, after cutting, and the bytes of
    /// the text that each stands for. Those of a prompt come first, and stand for none.
    ///
    /// # Errors
    /// A text that cannot be tokenised; a prompt or a task that the model does not have.
    pub fn pieces(
        &self,
        text: &str,
        options: &EncodeOptions,
    ) -> Result<Vec<TextPiece>, SpladeError> {
        let prompt = self.prompt(options)?;
        let (pieces, _) = self.pieces_of(&format!("{prompt}{text}"), options.task.as_deref())?;
        let in_text = |at: usize| at.saturating_sub(prompt.len());
        let pieces = pieces.into_iter().map(|piece| TextPiece {
            id: piece.id,
            token: self.token(piece.id),
            range: in_text(piece.range.start)..in_text(piece.range.end),
        });
        Ok(pieces.collect())
    }

    /// The prompt of a call.
    ///
    /// # Errors
    /// One that the model does not have.
    pub(crate) fn prompt<'a>(&'a self, options: &'a EncodeOptions) -> Result<&'a str, SpladeError> {
        self.settings.prompt(options.prompt.as_deref(), options.prompt_name.as_deref())
    }

    /// The tokens of a text that has its prompt before it, on the route of a task, and whether they are
    /// all of it.
    ///
    /// # Errors
    /// A text that cannot be tokenised; a task that no route serves.
    pub(crate) fn pieces_of(
        &self,
        prompted: &str,
        task: Option<&str>,
    ) -> Result<(Vec<Piece>, Reading), SpladeError> {
        let (pieces, is_cut) = match self.graph.reader(self.graph.route(task)?) {
            Reader::Transformer { transformer, .. } => {
                transformer.task_tokenizer(task).pieces(prompted, transformer.special_tokens())?
            }
            Reader::Table(table) => table.tokenizer().pieces(prompted, SpecialTokens::Leave)?,
        };
        Ok((pieces, if is_cut { Reading::Cut } else { Reading::Whole }))
    }

    /// Whether entries of a vector are tokens; those of a CSR model are latents.
    pub(crate) fn has_tokens(&self) -> bool {
        !self.graph.pipelines.iter().any(|pipeline| matches!(pipeline, Pipeline::Csr { .. }))
    }

    /// The score of each row of `a` with each row of `b`, by the model's
    /// [`similarity_function`](Self::similarity_function) (dot product where it names none).
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

    /// How many entries of a row are not zero, on average, and the share that is zero.
    pub fn sparsity(embeddings: &SparseMatrix) -> Sparsity {
        embeddings.sparsity()
    }

    /// The token of an entry as the vocabulary spells it, or `[id N]` where the tokenizer has none for it.
    #[must_use]
    pub fn token(&self, id: u32) -> String {
        self.graph.tokenizer().token(id).unwrap_or_else(|| format!("[id {id}]"))
    }

    /// The stages of encoding, on the current thread pool.
    fn encode_here<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        options: &EncodeOptions,
    ) -> Result<Encoded, SpladeError> {
        let _span = info_span!("encode", texts = texts.len()).entered();
        let tally = Tally::new(options.progress.as_ref(), texts.len());
        let rows = Call::settle(&self.settings, options)?.run(&self.graph, texts, &tally)?;
        rows.into_encoded(self.dimension())
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
