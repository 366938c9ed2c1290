//! Encodes the records of a corpus into files of vectors.

use splade_corpus::{CorpusError, PartWriter, PartsWriter, Record, VectorWriter};
use splade_sparse::SparseRowView;

use super::stream::{StreamText, StreamTotals, TextEncoder, Windows, encode_stream};
use crate::{EncodeOptions, Encoded, SparseEncoder, SpladeError};

impl StreamText for Record {
    fn text(&self) -> &str {
        &self.text
    }

    fn location(&self, _: u64) -> String {
        self.location.to_string()
    }
}

/// Anything that takes vectors with their ids: a file, or a folder of parts.
pub trait VectorSink {
    /// Takes the vector of a record.
    ///
    /// # Errors
    /// Why it cannot be written.
    fn write(
        &mut self,
        record: &Record,
        row: SparseRowView<'_>,
        tokens: Option<&[(String, f32)]>,
    ) -> Result<(), CorpusError>;

    /// Called after the rows of a window, with its counts.
    ///
    /// # Errors
    /// Why they cannot be written.
    fn end_window(&mut self, encoded: &Encoded) -> Result<(), CorpusError>;
}

impl VectorSink for VectorWriter {
    fn write(
        &mut self,
        record: &Record,
        row: SparseRowView<'_>,
        tokens: Option<&[(String, f32)]>,
    ) -> Result<(), CorpusError> {
        Self::write(self, &record.id, row, tokens)
    }

    fn end_window(&mut self, _: &Encoded) -> Result<(), CorpusError> {
        // A reader of the output sees the rows so far.
        self.flush()
    }
}

impl VectorSink for PartsWriter {
    fn write(
        &mut self,
        record: &Record,
        row: SparseRowView<'_>,
        tokens: Option<&[(String, f32)]>,
    ) -> Result<(), CorpusError> {
        Self::write(self, &record.id, row, tokens)?;
        self.add_input(&record.span);
        Ok(())
    }

    fn end_window(&mut self, encoded: &Encoded) -> Result<(), CorpusError> {
        totals(encoded).into_iter().for_each(|(name, amount)| self.add_total(name, amount));
        Ok(())
    }
}

impl VectorSink for PartWriter {
    fn write(
        &mut self,
        record: &Record,
        row: SparseRowView<'_>,
        tokens: Option<&[(String, f32)]>,
    ) -> Result<(), CorpusError> {
        Self::write(self, &record.id, row, tokens)?;
        self.add_input(&record.span);
        Ok(())
    }

    fn end_window(&mut self, encoded: &Encoded) -> Result<(), CorpusError> {
        totals(encoded).into_iter().for_each(|(name, amount)| self.add_total(name, amount));
        Ok(())
    }
}

/// The totals of a part, in a manifest.
fn totals(encoded: &Encoded) -> [(&'static str, u64); 3] {
    [
        ("tokens", encoded.n_tokens as u64),
        ("truncated", encoded.n_truncated as u64),
        ("weights", encoded.embeddings.nnz() as u64),
    ]
}

/// Options of [`encode_corpus`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CorpusOptions<'a> {
    /// How texts are encoded.
    pub encode: EncodeOptions,
    /// How many texts a window holds. For an output in parts, set [`boundary`](Windows::boundary)
    /// to the rows of a part.
    pub windows: Windows,
    /// Writes tokens beside the vectors, spelt by this encoder.
    pub tokens_of: Option<&'a SparseEncoder>,
}

impl<'a> CorpusOptions<'a> {
    /// Sets [`encode`](Self::encode).
    #[must_use]
    pub fn with_encode(mut self, encode: EncodeOptions) -> Self {
        self.encode = encode;
        self
    }

    /// Sets [`windows`](Self::windows).
    #[must_use]
    pub fn with_windows(mut self, windows: Windows) -> Self {
        self.windows = windows;
        self
    }

    /// Sets [`tokens_of`](Self::tokens_of).
    #[must_use]
    pub fn with_tokens_of(mut self, encoder: &'a SparseEncoder) -> Self {
        self.tokens_of = Some(encoder);
        self
    }
}

/// Encodes records and writes their vectors, in order, in bounded memory; `on_window` gets the
/// counts so far after each window. The caller finishes the output; after an error it stays
/// unfinished, so that it does not appear.
///
/// # Errors
/// See [`encode_stream`]; an output that cannot be written.
pub fn encode_corpus(
    encoder: &dyn TextEncoder,
    options: &CorpusOptions<'_>,
    records: impl Iterator<Item = Result<Record, CorpusError>> + Send + 'static,
    output: &mut dyn VectorSink,
    mut on_window: impl FnMut(&StreamTotals),
) -> Result<StreamTotals, SpladeError> {
    let mut totals = StreamTotals::default();
    let records = records.map(|record| record.map_err(SpladeError::from));
    encode_stream(encoder, &options.encode, options.windows, records, |records, encoded| {
        for (record, row) in records.iter().zip(encoded.embeddings.rows()) {
            let tokens = options.tokens_of.map(|encoder| encoder.decode(row, None));
            output.write(record, row, tokens.as_deref())?;
        }
        output.end_window(&encoded)?;
        totals.add(&encoded);
        on_window(&totals);
        Ok(())
    })
}
