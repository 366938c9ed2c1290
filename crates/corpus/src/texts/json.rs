//! JSON lines: the requested fields of each object; the rest stays unread.

use std::borrow::Cow;

use crate::json_line::JsonLine;
use crate::numbered_lines::Lines;
use crate::stream::TextStream;
use crate::{CorpusError, Location, RecordError};

use super::record::{FileRecord, FileRecords};
use super::{Absence, ReadOptions};

const RECORD: &str = r#"{"id": ..., "text": ...}"#;

/// The records of a file of JSON lines.
pub(crate) struct JsonRecords {
    lines: Lines,
    options: ReadOptions,
}

impl JsonRecords {
    pub(crate) fn new(lines: Lines, options: &ReadOptions) -> Self {
        Self { lines, options: options.clone() }
    }
}

impl FileRecords for JsonRecords {
    fn next_record(&mut self) -> Result<Option<FileRecord>, CorpusError> {
        if !self.lines.advance_json()? {
            return Ok(None);
        }
        parse(self.lines.line()?, &self.lines.location(), &self.options).map(Some)
    }

    fn skip_records(&mut self, n: u64) -> Result<u64, CorpusError> {
        for skipped in 0..n {
            if !self.lines.advance_json()? {
                return Ok(skipped);
            }
        }
        Ok(n)
    }

    fn line(&self) -> u64 {
        self.lines.number()
    }

    fn jump(&mut self, _: u64, line: u64, text: Option<TextStream>) -> bool {
        text.map(|text| self.lines.jump(line, text)).is_some()
    }
}

fn parse(
    json: &str,
    location: &Location,
    options: &ReadOptions,
) -> Result<FileRecord, CorpusError> {
    let not_a_record = |source| {
        CorpusError::Record(RecordError::NotARecord {
            location: location.clone(),
            expected: RECORD,
            source,
        })
    };
    let line = JsonLine::parse(json).map_err(not_a_record)?;
    let field = |name: &str| line.field(name).map_err(not_a_record);
    let no_field = |column: &str| {
        CorpusError::Record(RecordError::NoField {
            location: location.clone(),
            column: column.to_owned(),
            columns: line.names(),
        })
    };
    let mut cells = Vec::with_capacity(options.text.len());
    let mut is_one_there = false;
    for column in &options.text {
        let mut found = None;
        for name in column.names() {
            let Some(value) = field(name)? else { continue };
            if let Some((first, _)) = found.replace((name, value)) {
                return Err(CorpusError::Record(RecordError::AmbiguousField {
                    location: location.clone(),
                    first: first.clone(),
                    second: name.clone(),
                }));
            }
        }
        is_one_there |= found.is_some();
        match (found, column.absence()) {
            (None, Absence::Refused) => return Err(no_field(column.name())),
            (None, Absence::Blank) => cells.push(Cow::Borrowed("")),
            (Some((_, value)), Absence::Blank) if value.kind() == "null" => {
                cells.push(Cow::Borrowed(""));
            }
            (Some((name, value)), _) => cells.push(value.text(name, location)?),
        }
    }
    if let Some(column) = options.text.first().filter(|_| !is_one_there) {
        return Err(no_field(column.name()));
    }
    let text = options.join(cells.iter().map(|cell| &**cell));
    let id = match &options.id {
        Some(column) => Some((column.as_str(), field(column)?.ok_or_else(|| no_field(column))?)),
        None => match (field("id")?, field("_id")?) {
            (Some(_), Some(_)) => {
                return Err(CorpusError::Record(RecordError::AmbiguousId {
                    location: location.clone(),
                }));
            }
            (Some(value), None) => Some(("id", value)),
            (None, value) => value.map(|value| ("_id", value)),
        },
    };
    let id = id.map(|(column, value)| value.id(column, location)).transpose()?;
    Ok(FileRecord { id, text, location: location.clone() })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;

    fn read(json: &str, options: &ReadOptions) -> Result<FileRecord, CorpusError> {
        parse(json, &Location::line(&Arc::from(Path::new("x.jsonl")), 7), options)
    }

    fn error(json: &str, options: &ReadOptions) -> String {
        read(json, options).err().expect("it is broken").to_string()
    }

    #[test]
    fn ids_may_be_text_numbers_or_absent() {
        let id = |json| read(json, &ReadOptions::default()).unwrap().id;
        assert_eq!(id(r#"{"id": "a", "text": "x"}"#).as_deref(), Some("a"));
        assert_eq!(id(r#"{"_id": "b", "title": "t", "text": "x\n"}"#).as_deref(), Some("b"));
        assert_eq!(id(r#"{"id": 12, "text": ""}"#).as_deref(), Some("12"));
        assert_eq!(id(r#"{"id": -1.5, "text": ""}"#).as_deref(), Some("-1.5"));
        assert_eq!(id(r#"{"text": "x"}"#), None);
    }

    #[test]
    fn ids_keep_the_characters_of_the_file() {
        for number in [
            "123456789012345678901234567890",
            "123456789012345678901234567891",
            "1e3",
            "1E+03",
            "13.600000000000001",
            "-0",
            "1e999",
            "0.10",
        ] {
            let json = format!(r#"{{"_id":{number},"text":"x"}}"#);
            assert_eq!(read(&json, &ReadOptions::default()).unwrap().id.as_deref(), Some(number));
        }
        let id = |json| read(json, &ReadOptions::default()).unwrap().id.unwrap();
        assert_eq!(id(r#"{"text": "x", "id": "\u00e9\n\"1e3\""}"#), "é\n\"1e3\"");
    }

    #[test]
    fn an_id_that_is_no_text_or_number_is_refused() {
        let plain = ReadOptions::default();
        for (value, found) in [
            ("true", "true or false"),
            ("null", "null"),
            ("[1]", "a list"),
            ("{\"$oid\": \"5\"}", "an object"),
            ("NaN", "NaN"),
            ("-Infinity", "-Infinity"),
        ] {
            for column in ["id", "_id"] {
                let json = format!("{{\"{column}\": {value}, \"text\": \"x\"}}");
                let expected =
                    format!("x.jsonl, line 7: not a record of texts: `{column}` is {found}");
                let error = error(&json, &plain);
                assert!(error.starts_with(&expected), "{error}");
            }
        }
    }

    #[test]
    fn a_number_that_is_not_finite_is_refused_only_where_it_is_read() {
        let plain = ReadOptions::default();
        let text = |json| read(json, &plain).unwrap().text;
        assert_eq!(
            text(r#"{"score": NaN, "text": "x", "n": [{"a": -Infinity}], "m": 1e999}"#),
            "x"
        );
        assert!(error(r#"{"text": NaN}"#, &plain).contains("`text` is NaN, expected text"));
        assert!(error(r#"{"text": 1e999}"#, &plain).contains("`text` is a number"));
        assert!(error(r#"{"text": "x", "a": Nan}"#, &plain).contains("line 7: not a record"));
    }

    #[test]
    fn half_a_pair_of_escapes_is_named() {
        let plain = ReadOptions::default();
        assert!(error(r#"{"text": "a\ud83d"}"#, &plain).contains("`text` has a lone surrogate"));
        assert_eq!(read(r#"{"text": "\ud83d\ude00", "x": "\udc00"}"#, &plain).unwrap().text, "😀");
    }

    #[test]
    fn a_field_whose_name_ends_in_a_question_mark_is_read() {
        let columns = |list| {
            let columns = crate::TextColumn::parse_list(list).unwrap();
            ReadOptions::default().with_text(columns)
        };
        let text = |json, list| read(json, &columns(list)).map(|record| record.text);
        assert_eq!(text(r#"{"question?": "why"}"#, "question?").unwrap(), "why");
        assert_eq!(text(r#"{"question": "why"}"#, "question?").unwrap(), "why");
        assert_eq!(text(r#"{"question?": "why"}"#, "\"question?\"").unwrap(), "why");
        assert_eq!(text(r#"{"a,b": "why", "text": "x"}"#, "\"a,b\",text").unwrap(), "why x");
        assert_eq!(text(r#"{"title?": "T", "text": "x"}"#, "title?,text").unwrap(), "T x");
        assert_eq!(text(r#"{"question?": null}"#, "question?").unwrap(), "");
        // Nothing silently becomes a blank text.
        let error = |json, list| text(json, list).unwrap_err().to_string();
        assert!(error(r#"{"body": "why"}"#, "question?").contains("no `question`; it has `body`"));
        assert!(error("{}", "title?,text?").contains("no `title`"));
        assert!(error(r#"{"question": "a"}"#, "\"question?\"").contains("no `question?`"));
        let both = error(r#"{"question": "a", "question?": "b"}"#, "question?");
        assert!(both.contains("has `question?` and `question`"), "{both}");
    }

    #[test]
    fn a_record_without_text_is_refused() {
        let plain = ReadOptions::default();
        assert!(error(r#"{"id": "a"}"#, &plain).contains("line 7: the record has no `text`"));
        assert!(error(r#"{"id": "a", "text": 5}"#, &plain).contains("line 7: not a record"));
        assert!(error(r#"{"id": "a", "text": null}"#, &plain).contains("`text` is null"));
        assert!(error("[]", &plain).contains("line 7: not a record"));
        assert!(error(r#"{"text": "a"} x"#, &plain).contains("line 7: not a record"));
    }

    #[test]
    fn columns_are_chosen_by_name() {
        let options = ReadOptions::default().with_text(["title", "text"]).with_id("n");
        let record = read(r#"{"text": "b", "x": [{}], "n": 3, "title": "\u0061"}"#, &options);
        let record = record.unwrap();
        assert_eq!((record.id.as_deref(), &*record.text), (Some("3"), "a b"));
        assert!(error(r#"{"text": "b", "title": "a"}"#, &options).contains("no `n`; it has `te"));
        assert!(error(r#"{"text": "b", "n": 3}"#, &options).contains("no `title`"));
        assert!(error(r#"{"text": "", "title": "", "n": null}"#, &options).contains("null"));
    }

    #[test]
    fn what_stands_there_twice_is_refused() {
        let plain = ReadOptions::default();
        assert!(read(r#"{"text": "a", "text": "b"}"#, &plain).is_err());
        assert!(error(r#"{"id": 1, "_id": 2, "text": "b"}"#, &plain).contains("`_id`"));
    }
}
