//! Escapes text from outside for HTML.

use std::fmt::{self, Display, Formatter, Write as _};
use std::io;

/// Text for the content of an element or a quoted attribute. Control characters become their
/// pictures (`␀`), since HTML cannot contain some of them and shows none.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => f.write_char(c)?,
                // The line feed that follows writes the line break.
                '\r' if chars.peek() == Some(&'\n') => {}
                '\r' => f.write_char('\n')?,
                '\0'..='\u{1F}' => f.write_char(picture(u32::from(c)))?,
                '\u{7F}' => f.write_char('␡')?,
                '\u{80}'..='\u{9F}' => write!(f, "⟨U+{:04X}⟩", u32::from(c))?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Like [`Escaped`], for a name on one line: line feeds and tabs become pictures too.
pub(crate) struct EscapedName<'a>(pub(crate) &'a str);

impl Display for EscapedName<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let one_line = |c: char| matches!(c, '\n' | '\t' | '\r');
        let mut rest = self.0;
        while let Some(at) = rest.find(one_line) {
            Escaped(&rest[..at]).fmt(f)?;
            f.write_char(picture(u32::from(rest.as_bytes()[at])))?;
            rest = &rest[at + 1..];
        }
        Escaped(rest).fmt(f)
    }
}

/// The picture of a control character below U+0020.
fn picture(control: u32) -> char {
    char::from_u32(0x2400 + control).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Passes JSON on so that no string in it can end the enclosing `<script>` element. In JSON these
/// bytes occur only within strings, where the escapes mean the same.
pub(crate) struct ScriptData<W>(pub(crate) W);

impl<W: io::Write> io::Write for ScriptData<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'<' | b'>' | b'&')) {
            self.0.write_all(&rest[..at])?;
            write!(self.0, "\\u{:04x}", rest[at])?;
            rest = &rest[at + 1..];
        }
        self.0.write_all(rest)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markup_and_controls_become_text() {
        let text = "<a href=\"x\">'&'</a>\0\u{1B}\u{7F}\u{85}\r\nb\rc\t";
        let expected = "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;␀␛␡⟨U+0085⟩\nb\nc\t";
        assert_eq!(Escaped(text).to_string(), expected);
        assert_eq!(EscapedName("a\n\tb\r").to_string(), "a␊␉b␍");
    }

    fn script(json: &str) -> String {
        let mut out = ScriptData(Vec::new());
        out.write_all(json.as_bytes()).unwrap();
        String::from_utf8(out.0).unwrap()
    }

    proptest! {
        #[test]
        fn no_markup_is_left(text in "[<>&\"'a\\\\/!-]{0,12}\\PC{0,8}") {
            let escaped = Escaped(&text).to_string();
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
        }

        #[test]
        fn json_for_a_script_means_the_same(text in "[<>&\"/!a\\\\-]{0,12}\\PC{0,8}") {
            let written = script(&serde_json::to_string(&text).unwrap());
            prop_assert!(!written.contains(['<', '>', '&']));
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}
