//! Characters that could control a terminal, or deceive its reader.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Whether a character affects a terminal or the text around it instead of being shown.
///
/// These are control characters (including ESC and C1), line and paragraph separators, directional
/// overrides, embeddings, isolates and marks, and zero-width characters that join, separate or tag
/// others. Combining marks and emoji variation selectors are not among them.
#[must_use]
pub fn steers_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{17b4}'..='\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text with each character that [steers](steers_terminal) escaped as in Rust, `\u{202e}`, so
/// that names that differ look different.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(steers_terminal) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match steers_terminal(c) {
            true => escaped.extend(c.escape_default()),
            false => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// Writes to a terminal, with characters that would control it escaped as in JSON: `\u202e`.
pub(crate) struct Escaping<W> {
    inner: W,
    /// The first bytes of a character whose rest has not arrived.
    begun: Vec<u8>,
}

impl<W: Write> Escaping<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, begun: Vec::new() }
    }
}

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = std::mem::take(&mut self.begun);
        all.extend_from_slice(bytes);
        let mut text = String::with_capacity(all.len());
        let mut chunks = all.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            for c in chunk.valid().chars() {
                match steers_terminal(c) && !matches!(c, '\n' | '\t') {
                    // Writing to a string cannot fail.
                    true => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                        let _ = write!(text, "\\u{unit:04x}");
                    }),
                    false => text.push(c),
                }
            }
            let is_last = chunks.peek().is_none();
            match chunk.invalid() {
                [] => {}
                // The character is incomplete so far, but may still be completed.
                start
                    if is_last
                        && std::str::from_utf8(start).is_err_and(|e| e.error_len().is_none()) =>
                {
                    self.begun = start.to_vec();
                }
                _ => text.push(char::REPLACEMENT_CHARACTER),
            }
        }
        self.inner.write_all(text.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "in a test a panic is the way to fail")]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_known() {
        for c in [
            '\x1b',
            '\0',
            '\n',
            '\x7f',
            '\u{9b}',
            '\u{85}',
            '\u{202e}',
            '\u{2066}',
            '\u{200b}',
            '\u{feff}',
            '\u{2028}',
            '\u{e0041}',
        ] {
            assert!(steers_terminal(c), "{c:?}");
        }
        for c in ['a', 'é', '天', 'ש', '\u{301}', '\u{fe0f}', '😀', ' ', '\u{a0}'] {
            assert!(!steers_terminal(c), "{c:?}");
        }
        assert_eq!(escaped("a\u{202e}b\x1b[1m\n"), "a\\u{202e}b\\u{1b}[1m\\n");
        assert_eq!(escaped("plain é"), "plain é");
    }

    #[test]
    fn a_stream_at_a_terminal_shows_escapes_and_keeps_the_rest() {
        let text = "{\"id\":\"a\u{202e}é天😀\u{e0041}\u{9b}\"}\n".as_bytes();
        // However the bytes are split.
        for size in 1..text.len() {
            let mut stream = Escaping::new(Vec::new());
            text.chunks(size).for_each(|part| stream.write_all(part).unwrap());
            let shown = String::from_utf8(stream.inner).unwrap();
            assert_eq!(shown, "{\"id\":\"a\\u202eé天😀\\udb40\\udc41\\u009b\"}\n");
            let value = shown.trim().to_owned();
            assert!(!value.contains(steers_terminal));
        }
        let mut stream = Escaping::new(Vec::new());
        stream.write_all(b"a\xff\xfeb").unwrap();
        assert_eq!(stream.inner, "a\u{fffd}\u{fffd}b".as_bytes());
    }
}
