//! Texts, numbers and tables at a terminal.

use std::io::{self, Write};

use anstyle::Style;
use splade::SimilarityFunction;
use splade::output::steers_terminal;
use splade::sparse::DenseMatrix;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::terminal::{is_page_at_terminal, page_width};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();

/// Width of a text in a table, in columns.
const LABEL_WIDTH: usize = 40;
/// Its minimum, on a narrow terminal.
const MIN_LABEL_WIDTH: usize = 6;
/// Width of a score, including the space before it.
const SCORE_WIDTH: usize = 11;

/// A table of scores that compares all texts.
pub(crate) fn scores(
    out: &mut impl Write,
    function: SimilarityFunction,
    texts: &[String],
    scores: &DenseMatrix,
) -> io::Result<()> {
    let what = match function {
        SimilarityFunction::Dot => "dot product: weight on tokens that both texts have",
        SimilarityFunction::Cosine => "cosine: 1 is alike, 0 shares no token",
        SimilarityFunction::Euclidean => "negative euclidean distance: 0 is alike",
        SimilarityFunction::Manhattan => "negative manhattan distance: 0 is alike",
    };
    writeln!(out, "{BOLD}Similarity{BOLD:#}  {DIM}{what}{DIM:#}")?;
    let number = texts.len().to_string().len();
    // On a narrow terminal the scores are more important.
    let beside = number + 2 + texts.len() * SCORE_WIDTH;
    let label_width = page_width().map_or(LABEL_WIDTH, |columns| {
        columns.saturating_sub(beside).clamp(MIN_LABEL_WIDTH, LABEL_WIDTH)
    });
    let labels: Vec<String> = texts.iter().map(|text| shortened(text, label_width)).collect();
    let width = labels.iter().map(|label| label.width()).max().unwrap_or(0);
    write!(out, "{:number$}  {}", "", " ".repeat(width))?;
    (1..=texts.len()).try_for_each(|column| write!(out, "  {column:>9}"))?;
    writeln!(out)?;
    for (i, label) in labels.iter().enumerate() {
        write!(out, "{:>number$}  {label}{}", i + 1, " ".repeat(width - label.width()))?;
        scores.row(i).iter().try_for_each(|score| write!(out, "  {score:>9.4}"))?;
        writeln!(out)?;
    }
    writeln!(out)
}

/// A size in bytes, in human-readable form.
pub(crate) fn bytes(n: u64) -> String {
    indicatif::HumanBytes(n).to_string()
}

/// A text on one line of at most `width` columns; at a terminal, without characters that would
/// control it.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    let clean = printable(text, is_page_at_terminal());
    if clean.width() <= width {
        return clean;
    }
    let mut used = 1;
    let kept = clean.chars().take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= width
    });
    kept.collect::<String>() + "…"
}

/// A text with control characters and line ends replaced by spaces; at a terminal, invisible
/// characters that would control it are removed.
fn printable(text: &str, at_terminal: bool) -> String {
    let shown = |c: char| match c {
        '\u{2028}' | '\u{2029}' => Some(' '),
        c if c.is_control() => Some(' '),
        c => (!at_terminal || !steers_terminal(c)).then_some(c),
    };
    text.chars().filter_map(shown).collect()
}

/// Reports how many texts were cut.
pub(crate) fn cut(n_texts: usize, max_seq_length: Option<usize>) -> String {
    let texts = if n_texts == 1 { "text was" } else { "texts were" };
    let limit = max_seq_length.map_or("the limit".to_owned(), |n| format!("{n} tokens"));
    format!("{} {texts} longer than {limit}, and cut", thousands(n_texts))
}

/// 30522 as `30,522`.
pub(crate) fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits are ASCII"))
        .collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(
            ["0", "999", "1,000", "30,522"],
            [0, 999, 1000, 30522].map(thousands).each_ref().map(|s| s.as_str())
        );
    }

    #[test]
    fn a_long_text_is_shortened_to_its_columns() {
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("abcdefg", 6), "abcde…");
        assert_eq!(shortened("天気がいい", 6), "天気…");
    }

    #[test]
    fn what_steers_a_terminal_is_left_out_there_and_ends_of_lines_everywhere() {
        for at_terminal in [true, false] {
            assert_eq!(printable("a\x1b[31mb\n", at_terminal), "a [31mb ");
        }
        let text = "a\u{202e}b\u{200b}c\u{2028}d\u{9b}e";
        assert_eq!(printable(text, true), "abc d e");
        assert_eq!(printable(text, false), "a\u{202e}b\u{200b}c d e");
    }
}
