//! PostgreSQL with pgvector: the table, rows of `COPY ... FROM` in text format, the query.
//!
//! A `sparsevec` is written `{1:0.5,3:1.25}/30522`: indices from 1, then the dimension.
//!
//! Source: `sparsevec_in` in pgvector 0.8.6; limits from its `sparsevec.h` and `hnsw.h`;
//! PostgreSQL 15, "COPY", text format.

use std::num::NonZeroUsize;

use splade_sparse::SparseRowView;

use crate::json;
use crate::names::Names;
use crate::row::{Weights, check_query_weights, checked_vector};
use crate::{Engine, ExportError, ExportRow, PgvectorIndex};

/// `SPARSEVEC_MAX_NNZ`: maximum number of weights of a stored row.
pub const SPARSEVEC_MAX_NNZ: usize = 16_000;
/// `SPARSEVEC_MAX_DIM`: maximum dimension.
pub const SPARSEVEC_MAX_DIM: usize = 1_000_000_000;
/// `HNSW_MAX_NNZ`: maximum number of weights of a row, or a query, with an HNSW index.
pub const HNSW_MAX_NNZ: usize = 1_000;

pub(crate) fn setup(
    names: Names<'_>,
    index: PgvectorIndex,
    dimension: usize,
) -> Result<String, ExportError> {
    check_dimension(dimension)?;
    let table = quoted(names.name);
    let field = names.field;
    let mut sql = format!(
        "CREATE EXTENSION IF NOT EXISTS vector;\n\
         CREATE TABLE {table} (id text PRIMARY KEY, \"{field}\" sparsevec({dimension}) NOT NULL);\n\
         -- The rows: \\copy {table} (id, \"{field}\") FROM 'FILE'\n"
    );
    if index == PgvectorIndex::Hnsw {
        sql.push_str(&format!(
            "-- Faster if it runs after the rows are there.\n\
             CREATE INDEX ON {table} USING hnsw (\"{field}\" sparsevec_ip_ops);\n"
        ));
    }
    Ok(sql)
}

/// Appends one line for `COPY`.
pub(crate) fn push(
    out: &mut Vec<u8>,
    index: PgvectorIndex,
    row: &ExportRow<'_>,
) -> Result<(), ExportError> {
    let vector = checked_row(index, row)?;
    for character in row.id.chars() {
        match character {
            '\\' => out.extend_from_slice(b"\\\\"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\0' => {
                return Err(ExportError::IdCharacter {
                    engine: Engine::Pgvector,
                    row: row.row_number,
                    id: row.id.to_owned(),
                    character,
                });
            }
            _ => json::text(out, character),
        }
    }
    out.push(b'\t');
    push_literal(out, vector);
    out.push(b'\n');
    Ok(())
}

/// `<#>` is the negative inner product, by which an index can sort.
pub(crate) fn query(
    names: Names<'_>,
    index: PgvectorIndex,
    row: &ExportRow<'_>,
    k: NonZeroUsize,
) -> Result<String, ExportError> {
    let vector = checked_row(index, row)?;
    check_query_weights(row, vector.nnz())?;
    let mut literal = Vec::new();
    push_literal(&mut literal, vector);
    let (literal, field) = (json::into_string(literal), names.field);
    Ok(format!(
        "SELECT id, -(\"{field}\" <#> '{literal}'::sparsevec) AS score FROM {} \
         ORDER BY \"{field}\" <#> '{literal}'::sparsevec LIMIT {k};\n",
        quoted(names.name)
    ))
}

fn checked_row<'a>(
    index: PgvectorIndex,
    row: &ExportRow<'a>,
) -> Result<SparseRowView<'a>, ExportError> {
    let vector = checked_vector(Engine::Pgvector, row, Weights::Any)?;
    check_dimension(vector.dimension())?;
    let (what, limit) = match index {
        PgvectorIndex::None => ("a sparsevec", SPARSEVEC_MAX_NNZ),
        PgvectorIndex::Hnsw => ("an HNSW index on sparsevec", HNSW_MAX_NNZ),
    };
    if vector.nnz() > limit {
        return Err(ExportError::TooManyWeights {
            row: row.row_number,
            found: vector.nnz(),
            what,
            limit,
        });
    }
    Ok(vector)
}

fn check_dimension(dimension: usize) -> Result<(), ExportError> {
    if dimension > SPARSEVEC_MAX_DIM {
        return Err(ExportError::DimensionTooLarge {
            engine: Engine::Pgvector,
            dimension,
            limit: SPARSEVEC_MAX_DIM,
        });
    }
    Ok(())
}

fn push_literal(out: &mut Vec<u8>, vector: SparseRowView<'_>) {
    out.push(b'{');
    for (position, (index, weight)) in vector.iter().enumerate() {
        let comma = if position > 0 { "," } else { "" };
        json::text(out, format_args!("{comma}{}:", u64::from(index) + 1));
        json::number(out, weight);
    }
    json::text(out, format_args!("}}/{}", vector.dimension()));
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
