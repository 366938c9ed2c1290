//! Texts from a file or standard input, a line at a time.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::CliError;

/// A text with its name.
#[derive(Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) text: String,
    /// The line that it stands on, from 1.
    pub(crate) line: u64,
}

/// The records of a file, in order.
pub(crate) struct Input {
    path: PathBuf,
    lines: Box<dyn BufRead>,
    format: Format,
    line: u64,
    buffer: Vec<u8>,
    n_bytes: Option<u64>,
    n_bytes_read: u64,
}

#[derive(Clone, Copy)]
enum Format {
    JsonLines,
    /// A text a line; its id is the number of the line.
    Lines,
    /// Standard input before its first line.
    Unknown,
}

impl Input {
    /// Opens a file; `-` is standard input.
    pub(crate) fn open(path: &Path) -> Result<Self, CliError> {
        let error = |source| CliError::Read { path: path.to_owned(), source };
        let (lines, format, n_bytes): (Box<dyn Read>, _, _) = if path.as_os_str() == "-" {
            (Box::new(io::stdin()), Format::Unknown, None)
        } else {
            let file = File::open(path).map_err(error)?;
            let metadata = file.metadata().map_err(error)?;
            let is_json = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jsonl"));
            let format = if is_json { Format::JsonLines } else { Format::Lines };
            (Box::new(file), format, metadata.is_file().then_some(metadata.len()))
        };
        Ok(Self {
            path: path.to_owned(),
            lines: Box::new(BufReader::with_capacity(1 << 16, lines)),
            format,
            line: 0,
            buffer: Vec::new(),
            n_bytes,
            n_bytes_read: 0,
        })
    }

    /// Opens a file of queries and one of documents.
    pub(crate) fn open_both(queries: &Path, corpus: &Path) -> Result<(Self, Self), CliError> {
        if [queries, corpus].iter().all(|path| path.as_os_str() == "-") {
            return Err(CliError::StdinTwice);
        }
        Ok((Self::open(queries)?, Self::open(corpus)?))
    }

    /// The size of the file, where it has one.
    pub(crate) fn n_bytes(&self) -> Option<u64> {
        self.n_bytes
    }

    pub(crate) fn n_bytes_read(&self) -> u64 {
        self.n_bytes_read
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The next records: at most `max_texts`, and no more once they have `max_bytes`. None at the
    /// end.
    pub(crate) fn next_chunk(
        &mut self,
        max_texts: usize,
        max_bytes: usize,
    ) -> Result<Vec<Record>, CliError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        while records.len() < max_texts && bytes < max_bytes {
            let Some(record) = self.next_record()? else { break };
            bytes += record.text.len();
            records.push(record);
        }
        Ok(records)
    }

    fn next_record(&mut self) -> Result<Option<Record>, CliError> {
        let Some(line) = self.next_line()? else { return Ok(None) };
        match self.format {
            Format::Lines | Format::Unknown => {
                Ok(Some(Record { id: self.line.to_string(), text: line, line: self.line }))
            }
            Format::JsonLines if line.trim().is_empty() => {
                // Blank lines may end a file; before another record one is a broken line.
                let blank = self.line;
                while let Some(line) = self.next_line()? {
                    if !line.trim().is_empty() {
                        return Err(self.broken(blank, "an empty line among JSON lines".to_owned()));
                    }
                }
                Ok(None)
            }
            Format::JsonLines => {
                parse(&line, self.line).map(Some).map_err(|what| self.broken(self.line, what))
            }
        }
    }

    /// The next line without its end, or `None` at the end of the file.
    fn next_line(&mut self) -> Result<Option<String>, CliError> {
        self.buffer.clear();
        let n = self
            .lines
            .read_until(b'\n', &mut self.buffer)
            .map_err(|source| CliError::Read { path: self.path.clone(), source })?;
        if n == 0 {
            return Ok(None);
        }
        self.n_bytes_read += n as u64;
        self.line += 1;
        let mut line = self.buffer.as_slice();
        if self.line == 1 {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line); // A byte order mark.
        }
        line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Format::Unknown = self.format {
            let is_json = line.first() == Some(&b'{');
            self.format = if is_json { Format::JsonLines } else { Format::Lines };
        }
        match std::str::from_utf8(line) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(error) => {
                let at = error.valid_up_to() + 1;
                Err(self.broken(self.line, format!("not UTF-8 at byte {at} of the line")))
            }
        }
    }

    fn broken(&self, line: u64, what: String) -> CliError {
        CliError::Line { path: self.path.clone(), line, what }
    }
}

/// One JSON line. Other fields than these are allowed and not read.
#[derive(Deserialize)]
struct JsonRecord<'a> {
    #[serde(alias = "_id")]
    id: Option<Id>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(serde_json::Number),
}

fn parse(json: &str, line: u64) -> Result<Record, String> {
    let record: JsonRecord<'_> = serde_json::from_str(json)
        .map_err(|error| format!("not a record {{\"id\": ..., \"text\": ...}}: {error}"))?;
    let Some(text) = record.text else { return Err("the record has no `text`".to_owned()) };
    let id = match record.id {
        Some(Id::Text(id)) => id,
        Some(Id::Number(id)) => id.to_string(),
        None => line.to_string(),
    };
    Ok(Record { id, text: text.into_owned(), line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_may_be_text_numbers_or_absent() {
        let id = |json| parse(json, 7).map(|record| record.id);
        assert_eq!(id(r#"{"id": "a", "text": "x"}"#).unwrap(), "a");
        assert_eq!(id(r#"{"_id": "b", "title": "t", "text": "x\n"}"#).unwrap(), "b");
        assert_eq!(id(r#"{"id": 12, "text": ""}"#).unwrap(), "12");
        assert_eq!(id(r#"{"text": "x"}"#).unwrap(), "7");
    }

    #[test]
    fn a_record_without_text_is_refused() {
        assert!(parse(r#"{"id": "a"}"#, 1).unwrap_err().contains("`text`"));
        assert!(parse(r#"{"id": "a", "text": 5}"#, 1).is_err());
        assert!(parse("[]", 1).is_err());
    }
}
