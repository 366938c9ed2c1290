//! [`SparseEncoder`]: texts to sparse vectors, and what is done with them.

use std::num::NonZeroUsize;
use std::path::Path;

use rayon::prelude::*;
use splade_model::{Checkpoint, PackedTokens, Pooling};
use splade_sparse::{
    DenseMatrix, SimilarityFunction, SparseError, SparseMatrix, SparseRow, SparseRowView, Sparsity,
};
use splade_tokenizer::{TokenBatch, Tokenizer};
use tracing::info_span;

use crate::backends::{self, Forward};
use crate::{EncodeOptions, SparseEncoderBuilder, SpladeError, plan_batches};

/// Pooled weights that one batch holds in host memory at most (4 bytes each), where one text has
/// not more: bounds a batch of many short texts.
const MAX_POOLED: usize = 1 << 22;

/// A SPLADE model with its tokenizer: texts in, sparse vectors out.
pub struct SparseEncoder {
    tokenizer: Tokenizer,
    checkpoint: Checkpoint,
    model: Box<dyn Forward>,
    threads: Option<rayon::ThreadPool>,
    max_active_dims: Option<NonZeroUsize>,
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
    /// (`config.json`, `model.safetensors`, `tokenizer.json`).
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
        let modules = folder.join("modules.json");
        if modules.exists() {
            return Err(SpladeError::Modules { path: modules });
        }
        let checkpoint = Checkpoint::open(folder)?;
        let mut tokenizer = Tokenizer::load(folder)?;
        let (found, known) = (tokenizer.vocab_size(), checkpoint.config().vocab_size());
        if found > known {
            return Err(SpladeError::VocabularyTooLarge { tokenizer: found, model: known });
        }
        let positions = checkpoint.config().max_positions();
        if tokenizer.max_seq_length().is_none_or(|limit| limit > positions) {
            tokenizer.set_max_seq_length(positions)?;
        }
        let threads = options.threads.map(start_threads).transpose()?;
        let model = backends::load(&options.device, &checkpoint)?;
        let max_active_dims = options.max_active_dims;
        let mut encoder = Self { tokenizer, checkpoint, model, threads, max_active_dims };
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

    /// As [`encode`](Self::encode), with options, and with what was counted on the way.
    ///
    /// # Errors
    /// See [`encode`](Self::encode).
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
        self.checkpoint.config().vocab_size()
    }

    /// Tokens, special tokens counted, that a text is cut to.
    pub fn max_seq_length(&self) -> usize {
        self.tokenizer.max_seq_length().unwrap_or_else(|| self.checkpoint.config().max_positions())
    }

    /// Cuts texts to `max_seq_length` tokens from now on.
    ///
    /// # Errors
    /// More than the model has positions; less than the special tokens of a text.
    pub fn set_max_seq_length(&mut self, max_seq_length: usize) -> Result<(), SpladeError> {
        let positions = self.checkpoint.config().max_positions();
        if max_seq_length > positions {
            return Err(SpladeError::MaxSeqLength { max_seq_length, positions });
        }
        Ok(self.tokenizer.set_max_seq_length(max_seq_length)?)
    }

    /// The model in a few words: architecture and sizes.
    pub fn summary(&self) -> String {
        self.checkpoint.config().summary()
    }

    /// The backend that the model runs on.
    pub fn backend(&self) -> &'static str {
        self.model.backend()
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
        let token = |id| self.tokenizer.token(id).unwrap_or_else(|| format!("[id {id}]"));
        entries.into_iter().map(|(id, weight)| (token(id), weight)).collect()
    }

    /// The tokens that the model sees of a text, special tokens included, after cutting.
    ///
    /// # Errors
    /// A text that cannot be tokenised.
    pub fn tokenize(&self, text: &str) -> Result<Vec<String>, SpladeError> {
        let batch = self.tokenizer.encode_batch(&[text])?;
        let token = |&id: &u32| self.tokenizer.token(id).unwrap_or_else(|| format!("[id {id}]"));
        Ok(batch.input_ids.iter().map(token).collect())
    }

    /// The dot product of each row of `a` with each row of `b`.
    ///
    /// # Panics
    /// When the dimensions differ.
    pub fn similarity(&self, a: &SparseMatrix, b: &SparseMatrix) -> DenseMatrix {
        SimilarityFunction::Dot.similarity(a, b)
    }

    /// How many entries of a row are not zero, on average, and the share that is zero.
    pub fn sparsity(embeddings: &SparseMatrix) -> Sparsity {
        embeddings.sparsity()
    }

    /// The stages of encoding, on the current thread pool.
    fn encode_here<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        options: &EncodeOptions,
    ) -> Result<Encoded, SpladeError> {
        let _span = info_span!("encode", texts = texts.len()).entered();
        let tokens = {
            let span = info_span!("tokenize", texts = texts.len(), tokens = tracing::field::Empty);
            let _entered = span.clone().entered();
            let tokens = self.tokenizer.encode_batch(texts)?;
            span.record("tokens", tokens.n_tokens());
            tokens
        };
        let lengths: Vec<usize> = tokens.lengths().collect();
        let max_texts =
            NonZeroUsize::new(MAX_POOLED / self.dimension()).unwrap_or(NonZeroUsize::MIN);
        let top_k = options.max_active_dims.or(self.max_active_dims);
        let mut rows: Vec<Option<SparseRow>> = vec![None; texts.len()];
        for batch in plan_batches(&lengths, options.max_batch_tokens, max_texts) {
            let encoded = self.encode_batch(&tokens.select(&batch), top_k)?;
            for (row, &text) in encoded.into_iter().zip(&batch) {
                let row = row.map_err(|error| name_text(error, text))?;
                rows[text] = Some(row);
            }
        }
        let mut builder = SparseMatrix::builder(self.dimension());
        for row in rows {
            builder.push_row(row.expect("each text is in one batch").view())?;
        }
        let embeddings = builder.finish();
        Ok(Encoded { embeddings, n_tokens: tokens.n_tokens(), n_truncated: tokens.n_truncated })
    }

    /// One forward pass: a row for each text of the batch.
    fn encode_batch(
        &self,
        batch: &TokenBatch,
        top_k: Option<NonZeroUsize>,
    ) -> Result<Vec<Result<SparseRow, SparseError>>, SpladeError> {
        let pooled = {
            let _span =
                info_span!("forward", texts = batch.n_texts(), tokens = batch.n_tokens()).entered();
            let tokens = PackedTokens::new(&batch.input_ids, &batch.token_type_ids, &batch.offsets);
            self.model.forward(tokens, Pooling::default())?
        };
        let _span =
            info_span!("sparsify", texts = batch.n_texts(), weights = pooled.len()).entered();
        let row = |dense: &[f32]| {
            let row = SparseRow::from_dense(dense)?;
            Ok(match top_k {
                Some(k) => row.top_k(k),
                None => row,
            })
        };
        Ok(pooled.par_chunks_exact(self.dimension()).map(row).collect())
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

/// An error about a row, told as one about a text of the call.
fn name_text(error: SparseError, text: usize) -> SpladeError {
    match error {
        SparseError::NonFiniteValue { index, value, .. } => {
            SpladeError::NotFinite { text, index, value }
        }
        other => SpladeError::Sparse(other),
    }
}

fn start_threads(threads: NonZeroUsize) -> Result<rayon::ThreadPool, SpladeError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.get())
        .thread_name(|i| format!("splade-{i}"))
        .build()
        .map_err(|source| SpladeError::Threads { threads: threads.get(), source })
}
