//! The numbered lines of a text file, with the file's name for errors.

use std::io::BufRead;
use std::path::Path;

use crate::EvaluateError;

/// Reads line after line into the same buffer.
pub(crate) struct Lines<'a, R> {
    reader: R,
    path: &'a Path,
    buffer: Vec<u8>,
    line: usize,
}

impl<'a, R: BufRead> Lines<'a, R> {
    pub(crate) fn new(reader: R, path: &'a Path) -> Self {
        Self { reader, path, buffer: Vec::new(), line: 0 }
    }

    /// The next line that is not blank, without its line end, and its number from 1. A byte order
    /// mark before the first line is dropped.
    pub(crate) fn next(&mut self) -> Result<Option<(usize, &str)>, EvaluateError> {
        loop {
            self.buffer.clear();
            let n_bytes = self
                .reader
                .read_until(b'\n', &mut self.buffer)
                .map_err(|source| EvaluateError::Read { path: self.path.to_path_buf(), source })?;
            if n_bytes == 0 {
                return Ok(None);
            }
            self.line += 1;
            if !self.buffer.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        // The magic numbers of gzip and Zstandard.
        let marks: [&[u8]; 2] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd"];
        if self.line == 1 && marks.iter().any(|mark| self.buffer.starts_with(mark)) {
            return Err(EvaluateError::Compressed { path: self.path.to_path_buf() });
        }
        let text = str::from_utf8(&self.buffer).map_err(|_| EvaluateError::NotUtf8 {
            path: self.path.to_path_buf(),
            line: self.line,
        })?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let text =
            if self.line == 1 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        Ok(Some((self.line, text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<(usize, String)> {
        let mut lines = Lines::new(bytes, Path::new("f"));
        let mut found = Vec::new();
        while let Some((line, text)) = lines.next().unwrap() {
            found.push((line, text.to_owned()));
        }
        found
    }

    #[test]
    fn blank_lines_are_skipped_and_counted() {
        assert_eq!(all(b"a\r\n \t\n\nb"), [(1, "a".into()), (4, "b".into())]);
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        assert_eq!(
            all("\u{feff}a\n\u{feff}b\n".as_bytes()),
            [(1, "a".into()), (2, "\u{feff}b".into())]
        );
    }

    #[test]
    fn a_compressed_file_is_named_as_one() {
        for start in [&b"\x1f\x8b\x08\0"[..], b"\x28\xb5\x2f\xfd\x04"] {
            let error = Lines::new(start, Path::new("q.tsv")).next().unwrap_err().to_string();
            assert!(error.starts_with("q.tsv is compressed: "), "{error}");
        }
    }

    #[test]
    fn a_line_that_is_not_utf8_is_named() {
        let mut lines = Lines::new(&b"a\n\xff\n"[..], Path::new("f.tsv"));
        lines.next().unwrap();
        let error = lines.next().unwrap_err().to_string();
        assert_eq!(error, "f.tsv, line 2: not UTF-8; convert the file to UTF-8");
    }
}
