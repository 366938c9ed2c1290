//! A Rust file with comments and literals blanked, for line-based rules.

/// A file, and what rules need of it.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Relative to the workspace's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// `text` with comments and the insides of literals replaced by spaces, so that offsets are the
    /// same.
    pub(crate) code: String,
}

impl SourceFile {
    pub(crate) fn new(path: &str, text: String) -> Self {
        let code = blank_comments_and_literals(&text);
        Self { path: path.into(), text, code }
    }

    /// Whether the file is part of what a crate ships, apart from its unit tests.
    pub(crate) fn is_shipped(&self) -> bool {
        ["crates/", "engines/"].iter().any(|folder| self.path.starts_with(folder))
            && self.path.contains("/src/")
    }

    /// Index and code of each line before the unit tests, which start at the first `#[cfg(test)]`
    /// that does not just declare a file (`mod tests;`). A file `tests.rs` consists of unit tests
    /// only.
    pub(crate) fn lines_before_tests(&self) -> Vec<(usize, &str)> {
        if self.path.ends_with("/tests.rs") {
            return Vec::new();
        }
        let lines: Vec<(usize, &str)> = self.code.lines().enumerate().collect();
        let tests = lines.iter().position(|(index, line)| {
            let declares_a_file =
                lines.get(index + 1).is_some_and(|(_, next)| next.trim_end().ends_with(';'));
            line.trim() == "#[cfg(test)]" && !declares_a_file
        });
        lines[..tests.unwrap_or(lines.len())].to_vec()
    }
}

fn blank_comments_and_literals(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let (blank, next) = match bytes[at] {
            b'/' if bytes[at + 1..].starts_with(b"/") => {
                let end = text[at..].find('\n').map_or(bytes.len(), |length| at + length);
                (at..end, end)
            }
            b'/' if bytes[at + 1..].starts_with(b"*") => {
                let end = block_comment_end(bytes, at);
                (at..end, end)
            }
            b'"' => {
                let end = match raw_string_marks(&bytes[..at]) {
                    Some(marks) => raw_string_end(text, at, marks),
                    None => string_end(bytes, at),
                };
                (at + 1..end, end + 1)
            }
            b'\'' => {
                let end = char_end(text, at);
                (at + 1..end, end + 1)
            }
            _ => (at..at, at + 1),
        };
        for byte in &mut code[blank] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = next;
    }
    String::from_utf8(code).expect("only whole characters are replaced, by spaces")
}

/// The end of the comment that opens at `start`; comments nest.
fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// The number of `#` between the `r` of a raw string and its quote, at the end of `before`; `None`
/// for any other string.
fn raw_string_marks(before: &[u8]) -> Option<usize> {
    let marks = before.iter().rev().take_while(|byte| **byte == b'#').count();
    let prefix: Vec<u8> = before[..before.len() - marks]
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
        .copied()
        .collect();
    matches!(&prefix[..], b"r" | b"rb" | b"rc").then_some(marks)
}

/// The position of the closing quote of the raw string whose opening quote is at `start`.
fn raw_string_end(text: &str, start: usize, marks: usize) -> usize {
    let close = format!("\"{}", "#".repeat(marks));
    text[start + 1..].find(&close).map_or(text.len(), |length| start + 1 + length)
}

/// The position of the closing quote of the string whose opening quote is at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

/// The position of the closing quote of the character whose opening quote is at `start`; just after
/// `start` if that is a lifetime.
fn char_end(text: &str, start: usize) -> usize {
    let inside = &text[start + 1..];
    let length = match inside.chars().next() {
        Some('\\') => inside.char_indices().skip(2).find(|(_, c)| *c == '\'').map(|(at, _)| at),
        Some(c) if inside[c.len_utf8()..].starts_with('\'') => Some(c.len_utf8()),
        _ => None,
    };
    length.map_or(start + 1, |length| start + 1 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_nothing_moves() {
        let text = r####"let a = "x\"y"; // z
/* z /* z */ z */ let b: &'static str = r#"x"y"#; 'é' '\'' "x
x" br"x\" end"####;
        let code = r####"let a = "    ";     
                  let b: &'static str = r#"   "#; '  ' '  ' " 
 " br"  " end"####;
        assert_eq!(blank_comments_and_literals(text), code);
    }

    #[test]
    fn unit_tests_begin_at_the_first_inline_test_module() {
        let text = "#[cfg(test)]\nmod reference;\nfn f() {}\n#[cfg(test)]\nmod tests {\n}\n";
        let file = SourceFile::new("crates/a/src/lib.rs", text.into());
        assert_eq!(file.lines_before_tests().len(), 3);
        let file = SourceFile::new("crates/a/src/tests.rs", text.into());
        assert_eq!(file.lines_before_tests(), []);
    }
}
