//! Dense, slow and obvious versions, which the crate's results must equal.

use splade_sparse::{Hit, SimilarityFunction, SparseMatrix, SparseRowView};

/// Rows as dense `f64`.
pub(crate) fn dense(matrix: &SparseMatrix) -> Vec<Vec<f64>> {
    matrix.rows().map(dense_row).collect()
}

pub(crate) fn dense_row(row: SparseRowView<'_>) -> Vec<f64> {
    row.to_dense().into_iter().map(f64::from).collect()
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// One score, by definition.
pub(crate) fn score(function: SimilarityFunction, a: &[f64], b: &[f64]) -> f64 {
    let differences = || a.iter().zip(b).map(|(a, b)| a - b);
    match function {
        SimilarityFunction::Dot => dot(a, b),
        SimilarityFunction::Cosine => {
            let norms = dot(a, a).sqrt() * dot(b, b).sqrt();
            if norms == 0.0 { 0.0 } else { dot(a, b) / norms }
        }
        SimilarityFunction::Euclidean => -differences().map(|d| d * d).sum::<f64>().sqrt(),
        SimilarityFunction::Manhattan => -differences().map(f64::abs).sum::<f64>(),
    }
}

/// Positions of the `k` largest magnitudes, the earlier one first among equals; ascending.
pub(crate) fn largest(dense: &[f32], k: usize) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..dense.len()).filter(|&i| dense[i] != 0.0).collect();
    // A stable sort keeps the order of equals.
    positions.sort_by(|&a, &b| dense[b].abs().total_cmp(&dense[a].abs()));
    positions.truncate(k);
    positions.sort_unstable();
    positions
}

/// Scores every document that shares a term, and sorts them all.
pub(crate) fn search(query: SparseRowView<'_>, docs: &SparseMatrix, k: usize) -> Vec<Hit> {
    let query_dense = dense_row(query);
    let mut hits: Vec<Hit> = dense(docs)
        .iter()
        .enumerate()
        .filter(|(_, doc)| query_dense.iter().zip(*doc).any(|(q, d)| *q != 0.0 && *d != 0.0))
        .map(|(doc_idx, doc)| Hit { doc_idx, score: dot(&query_dense, doc) as f32 })
        .collect();
    // A stable sort keeps the order of equals; -0.0 == 0.0 here.
    hits.sort_by(|a, b| b.score.partial_cmp(&a.score).expect("sums are not NaN"));
    hits.truncate(k);
    hits
}
