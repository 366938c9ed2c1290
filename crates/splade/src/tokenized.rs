//! [`TokenizedTexts`]: texts between tokenising and encoding.

use std::ops::Range;
use std::sync::Arc;

use splade_tokenizer::{TokenBatch, Tokenizer};

use crate::SpladeError;

/// Texts as tokens, after cutting, special tokens and prompts included. Made by
/// [`SparseEncoder::tokenize`](crate::SparseEncoder::tokenize) and its variants, for
/// [`encode_tokenized`](crate::SparseEncoder::encode_tokenized) of any handle on the same model,
/// and of any pool started from it.
///
/// It records the route that the texts were tokenised for, and how many tokens of each text belong
/// to its prompt.
#[derive(Clone)]
pub struct TokenizedTexts {
    pub(crate) tokens: TokenBatch,
    /// Tokens of each text's prompt.
    pub(crate) prompt_lengths: Vec<u32>,
    /// The index of the route.
    pub(crate) route: usize,
    pub(crate) tokenizer: Arc<Tokenizer>,
}

/// One of [`TokenizedTexts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenizedText<'a> {
    /// Token ids, special tokens and the prompt included.
    pub input_ids: &'a [u32],
    /// The segment of each token: 1 for the second text of a pair, if the model distinguishes the
    /// two.
    pub token_type_ids: &'a [u32],
    /// Its length.
    pub length: TextLength,
}

/// How many tokens a text has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextLength {
    /// Tokens that the model sees, special tokens and the prompt included.
    pub n_tokens: usize,
    /// Tokens that were cut off.
    pub n_cut: usize,
}

impl TextLength {
    /// Whether the text was longer than `max_seq_length`.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.n_cut > 0
    }
}

impl TokenizedTexts {
    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.n_texts()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The index of the route that they were tokenised for: texts of different routes share no
    /// batch.
    #[must_use]
    pub fn route(&self) -> usize {
        self.route
    }

    /// Tokens of all texts.
    #[must_use]
    pub fn n_tokens(&self) -> usize {
        self.tokens.n_tokens()
    }

    /// Texts that were cut.
    #[must_use]
    pub fn n_truncated(&self) -> usize {
        self.tokens.n_truncated()
    }

    /// The text at `index`.
    ///
    /// # Panics
    /// When there is no such text.
    #[must_use]
    pub fn text(&self, index: usize) -> TokenizedText<'_> {
        let tokens = self.tokens.range(index);
        TokenizedText {
            input_ids: &self.tokens.input_ids[tokens.clone()],
            token_type_ids: &self.tokens.token_type_ids[tokens.clone()],
            length: TextLength { n_tokens: tokens.len(), n_cut: self.tokens.n_cut[index] as usize },
        }
    }

    /// The texts, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = TokenizedText<'_>> {
        (0..self.len()).map(|index| self.text(index))
    }

    /// The tokens of the text at `index` as the vocabulary spells them (`##ing`, `[SEP]`).
    ///
    /// # Panics
    /// When there is no such text.
    #[must_use]
    pub fn spelled(&self, index: usize) -> Vec<String> {
        let spell = |&id: &u32| self.tokenizer.token(id).unwrap_or_default();
        self.text(index).input_ids.iter().map(spell).collect()
    }

    /// The texts at `indices`, in that order.
    ///
    /// # Panics
    /// When there is no such text.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        Self {
            tokens: self.tokens.select(indices),
            prompt_lengths: indices.iter().map(|&index| self.prompt_lengths[index]).collect(),
            route: self.route,
            tokenizer: Arc::clone(&self.tokenizer),
        }
    }

    /// Appends the texts of `other`, so that texts tokenised in separate calls share a batch.
    ///
    /// # Errors
    /// [`SpladeError::OtherTokens`] for texts of another model or route; more than 2^32 - 1 tokens.
    /// After an error nothing is appended.
    pub fn append(&mut self, other: &Self) -> Result<(), SpladeError> {
        if self.route != other.route || !Arc::ptr_eq(&self.tokenizer, &other.tokenizer) {
            return Err(SpladeError::OtherTokens);
        }
        self.tokens.append(&other.tokens)?;
        self.prompt_lengths.extend(&other.prompt_lengths);
        Ok(())
    }

    /// The texts of a range.
    pub(crate) fn slice(&self, range: Range<usize>) -> Self {
        self.select(&range.collect::<Vec<_>>())
    }

    pub(crate) fn lengths(&self) -> Vec<TextLength> {
        self.iter().map(|text| text.length).collect()
    }
}

impl std::fmt::Debug for TokenizedTexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
