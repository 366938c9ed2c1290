//! Texts with their tokens and vectors, for the page that shows them.

use splade_export::{ExplainedText, Explanation, Reading, TermKind, TextToken};
use splade_sparse::SparseMatrix;

use crate::{EncodeOptions, SparseEncoder, SpladeError};

/// Texts as a model read them: with their prompts, the byte range of each token, and their vectors.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReadTexts {
    /// The texts, each with the prompt of the call before it.
    pub texts: Vec<String>,
    /// The tokens of each text.
    pub tokens: Vec<Vec<TextToken>>,
    /// Whether all of a text was read, or its end was cut off.
    pub readings: Vec<Reading>,
    /// One vector for each text.
    pub embeddings: SparseMatrix,
}

impl ReadTexts {
    /// The texts for [`Explanation::with_queries`] or [`Explanation::with_documents`].
    #[must_use]
    pub fn explained(&self) -> Vec<ExplainedText<'_>> {
        let texts = self.texts.iter().zip(&self.tokens).zip(&self.readings);
        texts
            .zip(self.embeddings.rows())
            .map(|(((text, tokens), reading), row)| {
                ExplainedText::new(text, row).with_tokens(tokens.clone()).with_reading(*reading)
            })
            .collect()
    }
}

impl SparseEncoder {
    /// Encodes texts, and locates their tokens.
    ///
    /// # Errors
    /// See [`encode_with`](Self::encode_with).
    pub fn read_texts<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        options: &EncodeOptions,
    ) -> Result<ReadTexts, SpladeError> {
        let embeddings = self.encode_with(texts, options)?.embeddings;
        self.read_encoded(texts, embeddings, options)
    }

    /// As [`read_texts`](Self::read_texts), with the texts' vectors, which were made with these
    /// options.
    ///
    /// # Errors
    /// A text that cannot be tokenised; a prompt, a task or a limit that the model does not have.
    ///
    /// # Panics
    /// When there are not as many vectors as texts.
    pub fn read_encoded<T: AsRef<str>>(
        &self,
        texts: &[T],
        embeddings: SparseMatrix,
        options: &EncodeOptions,
    ) -> Result<ReadTexts, SpladeError> {
        assert_eq!(embeddings.n_rows(), texts.len(), "a vector for each text");
        let prompt = self.prompt(options)?;
        let mut read = ReadTexts {
            texts: texts.iter().map(|text| format!("{prompt}{}", text.as_ref())).collect(),
            tokens: Vec::with_capacity(texts.len()),
            readings: Vec::with_capacity(texts.len()),
            embeddings,
        };
        for text in &read.texts {
            let (pieces, n_cut) = self.pieces_of(text, options)?;
            let tokens = pieces.into_iter().map(|piece| TextToken::new(piece.range, piece.id));
            read.tokens.push(tokens.collect());
            read.readings.push(if n_cut > 0 { Reading::Cut } else { Reading::Whole });
        }
        Ok(read)
    }

    /// A page about this model's vectors, without texts yet: it knows how the model spells a token,
    /// and how it scores.
    ///
    /// ```
    /// use splade::{EncodeOptions, SparseEncoder};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");
    /// let encoder = SparseEncoder::load(folder)?;
    /// let (query, document) = ("sunny weather", "It's so sunny outside!");
    /// let queries = encoder.read_texts(&[query], &EncodeOptions::query())?;
    /// let documents = encoder.read_texts(&[document], &EncodeOptions::document())?;
    /// let mut page = Vec::new();
    /// encoder
    ///     .explanation()
    ///     .with_queries(queries.explained())
    ///     .with_documents(documents.explained())
    ///     .write_html(&mut page)?;
    /// assert!(String::from_utf8(page)?.contains("sunny"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn explanation(&self) -> Explanation<'_> {
        let name = self.folder().file_name().map_or_else(
            || self.folder().display().to_string(),
            |name| name.to_string_lossy().into_owned(),
        );
        let terms = if self.has_tokens() { TermKind::Tokens } else { TermKind::Features };
        let spell = move |index| match terms {
            TermKind::Tokens => self.token(index),
            _ => format!("latent {index}"),
        };
        Explanation::new(name, spell).with_terms(terms).with_similarity(self.similarity_function())
    }
}
