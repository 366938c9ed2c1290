//! What a route reads its texts with: the tokenizer of its transformer, or of its table.

use splade_model::BackendKind;
use splade_tokenizer::{TokenBatch, Tokenizer};
use tracing::info_span;

use crate::SpladeError;
use crate::static_embedding::StaticEmbedding;
use crate::transformer::{Transformer, TransformerOn};

/// What a route reads its texts with.
pub(crate) enum Reader<'a> {
    Transformer {
        transformer: &'a Transformer,
        /// What it runs on.
        kind: BackendKind,
        backend: &'static str,
    },
    Table(&'a StaticEmbedding),
}

impl<'a> Reader<'a> {
    pub(crate) fn of<M: ?Sized>(on: &'a TransformerOn<M>) -> Self {
        let TransformerOn { transformer, model } = on;
        Self::Transformer { transformer, kind: model.kind, backend: model.backend }
    }

    /// Tokens that a text is cut to where its task has no limit of its own; `None` where nothing limits
    /// it.
    pub(crate) fn max_seq_length(&self) -> Option<usize> {
        match self {
            Self::Transformer { transformer, .. } => Some(transformer.max_seq_length()),
            Self::Table(table) => table.tokenizer().max_seq_length(),
        }
    }

    pub(crate) fn tokenizer(&self) -> &'a Tokenizer {
        match self {
            Self::Transformer { transformer, .. } => transformer.tokenizer(),
            Self::Table(table) => table.tokenizer(),
        }
    }

    /// Token ids of texts, cut to the limit of a task.
    ///
    /// # Errors
    /// A text that cannot be tokenised.
    pub(crate) fn tokenize<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        task: Option<&str>,
    ) -> Result<TokenBatch, SpladeError> {
        let span = info_span!("tokenize", texts = texts.len(), tokens = tracing::field::Empty);
        let _entered = span.clone().entered();
        let tokens = match self {
            Self::Transformer { transformer, .. } => transformer.tokenize(texts, task)?,
            Self::Table(table) => table.tokenize(texts)?,
        };
        span.record("tokens", tokens.n_tokens());
        Ok(tokens)
    }
}
