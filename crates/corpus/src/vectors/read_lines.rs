//! Vectors from JSON lines.

use serde::Deserialize;
use splade_sparse::SparseRow;

use crate::CorpusError;
use crate::lines::Lines;

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
        let place = || self.lines.place();
        let line: VectorLine = serde_json::from_str(self.lines.line()?).map_err(|source| {
            CorpusError::NotARecord { place: place(), expected: VECTOR, source }
        })?;
        let id = match line.id {
            Id::Text(id) => id,
            Id::Number(id) => id.to_string(),
        };
        let row = row_at(place, self.dimension, line.indices, line.values)?;
        Ok(Some((id, row)))
    }
}

/// One line. Other fields, such as the tokens, are not read.
#[derive(Deserialize)]
struct VectorLine {
    #[serde(alias = "_id")]
    id: Id,
    indices: Vec<u32>,
    values: Vec<f32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(serde_json::Number),
}
