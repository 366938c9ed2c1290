//! Vespa: the schema with a mapped tensor, `put` operations, the query.
//!
//! Every document is scored with the exact dot product: Vespa has no inverted index on tensors. In
//! larger collections, the same expression can rank the results of another match phase.
//!
//! Weights are nested in `cells`: in the shorter form without it, a first token called `cells`,
//! `blocks` or `type` is read as a keyword.
//!
//! Source: Vespa documentation, "Document JSON format" and "Tensor reference"; `TensorReader`,
//! `TensorParser`, `IdString` and `Text` of vespa-engine/vespa.

use std::num::NonZeroUsize;

use crate::json;
use crate::names::Names;
use crate::row::{Dots, Weights, check_query_weights, checked_tokens};
use crate::{Engine, ExportError, ExportRow};

/// Exactly what pyvespa 1.2.9 writes for these fields.
pub(crate) const SETUP: &str = "schema $NAME {
    document $NAME {
        field id type string {
            indexing: summary | attribute
        }
        field $FIELD type tensor<float>(token{}) {
            indexing: attribute
            attribute {
                fast-rank
            }
        }
    }
    rank-profile $NAME {
        inputs {
            query(q) tensor<float>(token{})
        }
        first-phase {
            expression {
                sum(query(q) * attribute($FIELD))
            }
        }
    }
}
";

/// `IdString.MAX_LENGTH`: UTF-16 units of the complete document id.
const MAX_ID_UNITS: usize = 0x10000;

/// Appends the line of one document. Its id follows `id:NAME:NAME::` unchanged.
pub(crate) fn push(
    out: &mut Vec<u8>,
    names: Names<'_>,
    row: &ExportRow<'_>,
) -> Result<(), ExportError> {
    let tokens = checked_tokens(Engine::Vespa, row, Weights::Any, Dots::Keep)?;
    for (token, _) in &tokens {
        check_token(row, token, |c| !is_text(c), "it holds a character that is no text for Vespa")?;
    }
    let document_id = format!("id:{0}:{0}::{1}", names.name, row.id);
    check_document_id(row, &document_id)?;
    out.extend_from_slice(b"{\"put\":");
    json::string(out, &document_id);
    out.extend_from_slice(b",\"fields\":{\"id\":");
    json::string(out, row.id);
    json::text(out, format_args!(",\"{}\":{{\"cells\":", names.field));
    json::token_map(out, &tokens);
    out.extend_from_slice(b"}}}\n");
    Ok(())
}

/// The tensor is a literal, `{{token:'a'}:1.5,{token:"b"}:0.5}`. A JSON object would go through the
/// parser of literals too, which does not know JSON's escapes.
pub(crate) fn query(
    names: Names<'_>,
    row: &ExportRow<'_>,
    k: NonZeroUsize,
) -> Result<String, ExportError> {
    let tokens = checked_tokens(Engine::Vespa, row, Weights::Any, Dots::Keep)?;
    check_query_weights(row, tokens.len())?;
    let mut literal = String::from("{");
    for (token, weight) in &tokens {
        check_token(row, token, |c| !is_text(c), "it holds a character that is no text for Vespa")?;
        let quote = if token.contains('\'') { '"' } else { '\'' };
        check_token(row, token, |c| c == quote, "a tensor literal has no escape for both quotes")?;
        if literal.len() > 1 {
            literal.push(',');
        }
        let weight = json::number_text(*weight);
        literal.push_str(&format!("{{token:{quote}{token}{quote}}}:{weight}"));
    }
    literal.push('}');
    let mut out = Vec::new();
    json::text(
        &mut out,
        format_args!(
            "{{\"yql\":\"select id from {0} where true\",\"hits\":{k},\
             \"ranking\":{{\"profile\":\"{0}\"}},\"input.query(q)\":",
            names.name
        ),
    );
    json::string(&mut out, &literal);
    out.extend_from_slice(b"}\n");
    Ok(json::into_string(out))
}

fn check_token(
    row: &ExportRow<'_>,
    token: &str,
    is_wrong: impl Fn(char) -> bool,
    reason: &'static str,
) -> Result<(), ExportError> {
    if token.contains(is_wrong) {
        return Err(ExportError::Token {
            engine: Engine::Vespa,
            row: row.row_number,
            token: token.to_owned(),
            reason,
        });
    }
    Ok(())
}

fn check_document_id(row: &ExportRow<'_>, document_id: &str) -> Result<(), ExportError> {
    let found = document_id.encode_utf16().count();
    if found > MAX_ID_UNITS {
        return Err(ExportError::IdTooLong {
            engine: Engine::Vespa,
            row: row.row_number,
            found,
            limit: MAX_ID_UNITS,
            unit: "UTF-16 units with namespace and type",
        });
    }
    if let Some(character) = row.id.chars().find(|&c| !is_text(c)) {
        return Err(ExportError::IdCharacter {
            engine: Engine::Vespa,
            row: row.row_number,
            id: row.id.to_owned(),
            character,
        });
    }
    Ok(())
}

/// `Text.isTextCharacter`: no control characters except tab, line feed and carriage return; no
/// noncharacters, except that U+FFFE and U+FFFF are allowed.
fn is_text(character: char) -> bool {
    match u32::from(character) {
        0x9 | 0xA | 0xD => true,
        0..0x20 => false,
        0xFDD0..=0xFDDF => false,
        code => code < 0x1_0000 || code & 0xFFFE != 0xFFFE,
    }
}
