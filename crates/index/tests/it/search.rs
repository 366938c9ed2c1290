//! The pruned search equals brute force to the last bit.

use proptest::prelude::*;
use splade_index::{IndexError, IndexOptions, WeightFormat};
use splade_sparse::{Hit, SearchIndex, SparseMatrix, SparseRow};

use crate::common::{build, docs_and_queries, k, zipf};

/// Bits, so that comparing floats is exact.
fn bits(hits: &[Hit]) -> Vec<(usize, u32)> {
    hits.iter().map(|hit| (hit.doc_idx, hit.score.to_bits())).collect()
}

fn check_against_brute_force(docs: &SparseMatrix, queries: &SparseMatrix, n_hits: &[usize]) {
    let built = build(docs, IndexOptions::default());
    built.index.verify().expect("an intact index");
    let brute = SearchIndex::new(docs);
    for &n in n_hits {
        let expected = brute.search(queries, k(n));
        let many = built.index.search_many(queries, k(n)).expect("an intact index");
        assert_eq!(many.len(), expected.len());
        for (row, expected) in expected.iter().enumerate() {
            let found = built.index.search(queries.row(row), k(n)).expect("an intact index");
            assert!(bits(&found) == bits(expected), "query {row}, k = {n}");
            assert!(bits(&many[row]) == bits(expected), "query {row} of many, k = {n}");
            // The oracle is slow.
            if docs.n_rows() < 1000 || row == 0 {
                let twin =
                    built.index.search_exhaustive(queries.row(row), k(n)).expect("an intact index");
                assert!(bits(&twin) == bits(expected), "query {row} without pruning, k = {n}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn search_equals_brute_force((docs, queries) in docs_and_queries(), n_hits in 1..20_usize) {
        check_against_brute_force(&docs, &queries, &[n_hits, 1000]);
    }

    #[test]
    fn lossy_formats_are_exact_for_what_they_store((docs, queries) in docs_and_queries()) {
        for format in [WeightFormat::F16, WeightFormat::U8] {
            let mut rows = SparseMatrix::builder(docs.dimension());
            for doc in docs.rows() {
                let weights = doc.values().iter().map(|weight| weight.abs()).collect();
                let row = SparseRow::from_parts(docs.dimension(), doc.indices().to_vec(), weights);
                rows.push_row(row.unwrap().view()).unwrap();
            }
            let built = build(&rows.finish(), IndexOptions::default().with_weight_format(format));
            built.index.verify().unwrap();
            for query in queries.rows() {
                let found = built.index.search(query, k(5)).unwrap();
                let expected = built.index.search_exhaustive(query, k(5)).unwrap();
                prop_assert_eq!(bits(&found), bits(&expected));
            }
        }
    }
}

#[test]
fn search_over_many_blocks_equals_brute_force() {
    let docs = zipf(3000, 20_011, 30, 1);
    let queries = zipf(3000, 20, 20, 2);
    check_against_brute_force(&docs, &queries, &[1, 10, 3000, usize::MAX]);
}

#[test]
fn search_over_more_blocks_than_a_list_numbers_at_once_equals_brute_force() {
    // 65,536 blocks and some.
    let docs = zipf(500, 270_001, 3, 3);
    let queries = zipf(500, 5, 6, 4);
    check_against_brute_force(&docs, &queries, &[10]);
}

#[test]
fn a_query_of_more_terms_than_bounds_hold_equals_brute_force() {
    let docs = zipf(30_000, 900, 60, 8);
    let terms: Vec<u32> = (0..30_000).collect();
    let weights = terms.iter().map(|term| 1.0 + (term % 7) as f32).collect();
    let query = SparseRow::from_parts(30_000, terms, weights).unwrap();
    let queries = SparseMatrix::from_rows(30_000, &[query]).unwrap();
    let n_terms = build(&docs, IndexOptions::default()).index.n_terms();
    assert!(n_terms > 5000, "{n_terms}");
    check_against_brute_force(&docs, &queries, &[10]);
}

#[test]
fn a_large_vocabulary_is_searched_like_a_small_one() {
    let dimension = 300_000;
    let mut triplets = Vec::new();
    for doc in 0..500_usize {
        for i in 0..5 {
            let term = ((doc * 7 + i) % 11) as u32 + 65_536 * ((doc + i) % 4) as u32;
            triplets.push((doc, term, 1.0 + ((doc * i) % 13) as f32));
        }
    }
    let docs = SparseMatrix::from_triplets(500, dimension, triplets).unwrap();
    let queries = docs.select_rows(&[0, 13, 77, 499]);
    check_against_brute_force(&docs, &queries, &[3, 1000]);
}

#[test]
fn weights_at_the_ends_of_f32_are_exact() {
    let tiny = f32::from_bits(1);
    let weights = [f32::MAX, 1.0, tiny, -f32::MAX, -tiny, 3e-39, f32::MIN_POSITIVE, 1e20];
    let mut triplets = Vec::new();
    for doc in 0..200_usize {
        for term in 0..6_u32 {
            if !(doc + term as usize).is_multiple_of(3) {
                let weight = weights[(doc * 5 + term as usize * 3) % weights.len()];
                triplets.push((doc, term, weight));
            }
        }
    }
    let docs = SparseMatrix::from_triplets(200, 6, triplets).unwrap();
    let queries = docs.select_rows(&(0..40).collect::<Vec<_>>());
    check_against_brute_force(&docs, &queries, &[1, 7, 500]);
}

#[test]
fn documents_of_equal_score_come_in_their_own_order() {
    let docs = SparseMatrix::from_triplets(300, 2, (0..300).map(|doc| (doc, 0, 1.0))).unwrap();
    let queries = docs.select_rows(&[0]);
    check_against_brute_force(&docs, &queries, &[1, 5, 299]);
}

#[test]
fn nothing_is_found_where_there_is_nothing() {
    let empty = SparseMatrix::builder(7).finish();
    let built = build(&empty, IndexOptions::default());
    built.index.verify().unwrap();
    let query = SparseRow::from_parts(7, vec![2], vec![1.0]).unwrap();
    assert_eq!(built.index.search(query.view(), k(3)).unwrap(), []);
    assert_eq!((built.index.n_docs(), built.index.nnz(), built.index.n_terms()), (0, 0, 0));

    let mut rows = SparseMatrix::builder(7);
    rows.push_dense(&[0.0; 7]).unwrap();
    rows.push_dense(&[0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
    let built = build(&rows.finish(), IndexOptions::default());
    assert_eq!(built.index.search(query.view(), k(3)).unwrap(), []);
    let nothing = SparseRow::from_parts(7, vec![], vec![]).unwrap();
    assert_eq!(built.index.search(nothing.view(), k(3)).unwrap(), []);
}

#[test]
fn an_explanation_lists_the_parts_of_the_score() {
    let docs = zipf(200, 300, 25, 5);
    let built = build(&docs, IndexOptions::default());
    let queries = zipf(200, 10, 25, 6);
    for query in queries.rows() {
        for hit in built.index.search(query, k(5)).unwrap() {
            let shared = built.index.explain(query, hit.doc_idx).unwrap();
            assert!(shared.windows(2).all(|pair| pair[0].product >= pair[1].product));
            let sum: f64 = shared.iter().map(|term| term.product).sum();
            assert!((sum - f64::from(hit.score)).abs() < 1e-5);
            let doc = docs.row(hit.doc_idx);
            let n_shared = query.iter().filter(|(t, _)| doc.indices().contains(t)).count();
            assert_eq!(shared.len(), n_shared);
            for term in shared {
                let at = doc.indices().binary_search(&term.term).unwrap();
                assert_eq!(doc.values()[at], term.document_weight);
            }
        }
    }
}

#[test]
fn a_query_of_another_dimension_is_refused() {
    let built = build(&zipf(20, 5, 3, 7), IndexOptions::default());
    let query = SparseRow::from_parts(21, vec![2], vec![1.0]).unwrap();
    let error = built.index.search(query.view(), k(1)).unwrap_err();
    assert!(matches!(error, IndexError::QueryDimension { found: 21, expected: 20, .. }));
    assert!(built.index.explain(query.view(), 0).is_err());
}
