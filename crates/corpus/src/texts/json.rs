//! JSON lines: of each object the wanted fields, the rest unread.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::lines::Lines;
use crate::{CorpusError, Place};

use super::ReadOptions;
use super::record::{FileRecord, FileRecords};

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
        parse(self.lines.line()?, &self.lines.place(), &self.options).map(Some)
    }

    fn skip_records(&mut self, n: u64) -> Result<u64, CorpusError> {
        for skipped in 0..n {
            if !self.lines.advance_json()? {
                return Ok(skipped);
            }
        }
        Ok(n)
    }
}

fn parse(json: &str, place: &Place, options: &ReadOptions) -> Result<FileRecord, CorpusError> {
    let not_a_record =
        |source| CorpusError::NotARecord { place: place.clone(), expected: RECORD, source };
    let mut parser = serde_json::Deserializer::from_str(json);
    let fields = WantedFields(options).deserialize(&mut parser).map_err(not_a_record)?;
    parser.end().map_err(not_a_record)?;
    let no_field = |column: &str| {
        let object: Result<serde_json::Map<_, _>, _> = serde_json::from_str(json);
        let columns = object.map(|object| object.keys().cloned().collect()).unwrap_or_default();
        CorpusError::NoField { place: place.clone(), column: column.to_owned(), columns }
    };
    let not_text = |column: &str, found, expected| CorpusError::NotText {
        place: place.clone(),
        column: column.to_owned(),
        found,
        expected,
    };
    let mut cells = Vec::with_capacity(options.text.len());
    for (column, cell) in options.text.iter().zip(&fields.text) {
        match cell {
            Some(Cell::Text(text)) => cells.push(&**text),
            None | Some(Cell::Other("null")) if options.optional.contains(column) => cells.push(""),
            Some(cell) => return Err(not_text(column, cell.kind(), "text")),
            None => return Err(no_field(column)),
        }
    }
    let text = options.join(cells.into_iter());
    let id = match (&options.id, fields.id, fields.underscore_id) {
        (None, Some(_), Some(_)) => {
            return Err(CorpusError::AmbiguousId { place: place.clone() });
        }
        (None, None, None) | (None, Some(Cell::Other("null")), None) => None,
        (None, None, Some(Cell::Other("null"))) => None,
        (Some(column), None, _) => return Err(no_field(column)),
        (column, Some(cell), _) | (column, None, Some(cell)) => match cell {
            Cell::Text(id) => Some(id.into_owned()),
            Cell::Number(id) => Some(id),
            Cell::Other(kind) => {
                let column = column.as_deref().unwrap_or("id");
                return Err(not_text(column, kind, "text or a number"));
            }
        },
    };
    Ok(FileRecord { id, text, place: place.clone() })
}

/// The wanted fields of one object. Only these are kept.
struct Fields<'de> {
    /// The field of the options, or `id`.
    id: Option<Cell<'de>>,
    /// `_id`, where the options name no field.
    underscore_id: Option<Cell<'de>>,
    text: Vec<Option<Cell<'de>>>,
}

#[derive(Clone)]
enum Cell<'de> {
    Text(Cow<'de, str>),
    Number(String),
    /// Something else, and what.
    Other(&'static str),
}

impl Cell<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Number(_) => "a number",
            Self::Other(kind) => kind,
        }
    }
}

struct WantedFields<'a>(&'a ReadOptions);

impl<'de> DeserializeSeed<'de> for WantedFields<'_> {
    type Value = Fields<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Fields<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for WantedFields<'_> {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let options = self.0;
        let id = options.id.as_deref();
        let mut fields =
            Fields { id: None, underscore_id: None, text: vec![None; options.text.len()] };
        while let Some(Cell::Text(key)) = map.next_key_seed(AnyCell)? {
            let is_id = key == id.unwrap_or("id");
            let is_underscore_id = id.is_none() && key == "_id";
            if !is_id && !is_underscore_id && !options.text.iter().any(|column| *column == key) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let cell = map.next_value_seed(AnyCell)?;
            let wanted = options.text.iter().zip(&mut fields.text);
            let mut places: Vec<_> =
                wanted.filter(|(column, _)| **column == key).map(|(_, place)| place).collect();
            places.extend(is_id.then_some(&mut fields.id));
            places.extend(is_underscore_id.then_some(&mut fields.underscore_id));
            for place in places {
                if place.replace(cell.clone()).is_some() {
                    return Err(A::Error::custom(format!("duplicate field `{key}`")));
                }
            }
        }
        Ok(fields)
    }
}

/// Any value; lists and objects are passed over.
struct AnyCell;

impl<'de> DeserializeSeed<'de> for AnyCell {
    type Value = Cell<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AnyCell {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Cell<'de>, E> {
        Ok(Cell::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cell<'de>, E> {
        Ok(Cell::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Cell<'de>, E> {
        Ok(Cell::Number(number.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Cell<'de>, E> {
        Ok(Cell::Number(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Cell<'de>, E> {
        let number = serde_json::Number::from_f64(number);
        Ok(number.map_or(Cell::Other("not finite"), |number| Cell::Number(number.to_string())))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Cell<'de>, E> {
        Ok(Cell::Other("true or false"))
    }

    fn visit_unit<E: Error>(self) -> Result<Cell<'de>, E> {
        Ok(Cell::Other("null"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Cell<'de>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Cell::Other("a list"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Cell<'de>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cell::Other("an object"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;

    fn read(json: &str, options: &ReadOptions) -> Result<FileRecord, CorpusError> {
        parse(json, &Place::line(&Arc::from(Path::new("x.jsonl")), 7), options)
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
        assert_eq!(id(r#"{"id": null, "text": "x"}"#), None);
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
