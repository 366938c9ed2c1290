//! Vectors as lines: JSON lines, Anserini's vectors, token maps.

use std::io::{self, Write};
use std::num::NonZeroU32;

use serde::ser::{Serialize, SerializeMap, Serializer};
use splade_sparse::SparseRowView;

use crate::{CorpusError, VectorError};

/// An error of the row, or of the file.
pub(crate) enum LineError {
    Row(CorpusError),
    Io(io::Error),
}

impl From<io::Error> for LineError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes a vector as JSON, with its tokens if they are given.
pub(crate) fn write_vector(
    writer: impl Write,
    id: &str,
    row: SparseRowView<'_>,
    tokens: Option<&[(String, f32)]>,
) -> Result<(), LineError> {
    let (indices, values) = (row.indices(), row.values());
    write_line(writer, &VectorLine { id, indices, values, tokens: tokens.map(TokenMap) })
}

/// Writes the tokens of a vector, the heaviest first; ties keep their given order.
pub(crate) fn write_tokens(
    writer: impl Write,
    id: &str,
    tokens: &[(String, f32)],
) -> Result<(), LineError> {
    let is_sorted = tokens.is_sorted_by(|a, b| a.1 >= b.1);
    if is_sorted {
        return write_line(writer, &TokenLine { id, tokens: TokenMap(tokens) });
    }
    let mut sorted = tokens.to_vec();
    sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
    write_line(writer, &TokenLine { id, tokens: TokenMap(&sorted) })
}

/// Writes the tokens of a vector with integer weights, `rint(weight * factor)`, leaving out zeros.
/// `row` is its number.
pub(crate) fn write_anserini(
    writer: impl Write,
    id: &str,
    tokens: &[(String, f32)],
    factor: NonZeroU32,
    row: u64,
) -> Result<(), LineError> {
    let format = "an impact index";
    let mut vector = Vec::with_capacity(tokens.len());
    for (token, weight) in tokens {
        let (token, weight) = (token.as_str(), *weight);
        let cannot = |limit| {
            let token = token.to_owned();
            LineError::Row(CorpusError::Vector(VectorError::Weight {
                row,
                token,
                weight,
                format,
                limit,
            }))
        };
        // Anserini repeats each token as often as its weight, and splits at spaces.
        if token.is_empty() || token.contains(char::is_whitespace) {
            let token = token.to_owned();
            return Err(LineError::Row(CorpusError::Vector(VectorError::Token {
                row,
                token,
                format,
            })));
        }
        if weight < 0.0 {
            return Err(cannot("no negative weights"));
        }
        let impact = (weight * factor.get() as f32).round_ties_even();
        if impact.is_nan() || impact > i32::MAX as f32 {
            return Err(cannot("weights of 32 bits"));
        }
        if impact > 0.0 {
            vector.push((token, impact as u32));
        }
    }
    write_line(writer, &AnseriniLine { id, contents: "", vector: ImpactMap(&vector) })
}

fn write_line(mut writer: impl Write, line: &impl Serialize) -> Result<(), LineError> {
    serde_json::to_writer(&mut writer, line).map_err(io::Error::from)?;
    Ok(writer.write_all(b"\n")?)
}

#[derive(serde::Serialize)]
struct VectorLine<'a> {
    id: &'a str,
    indices: &'a [u32],
    values: &'a [f32],
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<TokenMap<'a>>,
}

#[derive(serde::Serialize)]
struct TokenLine<'a> {
    id: &'a str,
    tokens: TokenMap<'a>,
}

#[derive(serde::Serialize)]
struct AnseriniLine<'a> {
    id: &'a str,
    contents: &'static str,
    vector: ImpactMap<'a>,
}

/// Tokens and weights as a map, in the given order.
struct TokenMap<'a>(&'a [(String, f32)]);

impl Serialize for TokenMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (token, weight) in self.0 {
            map.serialize_entry(token, weight)?;
        }
        map.end()
    }
}

/// Tokens and integer weights as a map, in the given order.
struct ImpactMap<'a>(&'a [(&'a str, u32)]);

impl Serialize for ImpactMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (token, impact) in self.0 {
            map.serialize_entry(token, impact)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anserini(tokens: &[(&str, f32)]) -> Result<String, String> {
        let tokens: Vec<_> = tokens.iter().map(|(t, w)| ((*t).to_owned(), *w)).collect();
        let mut line = Vec::new();
        let factor = NonZeroU32::new(100).unwrap();
        match write_anserini(&mut line, "d1", &tokens, factor, 9) {
            Ok(()) => Ok(String::from_utf8(line).unwrap()),
            Err(LineError::Row(error)) => Err(error.to_string()),
            Err(LineError::Io(error)) => panic!("{error}"),
        }
    }

    #[test]
    fn weights_become_integers_as_numpy_rounds_and_zeros_are_left_out() {
        // numpy.rint(numpy.float32([1.234, 0.125, 0.375, 0.004, 0.005]) * 100) is
        // [123, 12, 38, 0, 0], from numpy 2.4.6.
        let line =
            anserini(&[("a", 1.234), ("b", 0.125), ("c", 0.375), ("d", 0.004), ("e", 0.005)]);
        let expected =
            "{\"id\":\"d1\",\"contents\":\"\",\"vector\":{\"a\":123,\"b\":12,\"c\":38}}\n";
        assert_eq!(line.unwrap(), expected);
    }

    #[test]
    fn what_an_impact_index_cannot_hold_is_refused_by_row() {
        assert!(anserini(&[("a", -1.0)]).unwrap_err().contains("row 9: the weight -1 of `a`"));
        assert!(anserini(&[("a", 1e30)]).unwrap_err().contains("32 bits"));
        assert!(anserini(&[("a b", 1.0)]).unwrap_err().contains("\"a b\""));
    }

    #[test]
    fn the_heaviest_token_comes_first() {
        let tokens = [("a".to_owned(), 0.5), ("b".to_owned(), 2.0), ("c".to_owned(), 0.5)];
        let mut line = Vec::new();
        assert!(write_tokens(&mut line, "d", &tokens).is_ok());
        let line = String::from_utf8(line).unwrap();
        assert_eq!(line, "{\"id\":\"d\",\"tokens\":{\"b\":2.0,\"a\":0.5,\"c\":0.5}}\n");
    }
}
