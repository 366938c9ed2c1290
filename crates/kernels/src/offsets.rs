//! Where each packed text starts and ends, checked once.

use std::ops::Range;

/// Offsets of packed texts, `[texts + 1]`: text i owns the tokens `offsets[i]..offsets[i + 1]`.
///
/// They start at 0 and never decrease; a value of this type was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offsets<'a>(&'a [u32]);

impl<'a> Offsets<'a> {
    /// # Panics
    /// If `offsets` is empty, does not start at 0, or decreases.
    #[must_use]
    pub fn new(offsets: &'a [u32]) -> Self {
        assert_eq!(offsets.first(), Some(&0), "offsets do not start at 0");
        assert!(offsets.is_sorted(), "offsets decrease");
        Self(offsets)
    }

    /// The offsets as a slice.
    #[must_use]
    pub fn as_slice(self) -> &'a [u32] {
        self.0
    }

    /// Number of texts.
    #[must_use]
    pub fn n_texts(self) -> usize {
        self.0.len() - 1
    }

    /// Number of tokens of all texts.
    #[must_use]
    pub fn n_tokens(self) -> usize {
        self.0[self.n_texts()] as usize
    }

    /// The tokens of a text.
    ///
    /// # Panics
    /// If there is no such text.
    #[must_use]
    pub fn range(self, text: usize) -> Range<usize> {
        self.tokens(text..text + 1)
    }

    /// The tokens of some consecutive texts.
    ///
    /// # Panics
    /// If there is no such text.
    #[must_use]
    pub fn tokens(self, texts: Range<usize>) -> Range<usize> {
        self.0[texts.start] as usize..self.0[texts.end] as usize
    }

    /// The tokens of each text, in order.
    pub fn ranges(self) -> impl ExactSizeIterator<Item = Range<usize>> + Clone + use<'a> {
        (0..self.n_texts()).map(move |text| self.range(text))
    }

    /// Tokens of the longest text; 0 without texts.
    #[must_use]
    pub fn longest(self) -> usize {
        self.ranges().map(|text| text.len()).max().unwrap_or(0)
    }

    /// The position of each token in its text: 0, 1, 2, ... for each text.
    pub fn positions(self) -> impl Iterator<Item = u32> + use<'a> {
        self.ranges().flat_map(|text| 0..text.len() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_own_the_tokens_between_two_offsets() {
        let offsets = Offsets::new(&[0, 2, 2, 5]);
        assert_eq!((offsets.n_texts(), offsets.n_tokens(), offsets.longest()), (3, 5, 3));
        assert_eq!(offsets.ranges().collect::<Vec<_>>(), [0..2, 2..2, 2..5]);
        assert_eq!(offsets.positions().collect::<Vec<_>>(), [0, 1, 0, 1, 2]);
        assert_eq!(offsets.tokens(1..3), 2..5);
        let none = Offsets::new(&[0]);
        assert_eq!((none.n_texts(), none.n_tokens(), none.longest()), (0, 0, 0));
    }

    #[test]
    fn offsets_that_are_none_are_refused() {
        for bad in [&[][..], &[1, 2], &[0, 3, 2]] {
            assert!(std::panic::catch_unwind(|| Offsets::new(bad)).is_err(), "{bad:?}");
        }
    }
}
