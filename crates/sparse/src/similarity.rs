//! Scores between the rows of two matrices.

use std::fmt;
use std::str::FromStr;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::postings::Workspace;
use crate::{DenseMatrix, Postings, SparseError, SparseMatrix, SparseRowView};

/// How to compare two embeddings; higher scores mean more similar.
///
/// Everything is summed in `f64` and rounded once.
///
/// # Source
/// sentence-transformers 6.2.0, `util/similarity.py`, with its spellings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SimilarityFunction {
    /// `Σ a·b`.
    #[default]
    Dot,
    /// `Σ a·b / (‖a‖·‖b‖)`; 0 if either row is zero.
    Cosine,
    /// `-‖a − b‖`; between matrices as `-sqrt(max(0, ‖a‖² − 2·Σ a·b + ‖b‖²))`.
    Euclidean,
    /// `-Σ |a − b|`.
    Manhattan,
}

impl SimilarityFunction {
    /// Every function.
    pub const ALL: [Self; 4] = [Self::Cosine, Self::Dot, Self::Euclidean, Self::Manhattan];

    /// The reference's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dot => "dot",
            Self::Cosine => "cosine",
            Self::Euclidean => "euclidean",
            Self::Manhattan => "manhattan",
        }
    }

    /// Scores each row of `a` against each row of `b`, in parallel over the rows of `a`.
    ///
    /// # Shapes
    /// Returns `[a.n_rows, b.n_rows]`.
    ///
    /// # Panics
    /// If the dimensions differ.
    #[must_use]
    pub fn similarity(self, a: &SparseMatrix, b: &SparseMatrix) -> DenseMatrix {
        check_same_dimension(a, b);
        let postings = Postings::new(b);
        let norms: Vec<f64> = b.par_rows().map(|row| self.norm(row)).collect();
        let mut scores = vec![0.0; a.n_rows() * b.n_rows()];
        // A matrix without columns has no chunks, whatever their length.
        let rows = scores.par_chunks_mut(b.n_rows().max(1)).zip(a.par_rows());
        rows.for_each_init(Workspace::new, |workspace, (scores, row)| {
            let norm = self.norm(row);
            let finish = |first: usize, sums: &[f64]| {
                let block = first..first + sums.len();
                for ((score, &other_norm), &sum) in
                    scores[block.clone()].iter_mut().zip(&norms[block]).zip(sums)
                {
                    *score = self.finish(sum, norm, other_norm);
                }
            };
            let blocks = 0..postings.n_blocks();
            match self {
                Self::Dot | Self::Cosine | Self::Euclidean => {
                    postings.accumulate(row, blocks, workspace, |a, b| a * b, finish);
                }
                Self::Manhattan => {
                    // What a shared term subtracts from ‖a‖₁ + ‖b‖₁.
                    let excess = |a: f64, b: f64| a.abs() + b.abs() - (a - b).abs();
                    postings.accumulate(row, blocks, workspace, excess, finish);
                }
            }
        });
        DenseMatrix::from_vec(a.n_rows(), b.n_rows(), scores)
    }

    /// Scores each row of `a` against the same row of `b`, in parallel.
    ///
    /// # Shapes
    /// Returns `[a.n_rows]`.
    ///
    /// # Panics
    /// If the dimensions or the numbers of rows differ.
    #[must_use]
    pub fn similarity_pairwise(self, a: &SparseMatrix, b: &SparseMatrix) -> Vec<f32> {
        check_same_dimension(a, b);
        assert_eq!(a.n_rows(), b.n_rows(), "both matrices must have the same number of rows");
        a.par_rows().zip(b.par_rows()).map(|(a, b)| self.score(a, b)).collect()
    }

    /// Scores one row against another.
    fn score(self, a: SparseRowView<'_>, b: SparseRowView<'_>) -> f32 {
        let pairs = a.union(b).map(|(_, a, b)| (f64::from(a), f64::from(b)));
        match self {
            Self::Dot => a.dot(b),
            Self::Cosine => {
                self.finish(pairs.map(|(a, b)| a * b).sum(), self.norm(a), self.norm(b))
            }
            Self::Euclidean => {
                let squares: f64 = pairs.map(|(a, b)| (a - b) * (a - b)).sum();
                (0.0 - squares.sqrt()) as f32
            }
            Self::Manhattan => {
                let distance: f64 = pairs.map(|(a, b)| (a - b).abs()).sum();
                (0.0 - distance) as f32
            }
        }
    }

    /// The part of a score that depends on one row alone.
    fn norm(self, row: SparseRowView<'_>) -> f64 {
        match self {
            Self::Dot => 0.0,
            Self::Cosine => row.squared_norm().sqrt(),
            Self::Euclidean => row.squared_norm(),
            Self::Manhattan => row.l1_norm(),
        }
    }

    /// The score, computed from the sum over shared terms and both [`norm`](Self::norm)s.
    fn finish(self, sum: f64, a: f64, b: f64) -> f32 {
        let score = match self {
            Self::Dot => sum,
            Self::Cosine if a == 0.0 || b == 0.0 => 0.0,
            Self::Cosine => sum / (a * b),
            Self::Euclidean => 0.0 - (a - 2.0 * sum + b).max(0.0).sqrt(),
            Self::Manhattan => 0.0 - (a + b - sum).max(0.0),
        };
        // Adding 0.0 turns the -0.0 of rows without shared terms into 0.0.
        score as f32 + 0.0
    }
}

fn check_same_dimension(a: &SparseMatrix, b: &SparseMatrix) {
    assert_eq!(a.dimension(), b.dimension(), "both matrices must have the same dimension");
}

impl fmt::Display for SimilarityFunction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for SimilarityFunction {
    type Err = SparseError;

    fn from_str(name: &str) -> Result<Self, SparseError> {
        Self::ALL
            .into_iter()
            .find(|function| function.as_str() == name)
            .ok_or_else(|| SparseError::UnknownSimilarity { name: name.to_owned() })
    }
}
