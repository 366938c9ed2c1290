//! What can keep a page from being written.

use std::io;

/// Why an explanation cannot become a page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// A token's range is not within its text.
    #[error(
        "{text}, token {token}: bytes {start}..{end} are not within the text of {len} bytes: \
         give byte offsets into the text that was tokenised"
    )]
    #[non_exhaustive]
    TokenRange {
        /// What the page calls the text.
        text: String,
        /// The token's number, from 1.
        token: usize,
        /// Where its range starts.
        start: usize,
        /// Where its range ends.
        end: usize,
        /// Length of the text in bytes.
        len: usize,
    },
    /// The vectors of two texts have different lengths.
    #[error("{text} has a vector of dimension {found}, but the texts before it {expected}")]
    #[non_exhaustive]
    DimensionMismatch {
        /// What the page calls the text.
        text: String,
        /// The dimension of its vector.
        found: usize,
        /// The dimension of the vectors before it.
        expected: usize,
    },
    /// A score of this kind is no sum over shared terms.
    #[error(
        "a {similarity} score is no sum over shared terms, so no term has a share of it: \
         explain with dot or cosine"
    )]
    #[non_exhaustive]
    NoSharesOfScore {
        /// The similarity's name.
        similarity: &'static str,
    },
    /// The page cannot be written to its output.
    #[error("cannot write the page")]
    #[non_exhaustive]
    Write {
        /// What the output says.
        #[source]
        source: io::Error,
    },
}
