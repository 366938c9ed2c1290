//! Lines that end in a carriage return alone, as classic Mac OS and some spreadsheets write them.

use std::io::{self, BufRead, Read};

use crate::window::Start;

/// Whether the lines of a text end in `\r` alone: the visible start has a `\r` and no `\n`. In a
/// text with `\n`, a `\r` within a line is an ordinary character. `None` if the start is too short
/// to tell.
pub(crate) fn are_returns(start: Start<'_>) -> Option<bool> {
    if start.bytes.contains(&b'\n') {
        return Some(false);
    }
    start.is_all.then(|| start.bytes.contains(&b'\r'))
}

/// A text with `\n` for each `\r` and `\r\n`.
pub(crate) struct ReturnsAsLines<R> {
    source: R,
    buffer: Vec<u8>,
    n_used: usize,
    is_after_return: bool,
}

impl<R: BufRead> ReturnsAsLines<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, buffer: Vec::new(), n_used: 0, is_after_return: false }
    }
}

impl<R: BufRead> BufRead for ReturnsAsLines<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.n_used == self.buffer.len() {
            let bytes = self.source.fill_buf()?;
            if bytes.is_empty() {
                return Ok(&[]);
            }
            self.buffer.clear();
            self.n_used = 0;
            for &byte in bytes {
                let is_done = self.is_after_return && byte == b'\n';
                self.is_after_return = byte == b'\r';
                if !is_done {
                    self.buffer.push(if byte == b'\r' { b'\n' } else { byte });
                }
            }
            let n = bytes.len();
            self.source.consume(n);
        }
        Ok(&self.buffer[self.n_used..])
    }

    fn consume(&mut self, n: usize) {
        self.n_used += n;
    }
}

impl<R: BufRead> Read for ReturnsAsLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn returns_end_lines_only_where_nothing_else_does() {
        let are = |text: &str, is_all| are_returns(Start { bytes: text.as_bytes(), is_all });
        assert_eq!(are("a\rb\r", true), Some(true));
        assert_eq!(are("a\rb\nc", true), Some(false));
        assert_eq!(are("a\r\nb", false), Some(false));
        assert_eq!(are("a\rb", false), None);
        assert_eq!(are("ab", true), Some(false));
    }

    proptest! {
        #[test]
        fn lines_are_those_of_all_three_ends(text in "[ab\r\n]{0,20}", capacity in 1_usize..5) {
            let reader = BufReader::with_capacity(capacity, text.as_bytes());
            let mut read = String::new();
            ReturnsAsLines::new(reader).read_to_string(&mut read).unwrap();
            prop_assert_eq!(read, text.replace("\r\n", "\n").replace('\r', "\n"));
        }
    }
}
