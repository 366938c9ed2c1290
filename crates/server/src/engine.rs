//! The model as the batcher sees it: texts that are tokenised, a device that computes them.

use std::num::NonZeroUsize;
use std::sync::Arc;

use splade::tokens::TextLength;
use splade::{EncodeOptions, EncoderPool, SparseRow, SpladeError, TextOptions, TokenizedTexts};

use crate::batching::Compute;

/// A text that waits: one of those that a request was tokenised to.
pub(crate) struct ReadyText {
    pub(crate) tokens: Arc<TokenizedTexts>,
    pub(crate) index: usize,
    /// What is kept of its vector.
    pub(crate) options: TextOptions,
}

/// A text's vector.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) weights: SparseRow,
    pub(crate) length: TextLength,
}

/// What tests have done before a batch is computed.
#[cfg(test)]
pub(crate) type Before = Arc<dyn Fn(&[&ReadyText]) + Send + Sync>;

/// A device with its model.
pub(crate) struct Worker {
    /// A pool of one worker, which has its own threads.
    pool: EncoderPool,
    options: EncodeOptions,
    /// Called before each batch.
    #[cfg(test)]
    before: Option<Before>,
}

impl Worker {
    pub(crate) fn new(pool: EncoderPool) -> Self {
        // The scheduler has cut the batch: the pool takes it whole.
        let options = EncodeOptions::default().with_chunk_size(NonZeroUsize::MAX);
        Self {
            pool,
            options,
            #[cfg(test)]
            before: None,
        }
    }

    /// One that calls `before` with each batch, which may panic or hang.
    #[cfg(test)]
    pub(crate) fn disturbed(pool: EncoderPool, before: Before) -> Self {
        Self { before: Some(before), ..Self::new(pool) }
    }
}

impl Compute for Worker {
    type Text = ReadyText;
    type Row = Row;
    type Error = Box<SpladeError>;

    fn compute(&self, texts: &[&ReadyText]) -> Result<Vec<Row>, Box<SpladeError>> {
        #[cfg(test)]
        if let Some(before) = &self.before {
            before(texts);
        }
        let tokens = joined(texts)?;
        let each: Vec<TextOptions> = texts.iter().map(|text| text.options.clone()).collect();
        let encoded = self.pool.encode_tokenized_each(&tokens, &each, &self.options)?;
        let rows = encoded.embeddings.rows().zip(encoded.lengths);
        Ok(rows.map(|(row, length)| Row { weights: row.to_row(), length }).collect())
    }
}

/// The texts, which were tokenised apart, as one batch.
fn joined(texts: &[&ReadyText]) -> Result<TokenizedTexts, SpladeError> {
    let mut runs = texts.chunk_by(|a, b| Arc::ptr_eq(&a.tokens, &b.tokens)).map(|run| {
        let indices: Vec<usize> = run.iter().map(|text| text.index).collect();
        run[0].tokens.select(&indices)
    });
    let mut batch = runs.next().expect("a batch has texts");
    for run in runs {
        batch.append(&run)?;
    }
    Ok(batch)
}
