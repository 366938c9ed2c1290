//! [`SparseEncoder`]: texts to sparse vectors, and what is done with them.

use std::num::NonZeroUsize;
use std::path::Path;

use splade_sparse::{
    DenseMatrix, SimilarityFunction, SparseMatrix, SparseRow, SparseRowView, Sparsity,
};
use splade_tokenizer::Tokenizer;
use tracing::info_span;

use crate::pipeline::{Graph, Pipeline};
use crate::settings::Settings;
use crate::{EncodeOptions, SparseEncoderBuilder, SpladeError};

/// A SPLADE model with its tokenizer: texts in, sparse vectors out.
pub struct SparseEncoder {
    graph: Graph,
    settings: Settings,
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

impl SparseEncoder {
    /// Loads the model in `folder`, on the CPU: a masked-LM checkpoint with its tokenizer
    /// (`config.json`, weights, `tokenizer.json`), or a sentence-transformers folder
    /// (`modules.json`) of a SPLADE model, of an inference-free table of weights, or of both behind
    /// a router.
    ///
    /// # Errors
    /// No such folder; a file that is missing, broken or not supported, by name.
    pub fn load(folder: impl AsRef<Path>) -> Result<Self, SpladeError> {
        Self::builder().load(folder)
    }

    /// Chooses device, threads and limits before loading.
    pub fn builder() -> SparseEncoderBuilder {
        SparseEncoderBuilder::default()
    }

    pub(crate) fn load_with(
        folder: &Path,
        options: SparseEncoderBuilder,
    ) -> Result<Self, SpladeError> {
        let _span =
            info_span!("load", folder = %folder.display(), device = %options.device).entered();
        if !folder.is_dir() {
            return Err(SpladeError::NoFolder { path: folder.to_owned() });
        }
        let mut settings = Settings::read(folder)?;
        options.settle(&mut settings)?;
        let threads = options.threads.map(start_threads).transpose()?;
        let graph = Graph::load(folder, &options.device)?;
        let mut encoder = Self { graph, settings, threads };
        if let Some(max_seq_length) = options.max_seq_length {
            encoder.set_max_seq_length(max_seq_length)?;
        }
        Ok(encoder)
    }

    /// One vector for each text: row i belongs to `texts[i]`.
    ///
    /// The weight of vocabulary entry j is max over the text's tokens t of ln(1 + relu(logit(t, j))).
    /// A text longer than [`max_seq_length`](Self::max_seq_length) is cut; an empty text is a text.
    /// A vector does not depend on the texts beside it, beyond rounding (1e-6 relative).
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

    /// Entries of a vector: the model's vocabulary.
    pub fn dimension(&self) -> usize {
        self.graph.dimension()
    }

    /// Tokens, special tokens counted, that a text is cut to: the largest of the routes' limits.
    /// `None` where nothing limits it (a table of weights whose tokenizer names no limit).
    pub fn max_seq_length(&self) -> Option<usize> {
        let limits = self.graph.pipelines.iter().map(|pipeline| match pipeline {
            Pipeline::Splade { transformer, .. } | Pipeline::Csr { transformer, .. } => {
                Some(self.graph.transformers[*transformer].max_seq_length())
            }
            Pipeline::Static(table) => table.tokenizer().max_seq_length(),
        });
        limits.max_by_key(|limit| limit.unwrap_or(usize::MAX)).flatten()
    }

    /// Cuts texts to `max_seq_length` tokens from now on, on every route with a transformer. A
    /// table of weights keeps its tokenizer's limit, as in the reference.
    ///
    /// # Errors
    /// More than a model has positions; less than the special tokens of a text.
    pub fn set_max_seq_length(&mut self, max_seq_length: usize) -> Result<(), SpladeError> {
        let mut transformers = self.graph.transformers.iter_mut();
        transformers.try_for_each(|t| t.set_max_seq_length(max_seq_length))
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
            self.graph.transformers.iter().map(|t| t.checkpoint.config().summary()).collect();
        let tables =
            self.graph.pipelines.iter().filter(|pipeline| matches!(pipeline, Pipeline::Static(_)));
        parts.extend(tables.map(|_| "a table of weights".to_owned()));
        parts.join(" + ")
    }

    /// The backend that the model runs on.
    pub fn backend(&self) -> &'static str {
        self.graph.transformers.first().map_or("no backend", |t| t.model.backend())
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
        entries.into_iter().map(|(id, weight)| (self.spell(id), weight)).collect()
    }

    /// The tokens that the model sees of a text, special tokens included, after cutting; without
    /// any prompt, and on the route that a call without a task takes.
    ///
    /// # Errors
    /// A text that cannot be tokenised.
    pub fn tokenize(&self, text: &str) -> Result<Vec<String>, SpladeError> {
        let batch = match self.graph.route(None)? {
            Pipeline::Splade { transformer, .. } | Pipeline::Csr { transformer, .. } => {
                self.graph.transformers[*transformer].tokenize(&[text], None)?
            }
            Pipeline::Static(table) => table.tokenize(&[text])?,
        };
        Ok(batch.input_ids.iter().map(|&id| self.spell(id)).collect())
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

    /// The token of an id, or `[id N]` where the tokenizer has none for it.
    fn spell(&self, id: u32) -> String {
        self.tokenizer().token(id).unwrap_or_else(|| format!("[id {id}]"))
    }

    /// Any of the model's tokenizers: they share the vocabulary.
    fn tokenizer(&self) -> &Tokenizer {
        match (&self.graph.transformers[..], &self.graph.pipelines[..]) {
            ([first, ..], _) => first.tokenizer(),
            ([], [Pipeline::Static(table), ..]) => table.tokenizer(),
            _ => unreachable!("a pipeline without a transformer is a table"),
        }
    }

    /// The stages of encoding, on the current thread pool.
    fn encode_here<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        options: &EncodeOptions,
    ) -> Result<Encoded, SpladeError> {
        let _span = info_span!("encode", texts = texts.len()).entered();
        let (prompt, prompt_name) = (options.prompt.as_deref(), options.prompt_name.as_deref());
        let prompt = self.settings.prompt(prompt, prompt_name)?;
        let limit = options.max_active_dims.or(options.pruning.max_active_dims());
        let pruning = match limit.or(self.settings.max_active_dims) {
            Some(k) => options.pruning.with_max_active_dims(k),
            None => options.pruning,
        };
        let encoded = if prompt.is_empty() {
            self.graph.encode(texts, prompt, &pruning, options)?
        } else {
            let prompted: Vec<String> =
                texts.iter().map(|text| format!("{prompt}{}", text.as_ref())).collect();
            self.graph.encode(&prompted, prompt, &pruning, options)?
        };
        Ok(Encoded {
            embeddings: SparseMatrix::from_rows(self.dimension(), &encoded.rows)?,
            n_tokens: encoded.n_tokens,
            n_truncated: encoded.n_truncated,
        })
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

fn start_threads(threads: NonZeroUsize) -> Result<rayon::ThreadPool, SpladeError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.get())
        .thread_name(|i| format!("splade-{i}"))
        .build()
        .map_err(|source| SpladeError::Threads { threads: threads.get(), source })
}
