//! The token ids of many texts, packed.

use std::ops::Range;

/// Texts as token ids, one after the other, without padding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenBatch {
    /// The ids of all texts.
    pub input_ids: Vec<u32>,
    /// The segment of each token (0 for a single text), as long as `input_ids`.
    pub token_type_ids: Vec<u32>,
    /// `texts + 1` entries: text i owns the tokens `offsets[i]..offsets[i + 1]`.
    pub offsets: Vec<u32>,
    /// How many texts were longer than `max_seq_length` and were cut.
    pub n_truncated: usize,
}

impl TokenBatch {
    /// How many texts there are.
    pub fn n_texts(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// How many tokens all texts have together.
    pub fn n_tokens(&self) -> usize {
        self.input_ids.len()
    }

    /// Where the tokens of text `text` stand.
    ///
    /// # Panics
    /// When there is no such text.
    pub fn range(&self, text: usize) -> Range<usize> {
        self.offsets[text] as usize..self.offsets[text + 1] as usize
    }

    /// How many tokens each text has.
    pub fn lengths(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.offsets.windows(2).map(|w| (w[1] - w[0]) as usize)
    }

    /// The texts `texts`, in that order, as a batch of their own.
    ///
    /// # Panics
    /// When there is no such text.
    pub fn select(&self, texts: &[usize]) -> Self {
        let mut selected = Self { offsets: vec![0], ..Self::default() };
        for &text in texts {
            let range = self.range(text);
            selected.input_ids.extend_from_slice(&self.input_ids[range.clone()]);
            selected.token_type_ids.extend_from_slice(&self.token_type_ids[range]);
            // Cannot overflow for texts that differ; repeated ones are the caller's own doing.
            selected.offsets.push(selected.input_ids.len() as u32);
        }
        selected
    }
}
