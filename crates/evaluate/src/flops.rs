//! How many dimensions queries and documents use, and the average cost of scoring a pair.

use serde::{Deserialize, Serialize};

use crate::EvaluateError;

/// Counts active dimensions of queries and documents as they stream by, keeping two numbers per
/// dimension.
///
/// ```
/// use splade_evaluate::FlopsCounter;
///
/// # fn main() -> Result<(), splade_evaluate::EvaluateError> {
/// let mut counter = FlopsCounter::new(4);
/// counter.add_query(&[1, 2])?;
/// counter.add_document(&[1])?;
/// counter.add_document(&[1, 2, 3])?;
/// // Dimension 1 is in every query and document, 2 in every query and half of the documents.
/// assert_eq!(counter.avg_flops(), 1.0 + 0.5);
/// assert_eq!(counter.statistics().corpus_active_dims, 2.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FlopsCounter {
    queries: Counts,
    documents: Counts,
}

#[derive(Debug, Clone, PartialEq)]
struct Counts {
    /// The number of rows in which each dimension is active.
    by_dimension: Vec<u64>,
    n_rows: u64,
    nnz: u64,
}

/// What sentence-transformers' `SparseInformationRetrievalEvaluator` reports in addition to its
/// measures, under the same names.
///
/// # Source
/// `sparse_encoder/evaluation/sparse_information_retrieval.py` and `SparseEncoder.sparsity` of
/// sentence-transformers 6.2.0, which computes in f32.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SparseStatistics {
    /// Active dimensions of a query, averaged over the queries.
    pub query_active_dims: f64,
    /// `1 - query_active_dims / dimension`.
    pub query_sparsity_ratio: f64,
    /// Active dimensions of a document, averaged over the documents.
    pub corpus_active_dims: f64,
    /// `1 - corpus_active_dims / dimension`.
    pub corpus_sparsity_ratio: f64,
    /// See [`FlopsCounter::avg_flops`].
    pub avg_flops: f64,
}

impl FlopsCounter {
    /// An empty counter for indices below `dimension`.
    #[must_use]
    pub fn new(dimension: usize) -> Self {
        let nothing = Counts { by_dimension: vec![0; dimension], n_rows: 0, nnz: 0 };
        Self { queries: nothing.clone(), documents: nothing }
    }

    /// Counts the active dimensions of a query, which must be strictly increasing and may be empty.
    ///
    /// # Errors
    /// [`EvaluateError::IndexOutOfRange`], [`EvaluateError::IndicesNotIncreasing`]; then nothing is
    /// counted.
    pub fn add_query(&mut self, indices: &[u32]) -> Result<(), EvaluateError> {
        self.queries.add(indices)
    }

    /// Counts the active dimensions of a document, as [`FlopsCounter::add_query`] does.
    ///
    /// # Errors
    /// As [`FlopsCounter::add_query`].
    pub fn add_document(&mut self, indices: &[u32]) -> Result<(), EvaluateError> {
        self.documents.add(indices)
    }

    /// Adds the counts of another counter, as if one counter had counted everything.
    ///
    /// # Errors
    /// [`EvaluateError::DimensionMismatch`].
    pub fn merge(&mut self, other: &Self) -> Result<(), EvaluateError> {
        let (found, expected) = (other.dimension(), self.dimension());
        if found != expected {
            return Err(EvaluateError::DimensionMismatch { found, expected });
        }
        self.queries.merge(&other.queries);
        self.documents.merge(&other.documents);
        Ok(())
    }

    /// The dimension of the rows.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.queries.by_dimension.len()
    }

    /// Number of queries counted.
    #[must_use]
    pub fn n_queries(&self) -> u64 {
        self.queries.n_rows
    }

    /// Number of documents counted.
    #[must_use]
    pub fn n_documents(&self) -> u64 {
        self.documents.n_rows
    }

    /// Active dimensions, summed over all documents.
    #[must_use]
    pub fn corpus_nnz(&self) -> u64 {
        self.documents.nnz
    }

    /// Multiplications to score a query and a document, averaged over all pairs: `sum over
    /// dimensions j of p_j q_j`, where `p_j` is the share of queries and `q_j` the share of
    /// documents in which `j` is active. 0 without queries or documents.
    ///
    /// # Source
    /// `_calculate_avg_flops` of sentence-transformers 6.2.0; SPLADE, arXiv:2107.05720.
    #[must_use]
    pub fn avg_flops(&self) -> f64 {
        let n_pairs = self.queries.n_rows as f64 * self.documents.n_rows as f64;
        if n_pairs == 0.0 {
            return 0.0;
        }
        let pairs = self.queries.by_dimension.iter().zip(&self.documents.by_dimension);
        let n_products: f64 = pairs.map(|(p, q)| *p as f64 * *q as f64).sum();
        n_products / n_pairs
    }

    /// All statistics.
    #[must_use]
    pub fn statistics(&self) -> SparseStatistics {
        SparseStatistics {
            query_active_dims: self.queries.active_dims(),
            query_sparsity_ratio: self.queries.sparsity_ratio(),
            corpus_active_dims: self.documents.active_dims(),
            corpus_sparsity_ratio: self.documents.sparsity_ratio(),
            avg_flops: self.avg_flops(),
        }
    }
}

impl Counts {
    fn add(&mut self, indices: &[u32]) -> Result<(), EvaluateError> {
        if let Some(pair) = indices.windows(2).find(|pair| pair[0] >= pair[1]) {
            let (previous, index) = (pair[0], pair[1]);
            return Err(EvaluateError::IndicesNotIncreasing { previous, index });
        }
        let dimension = self.by_dimension.len();
        match indices.last() {
            Some(index) if *index as usize >= dimension => {
                return Err(EvaluateError::IndexOutOfRange { index: *index, dimension });
            }
            _ => {}
        }
        for index in indices {
            self.by_dimension[*index as usize] += 1;
        }
        self.n_rows += 1;
        self.nnz += indices.len() as u64;
        Ok(())
    }

    fn merge(&mut self, other: &Self) {
        for (count, more) in self.by_dimension.iter_mut().zip(&other.by_dimension) {
            *count += more;
        }
        self.n_rows += other.n_rows;
        self.nnz += other.nnz;
    }

    fn active_dims(&self) -> f64 {
        if self.n_rows == 0 { 0.0 } else { self.nnz as f64 / self.n_rows as f64 }
    }

    fn sparsity_ratio(&self) -> f64 {
        let dimension = self.by_dimension.len();
        if dimension == 0 { 1.0 } else { 1.0 - self.active_dims() / dimension as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_row_is_refused_and_not_counted() {
        let mut counter = FlopsCounter::new(3);
        let error = counter.add_query(&[0, 3]).unwrap_err().to_string();
        assert_eq!(error, "index 3 is not below dimension 3");
        let error = counter.add_document(&[1, 1]).unwrap_err().to_string();
        assert_eq!(error, "index 1 follows 1, but must exceed it");
        assert_eq!(counter, FlopsCounter::new(3));
        assert!(counter.merge(&FlopsCounter::new(4)).is_err());
    }

    #[test]
    fn nothing_costs_nothing() {
        let mut counter = FlopsCounter::new(3);
        counter.add_query(&[1]).unwrap();
        let found = counter.statistics();
        assert_eq!((found.avg_flops, found.corpus_active_dims), (0.0, 0.0));
        assert_eq!(found.corpus_sparsity_ratio, 1.0);
    }
}
