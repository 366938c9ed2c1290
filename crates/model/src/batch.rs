//! The input of a model: packed token ids.

use splade_kernels::Offsets;

/// Texts as token ids, one after the other, without padding.
#[derive(Clone, Copy, Debug)]
pub struct PackedTokens<'a> {
    input_ids: &'a [u32],
    token_type_ids: &'a [u32],
    offsets: Offsets<'a>,
}

impl<'a> PackedTokens<'a> {
    /// Text i owns the tokens `offsets[i]..offsets[i + 1]`; `offsets` has `texts + 1` entries.
    ///
    /// # Panics
    /// If `offsets` does not rise from 0 to the number of tokens, or if `token_type_ids` and
    /// `input_ids` differ in length.
    pub fn new(input_ids: &'a [u32], token_type_ids: &'a [u32], offsets: &'a [u32]) -> Self {
        assert_eq!(input_ids.len(), token_type_ids.len(), "a token type for each token");
        let offsets = Offsets::new(offsets);
        assert_eq!(offsets.n_tokens(), input_ids.len(), "offsets end at the number of tokens");
        Self { input_ids, token_type_ids, offsets }
    }

    /// The ids of all texts.
    pub fn input_ids(&self) -> &'a [u32] {
        self.input_ids
    }

    /// The segment of each token.
    pub fn token_type_ids(&self) -> &'a [u32] {
        self.token_type_ids
    }

    /// Where each text starts, followed by the number of tokens.
    pub fn offsets(&self) -> Offsets<'a> {
        self.offsets
    }

    /// Number of texts.
    pub fn n_texts(&self) -> usize {
        self.offsets.n_texts()
    }

    /// The position of each token within its text: 0, 1, 2, ... for each text.
    pub fn position_ids(&self) -> Vec<u32> {
        self.offsets.positions().collect()
    }

    /// Tokens of the longest text.
    pub fn max_length(&self) -> usize {
        self.offsets.longest()
    }
}
