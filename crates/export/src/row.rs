//! One row for an engine, and the checks that every engine needs.

use std::borrow::Cow;
use std::collections::HashSet;

use splade_sparse::SparseRowView;

use crate::{EmptyRows, Engine, ExportError, Key};

/// A document or a query: its number, its id, and its weights by index, by token, or both.
///
/// An engine is keyed by one of the two ([`Engine::key`]) and ignores the other.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ExportRow<'a> {
    /// The row's number for messages: a line number of its file, from 1.
    pub row_number: u64,
    /// Id of the document; ignored for queries.
    pub id: &'a str,
    /// Weights by index.
    pub vector: Option<SparseRowView<'a>>,
    /// Weights by token, as `SparseEncoder::decode` gives them, in any order.
    pub tokens: Option<&'a [(String, f32)]>,
}

impl<'a> ExportRow<'a> {
    /// A row without weights.
    #[must_use]
    pub fn new(row_number: u64, id: &'a str) -> Self {
        Self { row_number, id, vector: None, tokens: None }
    }

    /// Sets [`vector`](Self::vector).
    #[must_use]
    pub fn with_vector(mut self, vector: impl Into<SparseRowView<'a>>) -> Self {
        self.vector = Some(vector.into());
        self
    }

    /// Sets [`tokens`](Self::tokens).
    #[must_use]
    pub fn with_tokens(mut self, tokens: &'a [(String, f32)]) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Whether the row has no weights of the kind that the engine is keyed by.
    pub(crate) fn is_empty(&self, engine: Engine) -> bool {
        match engine.key() {
            Key::Index => self.vector.is_some_and(|vector| vector.nnz() == 0),
            Key::Token => self.tokens.is_some_and(<[_]>::is_empty),
        }
    }
}

/// Whether to write a row; also counts rows without weights.
pub(crate) fn takes_row(
    engine: Engine,
    empty_rows: EmptyRows,
    row: &ExportRow<'_>,
    n_empty: &mut u64,
) -> Result<bool, ExportError> {
    if !row.is_empty(engine) {
        return Ok(true);
    }
    if empty_rows == EmptyRows::Refuse {
        return Err(ExportError::EmptyRow { row: row.row_number });
    }
    *n_empty += 1;
    Ok(empty_rows == EmptyRows::Keep)
}

/// Which weights an engine accepts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Weights {
    /// Any finite weight.
    Any,
    /// Weights of at least this value.
    From(f32),
}

/// What to do with a full stop in a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dots {
    Keep,
    /// Escape as in URLs: `%2E` for a full stop and `%25` for `%`, so that distinct tokens stay
    /// distinct.
    Escape,
}

impl Dots {
    fn key(self, token: &str) -> Cow<'_, str> {
        match self {
            Self::Escape if token.contains(['.', '%']) => {
                Cow::Owned(token.replace('%', "%25").replace('.', "%2E"))
            }
            _ => Cow::Borrowed(token),
        }
    }
}

/// The vector of a row, with its weights checked.
pub(crate) fn checked_vector<'a>(
    engine: Engine,
    row: &ExportRow<'a>,
    weights: Weights,
) -> Result<SparseRowView<'a>, ExportError> {
    let vector = row.vector.ok_or(ExportError::MissingVector { engine, row: row.row_number })?;
    for (index, weight) in vector.iter() {
        check_weight(engine, row, weights, (weight, || format!("index {index}")))?;
    }
    Ok(vector)
}

/// The tokens of a row, checked, in the given order. A duplicate is refused: engines keep one
/// weight per key.
pub(crate) fn checked_tokens<'a>(
    engine: Engine,
    row: &ExportRow<'a>,
    weights: Weights,
    dots: Dots,
) -> Result<Vec<(Cow<'a, str>, f32)>, ExportError> {
    let tokens = row.tokens.ok_or(ExportError::MissingTokens { engine, row: row.row_number })?;
    let mut seen = HashSet::with_capacity(tokens.len());
    let mut checked = Vec::with_capacity(tokens.len());
    for (token, weight) in tokens {
        if token.is_empty() {
            return Err(ExportError::EmptyToken { engine, row: row.row_number });
        }
        check_weight(engine, row, weights, (*weight, || format!("token {token:?}")))?;
        if !seen.insert(token.as_str()) {
            let (row, token) = (row.row_number, token.clone());
            return Err(ExportError::DuplicateToken { engine, row, token });
        }
        checked.push((dots.key(token), *weight));
    }
    Ok(checked)
}

/// Checks that the id is not empty and has at most `limit` bytes.
pub(crate) fn check_id_bytes(
    engine: Engine,
    row: &ExportRow<'_>,
    limit: usize,
) -> Result<(), ExportError> {
    if row.id.len() > limit {
        return Err(ExportError::IdTooLong {
            engine,
            row: row.row_number,
            found: row.id.len(),
            limit,
            unit: "bytes",
        });
    }
    Ok(())
}

/// Refuses a query without weights.
pub(crate) fn check_query_weights(row: &ExportRow<'_>, nnz: usize) -> Result<(), ExportError> {
    if nnz == 0 {
        return Err(ExportError::EmptyQuery { row: row.row_number });
    }
    Ok(())
}

fn check_weight(
    engine: Engine,
    row: &ExportRow<'_>,
    weights: Weights,
    (weight, key): (f32, impl Fn() -> String),
) -> Result<(), ExportError> {
    if !weight.is_finite() {
        return Err(ExportError::WeightNotFinite { row: row.row_number, key: key(), weight });
    }
    match weights {
        Weights::From(least) if weight < least => Err(ExportError::WeightTooSmall {
            engine,
            row: row.row_number,
            key: key(),
            weight,
            least,
        }),
        _ => Ok(()),
    }
}
