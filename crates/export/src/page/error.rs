//! Errors of writing a page.

use std::io;

/// Why an explanation cannot become a page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// A token's range is outside its text.
    #[error(
        "{text}, token {token}: bytes {start}..{end} are not within the text of {len} bytes: \
         give byte offsets into the text that was tokenised"
    )]
    #[non_exhaustive]
    TokenRange {
        /// The page's name for the text.
        text: String,
        /// The token's number, from 1.
        token: usize,
        /// The start of its range.
        start: usize,
        /// The end of its range.
        end: usize,
        /// Length of the text in bytes.
        len: usize,
    },
    /// The vectors of two texts have different dimensions.
    #[error("{text} has a vector of dimension {found}, but the texts before it {expected}")]
    #[non_exhaustive]
    DimensionMismatch {
        /// The page's name for the text.
        text: String,
        /// The dimension of its vector.
        found: usize,
        /// The dimension of the vectors before it.
        expected: usize,
    },
    /// A score of this kind is not a sum over shared terms.
    #[error(
        "a {similarity} score is not a sum over shared terms, so no term has a share of it: \
         explain with dot or cosine"
    )]
    #[non_exhaustive]
    NoSharesOfScore {
        /// The similarity's name.
        similarity: &'static str,
    },
    /// The page cannot be written.
    #[error("cannot write the page")]
    #[non_exhaustive]
    Write {
        /// The output's error.
        #[source]
        source: io::Error,
    },
}
