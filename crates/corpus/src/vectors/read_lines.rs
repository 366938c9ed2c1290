//! Vectors from JSON lines.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use splade_sparse::SparseRow;

use crate::json_line::{JsonLine, has_non_finite};
use crate::numbered_lines::Lines;
use crate::{CorpusError, Location, RecordError};

use super::reader::{FileVectors, row_at};

const VECTOR: &str = r#"{"id": ..., "indices": [...], "values": [...]}"#;

/// The vectors of a file of JSON lines.
pub(crate) struct LineVectors {
    lines: Lines,
    dimension: usize,
}

impl LineVectors {
    pub(crate) fn new(lines: Lines, dimension: usize) -> Self {
        Self { lines, dimension }
    }
}

impl FileVectors for LineVectors {
    fn next_vector(&mut self) -> Result<Option<(String, SparseRow)>, CorpusError> {
        if !self.lines.advance_json()? {
            return Ok(None);
        }
        let location = || self.lines.location();
        let line = self.lines.line()?;
        let VectorLine { id: Id(id), indices, values } = match serde_json::from_str(line) {
            Ok(vector) => vector,
            Err(_) => parse(line, &location())?,
        };
        let row = row_at(location, self.dimension, indices, values)?;
        Ok(Some((id, row)))
    }

    fn line(&self) -> Option<Location> {
        Some(self.lines.location())
    }
}

/// One line. Other fields, such as tokens, are ignored.
#[derive(serde::Deserialize)]
struct VectorLine {
    #[serde(alias = "_id")]
    id: Id,
    indices: Vec<u32>,
    values: Vec<f32>,
}

/// An id that the fast parser reads without loss: a text or a 64-bit integer. For any other, the
/// line is parsed again.
struct Id(String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;
        impl Visitor<'_> for IdVisitor {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or an integer")
            }

            fn visit_str<E: Error>(self, id: &str) -> Result<Id, E> {
                Ok(Id(id.to_owned()))
            }

            fn visit_u64<E: Error>(self, id: u64) -> Result<Id, E> {
                Ok(Id(id.to_string()))
            }

            fn visit_i64<E: Error>(self, id: i64) -> Result<Id, E> {
                Ok(Id(id.to_string()))
            }
        }
        deserializer.deserialize_any(IdVisitor)
    }
}

/// Parses a line that the fast path cannot: its id has more digits than a number type holds, it
/// contains non-JSON numbers, or it is broken.
fn parse(line: &str, location: &Location) -> Result<VectorLine, CorpusError> {
    let not_a_record = |source| {
        CorpusError::Record(RecordError::NotARecord {
            location: location.clone(),
            expected: VECTOR,
            source,
        })
    };
    let fields = JsonLine::parse(line).map_err(not_a_record)?;
    let field = |name: &str| fields.field(name).map_err(not_a_record);
    let no_field = |column: &str| {
        CorpusError::Record(RecordError::NoField {
            location: location.clone(),
            column: column.to_owned(),
            columns: fields.names(),
        })
    };
    let id = match (field("id")?, field("_id")?) {
        (Some(_), Some(_)) => {
            return Err(CorpusError::Record(RecordError::AmbiguousId {
                location: location.clone(),
            }));
        }
        (Some(value), None) => value.id("id", location)?,
        (None, Some(value)) => value.id("_id", location)?,
        (None, None) => return Err(no_field("id")),
    };
    let list = |name: &str| {
        let list = field(name)?.ok_or_else(|| no_field(name))?.as_str();
        match has_non_finite(list) {
            false => Ok(list),
            true => Err(CorpusError::Record(RecordError::NotFinite {
                location: location.clone(),
                column: name.to_owned(),
            })),
        }
    };
    Ok(VectorLine {
        id: Id(id),
        indices: serde_json::from_str(list("indices")?).map_err(not_a_record)?,
        values: serde_json::from_str(list("values")?).map_err(not_a_record)?,
    })
}
