//! The serialised forms of rows and matrices, which the constructors check.

use serde::{Deserialize, Serialize};

use crate::{SparseError, SparseMatrix, SparseRow};

/// The serialised form of a [`SparseRow`].
#[derive(Serialize, Deserialize)]
#[serde(rename = "SparseRow", deny_unknown_fields)]
pub(crate) struct RowParts {
    dimension: usize,
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl From<SparseRow> for RowParts {
    fn from(row: SparseRow) -> Self {
        let dimension = row.dimension();
        let (indices, values) = row.into_parts();
        Self { dimension, indices, values }
    }
}

impl TryFrom<RowParts> for SparseRow {
    type Error = SparseError;

    fn try_from(parts: RowParts) -> Result<Self, SparseError> {
        Self::from_parts(parts.dimension, parts.indices, parts.values)
    }
}

/// The serialised form of a [`SparseMatrix`].
#[derive(Serialize, Deserialize)]
#[serde(rename = "SparseMatrix", deny_unknown_fields)]
pub(crate) struct MatrixParts {
    dimension: usize,
    indptr: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl From<SparseMatrix> for MatrixParts {
    fn from(matrix: SparseMatrix) -> Self {
        let dimension = matrix.dimension();
        let (indptr, indices, values) = matrix.into_csr_parts();
        Self { dimension, indptr, indices, values }
    }
}

impl TryFrom<MatrixParts> for SparseMatrix {
    type Error = SparseError;

    fn try_from(parts: MatrixParts) -> Result<Self, SparseError> {
        Self::from_csr_parts(parts.dimension, parts.indptr, parts.indices, parts.values)
    }
}
