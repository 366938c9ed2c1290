//! Rule: a comment is as wide as code may be, for rustfmt does not wrap comments.

use super::source::SourceFile;
use super::violation::{Violation, at_line};

/// `max_width` of rustfmt.toml, in characters.
const MAX_WIDTH: usize = 100;

pub(crate) fn check(file: &SourceFile) -> Vec<Violation> {
    let lines = file.text.lines().enumerate();
    lines
        .filter(|(_, line)| line.chars().count() > MAX_WIDTH && is_breakable_comment(line))
        .map(|(line, text)| Violation {
            location: at_line(&file.path, line),
            rule: "comment-width",
            remedy: format!(
                "the comment is {} columns wide: wrap it at {MAX_WIDTH}",
                text.chars().count()
            ),
        })
        .collect()
}

/// Whether a line is a comment of several words: a single one, such as an address, cannot be
/// wrapped.
fn is_breakable_comment(line: &str) -> bool {
    let Some(comment) = line.trim_start().strip_prefix("//") else { return false };
    let words = comment.trim_start_matches(['/', '!']).split_whitespace();
    words.skip_while(|word| ["*", "-"].contains(word)).count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: String) -> Vec<String> {
        let found = check(&SourceFile::new("crates/a/src/lib.rs", text));
        found.into_iter().map(|violation| violation.location).collect()
    }

    #[test]
    fn a_comment_wider_than_code_may_be_is_a_violation() {
        let width = |n: usize| "é".repeat(n - 2);
        let text =
            format!("//! {}\n//! a {}\n    /// b {}\n", "a ".repeat(48), width(94), width(95));
        assert_eq!(lines(text), ["crates/a/src/lib.rs:3"]);
        assert_eq!(lines(format!("// {}", "a ".repeat(49))), ["crates/a/src/lib.rs:1"]);
    }

    #[test]
    fn code_and_single_words_are_not() {
        let word = "x".repeat(100);
        let text =
            format!("let a = \"{word} {word}\"; // b\n// {word}\n/// * {word}\n//! <{word}>\n");
        assert_eq!(lines(text), [""; 0]);
    }
}
