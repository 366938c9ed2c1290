//! Merges the tokens of a text into segments that do not overlap.

use std::ops::Range;

use serde::Serialize;

use super::{PageError, TextToken};

/// A segment of the text, and the tokens that it consists of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Segment {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Indices in the vector.
    pub(crate) indices: Vec<u32>,
}

/// Merges overlapping tokens, and trims white space at the ends of each.
///
/// # Errors
/// [`PageError::TokenRange`].
pub(crate) fn join_tokens(
    label: &str,
    text: &str,
    tokens: &[TextToken],
) -> Result<Vec<Segment>, PageError> {
    let mut parts = Vec::with_capacity(tokens.len());
    for (token, TextToken { range, index }) in tokens.iter().enumerate() {
        if range.start > range.end || range.end > text.len() {
            return Err(PageError::TokenRange {
                text: label.into(),
                token: token + 1,
                start: range.start,
                end: range.end,
                len: text.len(),
            });
        }
        let shaded = trim(text, range);
        if !shaded.is_empty() {
            parts.push((shaded, *index));
        }
    }
    // Stable, so that the byte tokens of one character keep their order.
    parts.sort_by_key(|(range, _)| range.start);

    let mut segments: Vec<Segment> = Vec::with_capacity(parts.len());
    for (range, index) in parts {
        match segments.last_mut() {
            Some(last) if range.start < last.end => {
                last.end = last.end.max(range.end);
                last.indices.push(index);
            }
            _ => {
                segments.push(Segment { start: range.start, end: range.end, indices: vec![index] })
            }
        }
    }
    Ok(segments)
}

/// A range widened to whole characters, with white space at its ends removed.
fn trim(text: &str, range: &Range<usize>) -> Range<usize> {
    if range.is_empty() {
        return range.clone();
    }
    let start = text.floor_char_boundary(range.start);
    let end = text.ceil_char_boundary(range.end);
    let inner = text[start..end].trim_end();
    let trimmed = inner.trim_start();
    let start = start + inner.len() - trimmed.len();
    start..start + trimmed.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn join(text: &str, ranges: &[Range<usize>]) -> Vec<(String, Vec<u32>)> {
        let tokens: Vec<TextToken> = (0_u32..)
            .zip(ranges)
            .map(|(index, range)| TextToken::new(range.clone(), index))
            .collect();
        let segments = join_tokens("a", text, &tokens).unwrap();
        segments.into_iter().map(|s| (text[s.start..s.end].into(), s.indices)).collect()
    }

    #[test]
    fn bytes_of_one_character_are_one_segment() {
        let found = join("a 😀b", &[0..1, 1..6, 2..6, 6..7]);
        assert_eq!(
            found,
            [("a".into(), vec![0]), ("😀".into(), vec![1, 2]), ("b".into(), vec![3])]
        );
        assert_eq!(join("é", &[0..1, 1..2]), [("é".into(), vec![0, 1])]);
    }

    #[test]
    fn white_space_and_empty_tokens_are_not_shaded() {
        let found = join("  rain  ", &[0..0, 0..1, 1..8, 8..8]);
        assert_eq!(found, [("rain".into(), vec![2])]);
    }

    #[test]
    fn a_range_beyond_its_text_is_an_error() {
        let error = join_tokens("d7", "rain", &[TextToken::new(2..5, 0)]).unwrap_err();
        assert!(error.to_string().starts_with("d7, token 1: bytes 2..5 are not within"));
        let reversed = TextToken { range: Range { start: 3, end: 1 }, index: 0 };
        assert!(join_tokens("d7", "rain", &[reversed]).is_err());
    }

    proptest! {
        #[test]
        fn segments_follow_each_other(
            text in "\\PC{0,12}[ \n\u{301}é]{0,4}\\PC{0,12}",
            cuts in proptest::collection::vec((0_usize..80, 0_usize..80), 0..12),
        ) {
            let tokens: Vec<TextToken> = cuts
                .iter()
                .map(|&(a, b)| (a.min(b).min(text.len()), a.max(b).min(text.len())))
                .map(|(start, end)| TextToken::new(start..end, 7))
                .collect();
            let segments = join_tokens("a", &text, &tokens).unwrap();
            let mut end = 0;
            for segment in &segments {
                prop_assert!(end <= segment.start && segment.start < segment.end);
                prop_assert!(!text[segment.start..segment.end].trim().is_empty());
                end = segment.end;
            }
            let n_shaded: usize = segments.iter().map(|segment| segment.indices.len()).sum();
            prop_assert!(n_shaded <= tokens.len());
        }
    }
}
