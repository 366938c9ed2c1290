//! The token ids of many texts, packed.

use std::ops::Range;

use crate::TokenizerError;

/// Texts as token ids, concatenated without padding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenBatch {
    /// The ids of all texts.
    pub input_ids: Vec<u32>,
    /// The segment of each token (0 for a single text), as long as `input_ids`.
    pub token_type_ids: Vec<u32>,
    /// `texts + 1` entries: text i owns the tokens `offsets[i]..offsets[i + 1]`.
    pub offsets: Vec<u32>,
    /// How many tokens of each text were cut off to fit `max_seq_length`.
    pub n_cut: Vec<u32>,
}

impl TokenBatch {
    /// Number of texts.
    pub fn n_texts(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Number of tokens, summed over all texts.
    pub fn n_tokens(&self) -> usize {
        self.input_ids.len()
    }

    /// Number of texts that were longer than `max_seq_length` and were cut.
    pub fn n_truncated(&self) -> usize {
        self.n_cut.iter().filter(|&&n| n > 0).count()
    }

    /// The range of the tokens of text `text`.
    ///
    /// # Panics
    /// If there is no such text.
    pub fn range(&self, text: usize) -> Range<usize> {
        self.offsets[text] as usize..self.offsets[text + 1] as usize
    }

    /// Number of tokens of each text.
    pub fn lengths(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.offsets.windows(2).map(|w| (w[1] - w[0]) as usize)
    }

    /// Appends the texts of another batch.
    ///
    /// # Errors
    /// The result would have more than 2^32 - 1 tokens; then nothing is added.
    pub fn append(&mut self, other: &Self) -> Result<(), TokenizerError> {
        let start = self.n_tokens();
        let n_tokens = start + other.n_tokens();
        if u32::try_from(n_tokens).is_err() {
            return Err(TokenizerError::TooManyTokens { n_tokens });
        }
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.input_ids.extend_from_slice(&other.input_ids);
        self.token_type_ids.extend_from_slice(&other.token_type_ids);
        self.offsets.extend(other.offsets.iter().skip(1).map(|end| start as u32 + end));
        self.n_cut.extend_from_slice(&other.n_cut);
        Ok(())
    }

    /// The texts `texts`, in that order, as a new batch.
    ///
    /// # Panics
    /// If there is no such text, or if texts are repeated so often that they have more than 2^32 -
    /// 1 tokens.
    pub fn select(&self, texts: &[usize]) -> Self {
        let mut selected = Self { offsets: vec![0], ..Self::default() };
        for &text in texts {
            let range = self.range(text);
            selected.input_ids.extend_from_slice(&self.input_ids[range.clone()]);
            selected.token_type_ids.extend_from_slice(&self.token_type_ids[range]);
            let end = u32::try_from(selected.input_ids.len());
            selected.offsets.push(end.expect("no text is named too often"));
            selected.n_cut.push(self.n_cut[text]);
        }
        selected
    }
}
