//! Human-readable spellings of a vocabulary.

use std::collections::BTreeMap;

use serde::Serialize;

/// How a vocabulary marks where words begin and continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TokenSpelling {
    /// No marks: spellings are shown unchanged.
    #[default]
    Plain,
    /// `##ing` continues a word (BERT).
    WordPiece,
    /// Bytes are written as letters; `Ġrain` begins a word (GPT-2, RoBERTa, ModernBERT).
    ByteLevel,
    /// `▁rain` begins a word, `<0xE2>` is a byte (XLM-RoBERTa, T5, Llama).
    SentencePiece,
}

/// Precedes a token that continues a word, as dictionaries write suffixes: a non-breaking hyphen.
const CONTINUES: char = '\u{2011}';

impl TokenSpelling {
    /// The most frequent kind of mark in some spellings of a vocabulary; plain if there are none.
    pub fn detect<'a>(spellings: impl IntoIterator<Item = &'a str>) -> Self {
        let mut counts = [0_usize; 3];
        for spelling in spellings {
            // A vocabulary without these marks may still contain the token `##` or `###`.
            let goes_on = spelling.strip_prefix("##").is_some_and(|rest| !rest.starts_with('#'));
            counts[0] += usize::from(goes_on && spelling.len() > 2);
            counts[1] += usize::from(spelling.starts_with('Ġ'));
            counts[2] += usize::from(spelling.starts_with('▁'));
        }
        let kinds = [Self::WordPiece, Self::ByteLevel, Self::SentencePiece];
        let most = counts.iter().copied().max().unwrap_or(0);
        let found = kinds.iter().zip(counts).find(|&(_, count)| count == most && most > 0);
        found.map_or(Self::Plain, |(&kind, _)| kind)
    }

    /// The human-readable spelling: `‑ing` for `##ing`, `rain` for `Ġrain` and `▁rain`, `é` for
    /// `Ã©`, `␣` for a lone space, `⟨F0⟩` for a byte that is not a character by itself.
    #[must_use]
    pub fn readable(self, spelling: &str) -> String {
        let (text, begins_word) = match self {
            Self::Plain => (spelling.to_owned(), true),
            Self::WordPiece => match spelling.strip_prefix("##") {
                Some(rest) if !rest.is_empty() => (rest.to_owned(), false),
                _ => (spelling.to_owned(), true),
            },
            Self::ByteLevel => match decode_byte_level(spelling) {
                Some(bytes) => without_space(&show_bytes(&bytes), ' '),
                None => (spelling.to_owned(), true),
            },
            Self::SentencePiece => match byte_token(spelling) {
                Some(byte) => (show_bytes(&[byte]), true),
                None => without_space(spelling, '▁'),
            },
        };
        let mut name = String::new();
        if !begins_word && text.chars().next().is_some_and(goes_on_a_word) {
            name.push(CONTINUES);
        }
        name.push_str(&visible(&text));
        name
    }
}

/// A term's spelling in the vocabulary, and its human-readable form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Name {
    pub(crate) spelling: String,
    pub(crate) readable: String,
}

/// The names of all indices on the page.
pub(crate) type Names = BTreeMap<u32, Name>;

/// Names each of `indices` once.
pub(crate) fn name_all(
    indices: impl Iterator<Item = u32>,
    spell: &dyn Fn(u32) -> String,
    known: Option<TokenSpelling>,
) -> Names {
    let mut spellings = BTreeMap::new();
    for index in indices {
        spellings.entry(index).or_insert_with(|| spell(index));
    }
    let detect = || TokenSpelling::detect(spellings.values().map(String::as_str));
    let kind = known.unwrap_or_else(detect);
    let name = |spelling: String| Name { readable: kind.readable(&spelling), spelling };
    spellings.into_iter().map(|(index, spelling)| (index, name(spelling))).collect()
}

/// A text without its word-initial mark, and whether it had one; inner marks become spaces.
fn without_space(text: &str, mark: char) -> (String, bool) {
    let space = |rest: &str| rest.replace(mark, " ");
    match text.strip_prefix(mark) {
        Some("") => (" ".to_owned(), true),
        Some(rest) => (space(rest), true),
        None => (space(text), false),
    }
}

/// Whether an unmarked token that starts with this character continues the previous word.
/// Punctuation does not, nor do scripts written without spaces.
fn goes_on_a_word(first: char) -> bool {
    let without_spaces = matches!(u32::from(first),
        0x0E00..=0x0EFF // Thai, Lao
        | 0x1000..=0x109F // Myanmar
        | 0x1780..=0x17FF // Khmer
        | 0x2E80..=0xA4CF // Chinese, Japanese, Yi
        | 0xF900..=0xFAFF
        | 0x2_0000..=0x3_FFFF);
    (first.is_alphanumeric() || is_combining(first)) && !without_spaces
}

/// Combining marks of the most common scripts.
fn is_combining(c: char) -> bool {
    matches!(u32::from(c),
        0x0300..=0x036F | 0x0483..=0x0489 | 0x0591..=0x05BD | 0x0610..=0x061A
        | 0x064B..=0x065F | 0x0900..=0x0903 | 0x093A..=0x094F | 0x1AB0..=0x1AFF
        | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF | 0xFE00..=0xFE0F | 0xFE20..=0xFE2F)
}

/// The bytes that a byte-level spelling writes as letters; `None` if a letter stands for no byte.
fn decode_byte_level(spelling: &str) -> Option<Vec<u8>> {
    // Printable Latin-1 bytes stand for themselves; the others follow from U+0100 on.
    let printable = |code: u32| matches!(code, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
    let mut others = (0..=0xFF).filter(|&code| !printable(code));
    let shifted: Vec<u32> = others.by_ref().collect();
    spelling
        .chars()
        .map(|letter| {
            let code = u32::from(letter);
            let byte = if printable(code) {
                code
            } else {
                *shifted.get(usize::try_from(code.checked_sub(0x100)?).ok()?)?
            };
            u8::try_from(byte).ok()
        })
        .collect()
}

/// The byte that SentencePiece spells `<0xE2>`.
fn byte_token(spelling: &str) -> Option<u8> {
    let digits = spelling.strip_prefix("<0x")?.strip_suffix('>')?;
    (digits.len() == 2).then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// Bytes as text; bytes that are not characters are written in hexadecimal.
fn show_bytes(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for chunk in bytes.utf8_chunks() {
        shown.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            let digits: Vec<String> =
                chunk.invalid().iter().map(|byte| format!("{byte:02X}")).collect();
            shown.push_str(&format!("⟨{}⟩", digits.join(" ")));
        }
    }
    shown
}

/// A name with every character made visible.
fn visible(text: &str) -> String {
    if text.is_empty() {
        return "⟨empty⟩".into();
    }
    let nothing_to_see = text.chars().all(|c| c.is_whitespace() || is_invisible(c));
    text.chars()
        .map(|c| match c {
            ' ' if nothing_to_see => "␣".into(),
            _ if is_direction(c) || (nothing_to_see && !c.is_ascii()) => {
                format!("⟨U+{:04X}⟩", u32::from(c))
            }
            _ => c.to_string(),
        })
        .collect()
}

/// Characters that reorder their neighbours.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Characters without width.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}'
        | '\u{FE00}'..='\u{FE0F}')
        || is_direction(c)
}

#[cfg(test)]
mod tests {
    use super::TokenSpelling::*;
    use super::*;

    #[test]
    fn continued_words_read_as_suffixes() {
        assert_eq!(WordPiece.readable("##ing"), "‑ing");
        assert_eq!(WordPiece.readable("rain"), "rain");
        assert_eq!(WordPiece.readable("##"), "##");
        assert_eq!(ByteLevel.readable("Ġrain"), "rain");
        assert_eq!(ByteLevel.readable("ing"), "‑ing");
        assert_eq!(SentencePiece.readable("▁rain"), "rain");
        assert_eq!(SentencePiece.readable("ing"), "‑ing");
    }

    #[test]
    fn punctuation_and_scripts_without_spaces_are_no_suffixes() {
        assert_eq!(SentencePiece.readable(","), ",");
        assert_eq!(SentencePiece.readable("天気"), "天気");
        assert_eq!(SentencePiece.readable("</s>"), "</s>");
        assert_eq!(SentencePiece.readable("رحب"), "‑رحب");
    }

    #[test]
    fn byte_letters_read_as_text() {
        assert_eq!(ByteLevel.readable("ĠÃ©t"), "ét");
        assert_eq!(ByteLevel.readable("ĠðŁĺ"), "⟨F0 9F 98⟩");
        assert_eq!(ByteLevel.readable("Ġ"), "␣");
        assert_eq!(ByteLevel.readable("Ċ"), "\n");
        assert_eq!(ByteLevel.readable("日"), "日");
        assert_eq!(SentencePiece.readable("<0xE2>"), "⟨E2⟩");
        assert_eq!(SentencePiece.readable("<0x41>"), "A");
        assert_eq!(SentencePiece.readable("▁"), "␣");
    }

    #[test]
    fn nothing_invisible_is_left_unnamed() {
        assert_eq!(Plain.readable(""), "⟨empty⟩");
        assert_eq!(Plain.readable("\u{200D}"), "⟨U+200D⟩");
        assert_eq!(Plain.readable("\u{202E}abc"), "⟨U+202E⟩abc");
        assert_eq!(Plain.readable("می\u{200C}خوا"), "می\u{200C}خوا");
    }

    #[test]
    fn the_commonest_mark_decides() {
        assert_eq!(TokenSpelling::detect(["a", "##b", "c"]), WordPiece);
        assert_eq!(TokenSpelling::detect(["##", "###", "Ġa"]), ByteLevel);
        assert_eq!(TokenSpelling::detect(["▁a", "▁b", "##c"]), SentencePiece);
        assert_eq!(TokenSpelling::detect(["a", "b"]), Plain);
        assert_eq!(TokenSpelling::detect([]), Plain);
    }
}
