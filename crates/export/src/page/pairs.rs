//! Why a document has its score for a query: shared terms and their shares.

use std::collections::HashSet;

use serde::Serialize;
use splade_sparse::{SimilarityFunction, SparseRowView};

use super::PageError;

/// A document's score for a query.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PairReport {
    /// Index of the document, from 0.
    pub(crate) document: usize,
    pub(crate) score: f64,
    /// The sum of the products: the score itself, before a cosine divides it by both norms.
    pub(crate) dot: f64,
    pub(crate) query_norm: f64,
    pub(crate) document_norm: f64,
    /// By descending magnitude of the product.
    pub(crate) terms: Vec<SharedTerm>,
}

/// A term with a weight in both vectors.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SharedTerm {
    pub(crate) index: u32,
    pub(crate) query_weight: f32,
    pub(crate) document_weight: f32,
    pub(crate) product: f64,
    /// The product divided by the sum of all products' magnitudes, which keeps shares of mixed
    /// signs between -1 and 1; without negative products, the share of the score.
    pub(crate) share: f64,
    pub(crate) in_query: bool,
    pub(crate) in_document: bool,
}

/// A vector, and the indices of the terms that the text contains.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) row: SparseRowView<'a>,
    pub(crate) in_text: &'a HashSet<u32>,
}

/// The documents by descending score. If the scores that search returns in `f32` are equal, the
/// earlier document comes first.
///
/// # Errors
/// [`PageError::NoSharesOfScore`].
pub(crate) fn rank_documents(
    similarity: SimilarityFunction,
    query: Side<'_>,
    documents: &[Side<'_>],
) -> Result<Vec<PairReport>, PageError> {
    let mut pairs = documents
        .iter()
        .enumerate()
        .map(|(document, &side)| explain_pair(similarity, query, document, side))
        .collect::<Result<Vec<_>, _>>()?;
    pairs.sort_by(|a, b| (b.score as f32).total_cmp(&(a.score as f32)));
    Ok(pairs)
}

fn explain_pair(
    similarity: SimilarityFunction,
    query: Side<'_>,
    document: usize,
    side: Side<'_>,
) -> Result<PairReport, PageError> {
    let mut terms: Vec<SharedTerm> = query
        .row
        .iter()
        .filter_map(|(index, query_weight)| {
            let position = side.row.indices().binary_search(&index).ok()?;
            let document_weight = side.row.values()[position];
            Some(SharedTerm {
                index,
                query_weight,
                document_weight,
                // Exact in f64, as in splade-sparse.
                product: f64::from(query_weight) * f64::from(document_weight),
                share: 0.0,
                in_query: query.in_text.contains(&index),
                in_document: side.in_text.contains(&index),
            })
        })
        .collect();
    // Summed by ascending index, as in splade-sparse; + 0.0 turns the -0.0 of an empty sum into
    // 0.0.
    let dot = terms.iter().map(|term| term.product).sum::<f64>() + 0.0;
    let magnitude: f64 = terms.iter().map(|term| term.product.abs()).sum();
    for term in &mut terms {
        term.share = term.product / magnitude;
    }
    let order = |a: &SharedTerm, b: &SharedTerm| b.product.abs().total_cmp(&a.product.abs());
    terms.sort_by(order);

    let (query_norm, document_norm) = (norm(query.row), norm(side.row));
    let score = match similarity {
        SimilarityFunction::Dot => dot,
        SimilarityFunction::Cosine if terms.is_empty() => 0.0,
        SimilarityFunction::Cosine => dot / (query_norm * document_norm),
        SimilarityFunction::Euclidean | SimilarityFunction::Manhattan => {
            return Err(PageError::NoSharesOfScore { similarity: similarity.as_str() });
        }
    };
    Ok(PairReport { document, score, dot, query_norm, document_norm, terms })
}

fn norm(row: SparseRowView<'_>) -> f64 {
    row.values().iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use splade_sparse::{SparseMatrix, SparseRow};

    use super::*;

    fn rank(
        similarity: SimilarityFunction,
        query: &[f32],
        documents: &[&[f32]],
    ) -> Vec<PairReport> {
        let none = HashSet::new();
        let query = SparseRow::from_dense(query).unwrap();
        let rows: Vec<SparseRow> =
            documents.iter().map(|dense| SparseRow::from_dense(dense).unwrap()).collect();
        let sides: Vec<Side<'_>> =
            rows.iter().map(|row| Side { row: row.view(), in_text: &none }).collect();
        rank_documents(similarity, Side { row: query.view(), in_text: &none }, &sides).unwrap()
    }

    #[test]
    fn terms_come_by_product_and_their_shares_add_up() {
        let pairs = rank(SimilarityFunction::Dot, &[2.0, 1.0, 0.0, 1.0], &[&[0.5, 4.0, 9.0, 0.0]]);
        let terms: Vec<_> = pairs[0].terms.iter().map(|t| (t.index, t.product, t.share)).collect();
        assert_eq!(terms, [(1, 4.0, 0.8), (0, 1.0, 0.2)]);
        assert_eq!(pairs[0].score, 5.0);
    }

    #[test]
    fn equal_scores_keep_the_order_of_the_documents() {
        let pairs =
            rank(SimilarityFunction::Dot, &[1.0, 1.0], &[&[0.0, 1.0], &[3.0, 0.0], &[1.0, 0.0]]);
        assert_eq!(pairs.iter().map(|p| p.document).collect::<Vec<_>>(), [1, 0, 2]);
    }

    #[test]
    fn negative_products_have_negative_shares() {
        let pairs = rank(SimilarityFunction::Dot, &[1.0, -1.0], &[&[1.0, 3.0]]);
        let shares: Vec<f64> = pairs[0].terms.iter().map(|term| term.share).collect();
        assert_eq!((pairs[0].score, shares), (-2.0, vec![-0.75, 0.25]));
    }

    #[test]
    fn no_shared_term_is_a_score_of_zero() {
        for similarity in [SimilarityFunction::Dot, SimilarityFunction::Cosine] {
            let pairs = rank(similarity, &[1.0, 0.0], &[&[0.0, 3.0], &[0.0, 0.0]]);
            assert!(pairs.iter().all(|pair| pair.score == 0.0 && pair.terms.is_empty()));
        }
    }

    #[test]
    fn a_distance_has_no_shares() {
        let row = SparseRow::from_dense(&[1.0]).unwrap();
        let none = HashSet::new();
        let side = Side { row: row.view(), in_text: &none };
        let error = rank_documents(SimilarityFunction::Manhattan, side, &[side]).unwrap_err();
        assert!(error.to_string().contains("manhattan"));
    }

    proptest! {
        #[test]
        fn scores_are_those_of_the_similarity(
            query in proptest::collection::vec(-4_i8..4, 6),
            document in proptest::collection::vec(-4_i8..4, 6),
        ) {
            let dense = |row: &[i8]| row.iter().map(|&v| f32::from(v) / 3.0).collect::<Vec<_>>();
            let (query, document) = (dense(&query), dense(&document));
            let matrix = |row: &[f32]| SparseMatrix::from_rows(6, &[SparseRow::from_dense(row).unwrap()]).unwrap();
            for similarity in [SimilarityFunction::Dot, SimilarityFunction::Cosine] {
                let expected =
                    similarity.similarity_pairwise(&matrix(&query), &matrix(&document))[0];
                let found = rank(similarity, &query, &[&document])[0].score as f32;
                prop_assert!((found - expected).abs() <= 1e-6, "{} {}", found, expected);
            }
        }
    }
}
