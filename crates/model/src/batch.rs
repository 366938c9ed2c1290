//! The input of a model: packed token ids.

/// Texts as token ids, one after the other, without padding.
#[derive(Clone, Copy, Debug)]
pub struct PackedTokens<'a> {
    input_ids: &'a [u32],
    token_type_ids: &'a [u32],
    offsets: &'a [u32],
}

impl<'a> PackedTokens<'a> {
    /// Text i owns the tokens `offsets[i]..offsets[i + 1]`; `offsets` has `texts + 1` entries.
    ///
    /// # Panics
    /// When `offsets` does not rise from 0 to the number of tokens, or `token_type_ids` is not as
    /// long as `input_ids`.
    pub fn new(input_ids: &'a [u32], token_type_ids: &'a [u32], offsets: &'a [u32]) -> Self {
        assert_eq!(input_ids.len(), token_type_ids.len(), "a token type for each token");
        assert_eq!(offsets.first(), Some(&0), "offsets start at 0");
        assert!(offsets.is_sorted(), "offsets rise");
        let end = offsets[offsets.len() - 1] as usize;
        assert_eq!(end, input_ids.len(), "offsets end at the number of tokens");
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

    /// Where each text starts, and the number of tokens.
    pub fn offsets(&self) -> &'a [u32] {
        self.offsets
    }

    /// How many texts there are.
    pub fn n_texts(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The place of each token within its text: 0, 1, 2, ... for each text anew.
    pub fn position_ids(&self) -> Vec<u32> {
        self.offsets.windows(2).flat_map(|w| 0..w[1] - w[0]).collect()
    }

    /// Tokens of the longest text.
    pub fn max_length(&self) -> usize {
        self.offsets.windows(2).map(|w| (w[1] - w[0]) as usize).max().unwrap_or(0)
    }
}
