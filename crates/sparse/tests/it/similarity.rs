//! Every similarity equals dense arithmetic.

use proptest::prelude::*;
use splade_sparse::{SimilarityFunction, SparseError, SparseMatrix, SparseRow};

use crate::reference;
use crate::strategies::{matrix, two_matrices};

/// Rounding to `f32` is 6e-8 of a score; cancellation in the matrix form of the euclidean
/// distance is the square root of 1e-16 of the norms (below 1e3 here).
fn tolerance(function: SimilarityFunction, expected: f64) -> f64 {
    let cancelled = match function {
        SimilarityFunction::Euclidean => 1e-4,
        SimilarityFunction::Manhattan | SimilarityFunction::Cosine => 1e-11,
        SimilarityFunction::Dot => 1e-11,
    };
    expected.abs() * 1e-7 + cancelled
}

fn rows(dense: &[&[f32]]) -> SparseMatrix {
    let rows: Vec<_> =
        dense.iter().map(|row| SparseRow::from_dense(row).expect("weights are finite")).collect();
    SparseMatrix::from_rows(dense[0].len(), &rows).expect("one dimension")
}

#[test]
fn names_are_the_reference_s_and_dot_is_the_default() {
    assert_eq!(SimilarityFunction::default(), SimilarityFunction::Dot);
    for (function, name) in
        SimilarityFunction::ALL.into_iter().zip(["cosine", "dot", "euclidean", "manhattan"])
    {
        assert_eq!(function.to_string(), name);
        assert_eq!(name.parse::<SimilarityFunction>().unwrap(), function);
        assert_eq!(serde_json::to_string(&function).unwrap(), format!("\"{name}\""));
    }
}

#[test]
fn an_unknown_name_is_refused_with_the_known_ones() {
    let error = "Cosine".parse::<SimilarityFunction>().unwrap_err();
    assert!(matches!(&error, SparseError::UnknownSimilarity { name, .. } if name == "Cosine"));
    assert_eq!(
        error.to_string(),
        "unknown similarity function `Cosine`, known are: cosine, dot, euclidean, manhattan"
    );
    assert!(serde_json::from_str::<SimilarityFunction>("\"l2\"").is_err());
}

#[test]
fn a_zero_row_scores_zero_under_cosine() {
    let (zero, other) = (rows(&[&[0.0, 0.0]]), rows(&[&[0.0, 2.0]]));
    for (a, b) in [(&zero, &other), (&other, &zero), (&zero, &zero)] {
        assert_eq!(SimilarityFunction::Cosine.similarity(a, b)[(0, 0)], 0.0);
        assert_eq!(SimilarityFunction::Cosine.similarity_pairwise(a, b), [0.0]);
    }
}

#[test]
fn no_score_is_minus_zero() {
    let a = rows(&[&[1.0, 0.0], &[0.0, -1.0]]);
    for function in SimilarityFunction::ALL {
        let scores = function.similarity(&a, &a).into_vec();
        let all = scores.into_iter().chain(function.similarity_pairwise(&a, &a));
        assert!(all.into_iter().all(|score| score != 0.0 || score.is_sign_positive()));
    }
}

#[test]
fn extreme_weights_do_not_overflow_inside() {
    let a = rows(&[&[3e38, 1e-45, 0.0]]);
    assert_eq!(SimilarityFunction::Cosine.similarity(&a, &a)[(0, 0)], 1.0);
    let zero = rows(&[&[0.0, 0.0, 0.0]]);
    assert_eq!(SimilarityFunction::Euclidean.similarity(&a, &zero)[(0, 0)], -3e38);
}

#[test]
#[should_panic(expected = "same dimension")]
fn matrices_of_different_dimension_panic() {
    let _ = SimilarityFunction::Dot.similarity(&rows(&[&[1.0]]), &rows(&[&[1.0, 2.0]]));
}

#[test]
#[should_panic(expected = "same number of rows")]
fn pairs_need_as_many_rows_on_both_sides() {
    let _ = SimilarityFunction::Dot.similarity_pairwise(&rows(&[&[1.0]]), &rows(&[&[1.0], &[1.0]]));
}

proptest! {
    #[test]
    fn every_similarity_equals_dense_arithmetic((a, b) in two_matrices()) {
        let (dense_a, dense_b) = (reference::dense(&a), reference::dense(&b));
        for function in SimilarityFunction::ALL {
            let scores = function.similarity(&a, &b);
            prop_assert_eq!((scores.n_rows(), scores.n_cols()), (a.n_rows(), b.n_rows()));
            for (i, row_a) in dense_a.iter().enumerate() {
                for (j, row_b) in dense_b.iter().enumerate() {
                    let expected = reference::score(function, row_a, row_b);
                    let error = (f64::from(scores[(i, j)]) - expected).abs();
                    prop_assert!(error <= tolerance(function, expected), "{function}: {error}");
                }
            }
        }
    }

    #[test]
    fn every_pairwise_similarity_equals_dense_arithmetic(
        (a, b) in matrix().prop_flat_map(|a| {
            let b = crate::strategies::matrix_of(a.dimension(), a.n_rows());
            (Just(a), b)
        }),
    ) {
        for function in SimilarityFunction::ALL {
            let scores = function.similarity_pairwise(&a, &b);
            prop_assert_eq!(scores.len(), a.n_rows());
            let pairs = reference::dense(&a).into_iter().zip(reference::dense(&b));
            for (score, (row_a, row_b)) in scores.into_iter().zip(pairs) {
                let expected = reference::score(function, &row_a, &row_b);
                let error = (f64::from(score) - expected).abs();
                prop_assert!(error <= expected.abs() * 1e-7, "{function}: {error}");
            }
        }
    }

    #[test]
    fn the_dot_matrix_holds_exactly_the_dots_of_the_rows((a, b) in two_matrices()) {
        let scores = SimilarityFunction::Dot.similarity(&a, &b);
        for (i, row_a) in a.rows().enumerate() {
            for (j, row_b) in b.rows().enumerate() {
                prop_assert_eq!(scores[(i, j)].to_bits(), row_a.dot(row_b).to_bits());
            }
        }
    }
}
