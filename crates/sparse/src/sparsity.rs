//! How sparse a matrix is.

use serde::{Deserialize, Serialize};

use crate::SparseMatrix;

/// How many dimensions the rows of a matrix use.
///
/// # Source
/// `SparseEncoder.sparsity` of sentence-transformers 6.2.0, `sparse_encoder/model.py`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sparsity {
    /// Stored entries of a row, averaged over the rows.
    pub active_dims: f64,
    /// Share of a row that is zero: `1 - active_dims / dimension`.
    pub sparsity_ratio: f64,
}

impl SparseMatrix {
    /// The mean number of entries and the share of zeros. A matrix without rows or columns has 0.0
    /// active dimensions and a ratio of 1.0.
    #[must_use]
    pub fn sparsity(&self) -> Sparsity {
        if self.is_empty() || self.dimension() == 0 {
            return Sparsity { active_dims: 0.0, sparsity_ratio: 1.0 };
        }
        let active_dims = self.nnz() as f64 / self.n_rows() as f64;
        Sparsity { active_dims, sparsity_ratio: 1.0 - active_dims / self.dimension() as f64 }
    }
}
