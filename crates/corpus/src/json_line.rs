//! The fields of a line of JSON, each value exactly as the line spells it.
//!
//! JSON parsers turn numbers into `u64` or `f64`, so that a long id would lose digits. Here
//! serde_json only finds where each value ends, and the characters are kept. (Its `RawValue` does
//! the same, but behind a feature that would be enabled for every crate of a user's build.)
//!
//! `NaN`, `Infinity` and `-Infinity` are not JSON, but Python's `json` writes them. Fields that are
//! not read may hold them.

use std::borrow::Cow;

use serde::de::{Error, IgnoredAny};

use crate::{CorpusError, Location, RecordError};

/// Numbers that Python's `json` writes and JSON lacks.
const NOT_FINITE: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// The fields of one line.
pub(crate) struct JsonLine<'a>(Vec<(Cow<'a, str>, JsonValue<'a>)>);

/// A value as the line spells it.
#[derive(Clone, Copy)]
pub(crate) struct JsonValue<'a>(&'a str);

impl<'a> JsonLine<'a> {
    /// Finds the fields of an object.
    pub(crate) fn parse(line: &'a str) -> Result<Self, serde_json::Error> {
        if let Some(fields) = scan(line, line) {
            return Ok(Self(fields));
        }
        let finite = with_finite_numbers(line);
        if let Some(fields) = finite.as_ref().and_then(|finite| scan(finite, line)) {
            return Ok(Self(fields));
        }
        // serde_json says what is wrong, and where.
        type Object = std::collections::BTreeMap<String, IgnoredAny>;
        match serde_json::from_str::<Object>(finite.as_deref().unwrap_or(line)) {
            Err(error) => Err(error),
            Ok(_) => Err(Error::custom("expected an object")),
        }
    }

    /// The value of a field, if present; an error if the field occurs twice.
    pub(crate) fn field(&self, name: &str) -> Result<Option<JsonValue<'a>>, serde_json::Error> {
        let mut found = self.0.iter().filter(|(key, _)| key == name);
        let value = found.next().map(|(_, value)| *value);
        match found.next() {
            None => Ok(value),
            Some(_) => Err(Error::custom(format!("duplicate field `{name}`"))),
        }
    }

    /// The names of all fields.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(|(key, _)| key.clone().into_owned()).collect()
    }
}

impl<'a> JsonValue<'a> {
    /// The value's characters.
    pub(crate) fn as_str(self) -> &'a str {
        self.0
    }

    /// The value's type.
    pub(crate) fn kind(self) -> &'static str {
        match self.0.as_bytes().first() {
            Some(b'"') => "text",
            Some(b'n') => "null",
            Some(b't' | b'f') => "true or false",
            Some(b'[') => "a list",
            Some(b'{') => "an object",
            _ => NOT_FINITE.into_iter().find(|name| *name == self.0).unwrap_or("a number"),
        }
    }

    /// The text of a field; an error for any other type.
    pub(crate) fn text(
        self,
        column: &str,
        location: &Location,
    ) -> Result<Cow<'a, str>, CorpusError> {
        match self.kind() {
            "text" => self.unescaped().ok_or_else(|| {
                CorpusError::Record(RecordError::LoneSurrogate {
                    location: location.clone(),
                    column: column.to_owned(),
                })
            }),
            found => Err(CorpusError::Record(RecordError::NotText {
                location: location.clone(),
                column: column.to_owned(),
                found,
                expected: "text",
            })),
        }
    }

    /// The field as an id: a text, or a number spelled as in the file.
    pub(crate) fn id(self, column: &str, location: &Location) -> Result<String, CorpusError> {
        match self.kind() {
            "text" => Ok(self.text(column, location)?.into_owned()),
            "a number" => Ok(self.0.to_owned()),
            found => Err(CorpusError::Record(RecordError::NotText {
                location: location.clone(),
                column: column.to_owned(),
                found,
                expected: "text or a number",
            })),
        }
    }

    /// The text between the quotes; `None` if an escape is not a character.
    fn unescaped(self) -> Option<Cow<'a, str>> {
        if self.0.contains('\\') {
            return serde_json::from_str(self.0).ok().map(Cow::Owned);
        }
        let inside = self.0.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        inside.map(Cow::Borrowed)
    }
}

/// Whether a value holds a number that is not finite, at any depth.
pub(crate) fn has_non_finite(json: &str) -> bool {
    with_finite_numbers(json).is_some()
}

/// The fields of an object in `json`, with keys and values as `line`, which has the same offsets,
/// spells them; `None` if it is not an object.
fn scan<'a>(json: &str, line: &'a str) -> Option<Vec<(Cow<'a, str>, JsonValue<'a>)>> {
    let bytes = json.as_bytes();
    let after = |at: usize, byte: u8| (bytes.get(at) == Some(&byte)).then_some(at + 1);
    let after_space = |at: usize| {
        let is_space = |byte: &&u8| matches!(**byte, b' ' | b'\t' | b'\n' | b'\r');
        at + bytes[at..].iter().take_while(is_space).count()
    };
    let mut fields = Vec::new();
    let mut at = after_space(after(after_space(0), b'{')?);
    if after(at, b'}').is_none() {
        loop {
            let end = value_end(json, at)?;
            let key = JsonValue(&line[at..end]);
            if key.kind() != "text" {
                return None;
            }
            at = after_space(after(after_space(end), b':')?);
            let end = value_end(json, at)?;
            // No requested field can have a key that is not text.
            let name = key.unescaped().unwrap_or(Cow::Borrowed(key.0));
            fields.push((name, JsonValue(&line[at..end])));
            at = after_space(end);
            match after(at, b',') {
                Some(next) => at = after_space(next),
                None => break,
            }
        }
    }
    (after_space(after(at, b'}')?) == bytes.len()).then_some(fields)
}

/// The end of the value that starts at `at`; `None` if there is no value.
fn value_end(json: &str, at: usize) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(&json[at..]).into_iter::<IgnoredAny>();
    let value = values.next()?;
    value.is_ok().then(|| at + values.byte_offset())
}

/// The same JSON with each non-finite number replaced by a string of the same length; `None` if it
/// has none.
fn with_finite_numbers(json: &str) -> Option<String> {
    let mut finite = String::new();
    let mut n_copied = 0;
    let (mut at, mut in_text) = (0, false);
    let bytes = json.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        match (in_text, byte) {
            (true, b'\\') => at += 1,
            (_, b'"') => in_text = !in_text,
            (false, b'N' | b'I' | b'-') => {
                let found = NOT_FINITE.iter().find(|name| json[at..].starts_with(**name));
                if let Some(name) = found {
                    finite.push_str(&json[n_copied..at]);
                    finite.push('"');
                    finite.extend(std::iter::repeat_n(' ', name.len() - 2));
                    finite.push('"');
                    n_copied = at + name.len();
                    at = n_copied;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    if n_copied == 0 {
        return None;
    }
    finite.push_str(&json[n_copied..]);
    Some(finite)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn fields(line: &str) -> Option<Vec<(String, String)>> {
        let line = JsonLine::parse(line).ok()?;
        let owned = |(key, value): &(Cow<'_, str>, JsonValue<'_>)| {
            (key.clone().into_owned(), value.as_str().to_owned())
        };
        Some(line.0.iter().map(owned).collect())
    }

    #[test]
    fn values_are_the_characters_of_the_line() {
        let line =
            " {\"a\" : 1.50e+01 ,\"\\u0062\":[1, {\"x\": \"}\"}] , \"c\":\"\\\"\",\"d\":-0} ";
        let expected =
            [("a", "1.50e+01"), ("b", "[1, {\"x\": \"}\"}]"), ("c", "\"\\\"\""), ("d", "-0")];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(fields(line).unwrap(), expected);
        assert_eq!(fields("{ }").unwrap(), []);
    }

    #[test]
    fn numbers_that_are_not_finite_are_values_of_their_own() {
        let line = r#"{"a": NaN, "b": [-Infinity, "NaN \" NaN"], "é": Infinity}"#;
        let expected = [("a", "NaN"), ("b", r#"[-Infinity, "NaN \" NaN"]"#), ("é", "Infinity")];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(fields(line).unwrap(), expected);
        let kinds = JsonLine::parse(line).unwrap().0;
        assert_eq!(
            kinds.iter().map(|(_, v)| v.kind()).collect::<Vec<_>>(),
            ["NaN", "a list", "Infinity"]
        );
        assert!(fields("{\"a\": NaNa}").is_none() && fields("{\"a\": nan}").is_none());
        assert!(fields("{NaN: 1}").is_none());
    }

    #[test]
    fn what_is_no_object_is_refused_with_its_column() {
        for (line, expected) in [
            ("[]", "expected a map"),
            ("{\"a\": 1", "EOF"),
            ("{\"a\": 1,}", "column 9"),
            ("{\"a\": 1} x", "trailing characters"),
            ("{\"a\": 01}", "column 8"),
            ("{\"a\": NaN, \"b\": nan}", "column 18"),
            ("", "EOF"),
        ] {
            let error = JsonLine::parse(line).err().unwrap().to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    proptest! {
        /// serde_json is the oracle: what it accepts is found here, and what it refuses is refused.
        #[test]
        fn fields_are_those_that_serde_json_finds(line in "[{}\\[\\]:,\" a0-9.eE+\\\\unltrfs-]{0,40}") {
            let twin = serde_json::from_str::<serde_json::Map<String, Value>>(&line);
            match (fields(&line), twin) {
                (None, Err(_)) => {}
                (Some(found), Ok(twin)) => {
                    for (key, value) in &found {
                        prop_assert!(twin.contains_key(key), "{}", key);
                        prop_assert!(serde_json::from_str::<Value>(value).is_ok());
                    }
                    prop_assert!(twin.keys().all(|key| found.iter().any(|(name, _)| name == key)));
                }
                // An f64 ends at 1e308, an id does not; a text may stay unread.
                (Some(_), Err(error)) => {
                    let error = error.to_string();
                    let is_unread = error.contains("out of range") || error.contains("escape");
                    prop_assert!(is_unread, "{}", error);
                }
                (None, Ok(_)) => prop_assert!(false, "{} is an object", line),
            }
        }

        #[test]
        fn objects_of_any_texts_and_numbers_are_found(
            entries in prop::collection::btree_map(".{0,6}", (".{0,8}", "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?"), 0..6),
        ) {
            let mut line = String::from("{");
            for (i, (key, (text, number))) in entries.iter().enumerate() {
                let quoted = |text: &str| serde_json::to_string(text).unwrap();
                let comma = if i == 0 { "" } else { ", " };
                line += &format!("{comma}{}: [{number}, {}]", quoted(key), quoted(text));
            }
            line.push('}');
            let found = fields(&line).unwrap();
            prop_assert_eq!(found.len(), entries.len());
            for ((key, value), (name, (_, number))) in found.iter().zip(&entries) {
                prop_assert_eq!(key, name);
                let start = format!("[{number}, ");
                prop_assert!(value.starts_with(&start));
            }
        }
    }
}
