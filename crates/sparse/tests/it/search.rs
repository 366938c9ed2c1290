//! Search equals brute force, including ties and negative weights.

use std::num::NonZeroUsize;

use proptest::prelude::*;
use splade_sparse::{Hit, Postings, SearchIndex, SparseMatrix};

use crate::reference;
use crate::strategies::two_matrices;

fn k(k: usize) -> NonZeroUsize {
    NonZeroUsize::new(k).expect("k is not zero")
}

fn doc_idxs(hits: &[Hit]) -> Vec<usize> {
    hits.iter().map(|hit| hit.doc_idx).collect()
}

/// Documents in several blocks of accumulators, with few distinct weights, so that there are many
/// ties.
fn many_docs(n_docs: usize) -> SparseMatrix {
    let mut state = 1_u64;
    let mut next = move |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut triplets = Vec::new();
    for doc_idx in 0..n_docs {
        for term in 0..30 {
            // Term 29 is only in one document of the last block.
            if term < 29 && next(10) == 0 {
                let weight = [-1.0, 0.5, 1.0, 2.0][next(4) as usize];
                triplets.push((doc_idx, term, weight));
            }
        }
    }
    triplets.push((n_docs - 1, 29, 1.0));
    SparseMatrix::from_triplets(n_docs, 30, triplets).expect("the triplets are valid")
}

#[test]
fn search_over_many_blocks_equals_brute_force() {
    let docs = many_docs(20_011);
    let index = SearchIndex::new(&docs);
    // A few queries share their documents among threads; many do not.
    let few = docs.select_rows(&[20_010, 3]);
    let many = docs.select_rows(&(0..30).map(|i| i * 600).collect::<Vec<_>>());
    for queries in [few, many] {
        for n_hits in [1, 10, 3_000, usize::MAX] {
            let found = index.search(&queries, k(n_hits));
            for (hits, query) in found.iter().zip(queries.rows()) {
                assert!(*hits == reference::search(query, &docs, n_hits), "k = {n_hits}");
            }
        }
    }
}

#[test]
fn the_number_of_threads_does_not_change_the_hits() {
    let docs = many_docs(20_011);
    let index = SearchIndex::new(&docs);
    let queries = docs.select_rows(&[1, 2, 20_010]);
    let expected = index.search(&queries, k(100));
    for n_threads in [1, 2, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        assert_eq!(pool.install(|| index.search(&queries, k(100))), expected);
    }
}

#[test]
fn equal_scores_come_in_the_order_of_the_documents() {
    let docs =
        SparseMatrix::from_triplets(4, 1, [(0, 0, 1.0), (1, 0, 2.0), (2, 0, 1.0), (3, 0, 2.0)]);
    let docs = docs.unwrap();
    let index = SearchIndex::new(&docs);
    let query = docs.select_rows(&[0]);
    assert_eq!(doc_idxs(&index.search(&query, k(9))[0]), [1, 3, 0, 2]);
    assert_eq!(doc_idxs(&index.search(&query, k(3))[0]), [1, 3, 0]);
    assert_eq!(doc_idxs(&index.search(&query, k(1))[0]), [1]);
}

#[test]
fn a_document_is_a_hit_if_it_shares_a_term_whatever_its_score() {
    // Document 0 shares nothing, document 1 cancels to zero, document 2 is negative.
    let docs = [(0, 2, 5.0), (1, 0, 1.0), (1, 1, -1.0), (2, 1, -3.0)];
    let docs = SparseMatrix::from_triplets(3, 3, docs).unwrap();
    let query = SparseMatrix::from_triplets(1, 3, [(0, 0, 1.0), (0, 1, 1.0)]).unwrap();
    let hits = &SearchIndex::new(&docs).search(&query, k(10))[0];
    let expected = [Hit { doc_idx: 1, score: 0.0 }, Hit { doc_idx: 2, score: -3.0 }];
    assert_eq!(hits[..], expected);
}

#[test]
fn a_score_that_vanishes_in_f32_ties_with_zero_and_is_still_a_hit() {
    let tiny = f32::from_bits(1);
    let docs = [(0, 0, -tiny), (1, 0, tiny)];
    let docs = SparseMatrix::from_triplets(2, 1, docs).unwrap();
    let query = SparseMatrix::from_triplets(1, 1, [(0, 0, tiny)]).unwrap();
    assert_eq!(doc_idxs(&SearchIndex::new(&docs).search(&query, k(2))[0]), [0, 1]);
}

#[test]
fn no_documents_no_queries_and_no_terms_give_no_hits() {
    let none = SparseMatrix::builder(3).finish();
    let one = SparseMatrix::from_triplets(1, 3, [(0, 1, 1.0)]).unwrap();
    let empty = SparseMatrix::from_triplets(1, 3, []).unwrap();
    assert_eq!(SearchIndex::new(&none).search(&one, k(5)), [vec![]]);
    assert!(SearchIndex::new(&one).search(&none, k(5)).is_empty());
    assert_eq!(SearchIndex::new(&one).search(&empty, k(5)), [vec![]]);
}

#[test]
fn postings_are_the_transposed_matrix() {
    let docs = SparseMatrix::from_triplets(3, 2, [(0, 1, 1.0), (2, 1, 3.0), (2, 0, 2.0)]).unwrap();
    let postings = Postings::new(&docs);
    assert_eq!(postings.term(0), (&[2][..], &[2.0][..]));
    assert_eq!(postings.term(1), (&[0, 2][..], &[1.0, 3.0][..]));
    assert_eq!((postings.n_docs(), postings.dimension()), (3, 2));
    assert_eq!(postings.memory_bytes(), 3 * size_of::<usize>() + 3 * 8);
}

#[test]
#[should_panic(expected = "dimension of the documents")]
fn queries_of_another_dimension_panic() {
    let docs = SparseMatrix::builder(3).finish();
    let _ = SearchIndex::new(&docs).search(&SparseMatrix::builder(4).finish(), k(1));
}

proptest! {
    #[test]
    fn search_equals_brute_force((queries, docs) in two_matrices(), n_hits in 1..15_usize) {
        let found = SearchIndex::new(&docs).search(&queries, k(n_hits));
        prop_assert_eq!(found.len(), queries.n_rows());
        for (hits, query) in found.iter().zip(queries.rows()) {
            prop_assert_eq!(hits, &reference::search(query, &docs, n_hits));
            for hit in hits {
                prop_assert_eq!(hit.score, query.dot(docs.row(hit.doc_idx)));
            }
        }
    }
}
