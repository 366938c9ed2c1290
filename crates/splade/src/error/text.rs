//! Which text of a call an error is about.

use splade_tokenizer::TokenizerError;

use crate::SpladeError;

impl SpladeError {
    /// The index, in the call, of the text at fault, if a single text is.
    #[cfg(feature = "corpus")]
    pub(crate) fn text(&self) -> Option<usize> {
        match self {
            Self::NotFinite { text, .. }
            | Self::TextTooLong { text, .. }
            | Self::Tokenizer(
                TokenizerError::Encode { text, .. } | TokenizerError::UnknownId { text, .. },
            ) => Some(*text),
            _ => None,
        }
    }

    /// Converts an error about a text of a part of a call, which begins at `start`, to one about a
    /// text of the call.
    pub(crate) fn counted_from(mut self, start: usize) -> Self {
        if let Self::NotFinite { text, .. }
        | Self::TextTooLong { text, .. }
        | Self::Tokenizer(
            TokenizerError::Encode { text, .. } | TokenizerError::UnknownId { text, .. },
        ) = &mut self
        {
            *text += start;
        }
        self
    }
}
