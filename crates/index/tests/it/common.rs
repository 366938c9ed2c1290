//! Vectors and indexes for tests.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::*;
use splade_index::{Index, IndexBuilder, IndexOptions};
use splade_sparse::SparseMatrix;
use tempfile::TempDir;

pub(crate) fn k(k: usize) -> NonZeroUsize {
    NonZeroUsize::new(k).expect("k is not zero")
}

/// An index in its own temporary folder.
pub(crate) struct Built {
    pub(crate) index: Index,
    pub(crate) path: PathBuf,
    pub(crate) folder: TempDir,
}

/// Indexes `docs`; row `i` has the id `doc-i`.
pub(crate) fn build(docs: &SparseMatrix, options: IndexOptions) -> Built {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("docs.index");
    let mut builder = IndexBuilder::create(&path, docs.dimension(), options).expect("a new index");
    for (doc_idx, row) in docs.rows().enumerate() {
        builder.push(&format!("doc-{doc_idx}"), row).expect("a row that fits");
    }
    builder.finish().expect("unique ids");
    Built { index: Index::open(&path).expect("an intact index"), path, folder }
}

/// Mostly zeros; few distinct magnitudes, so that ties and exact cancellation happen.
fn weight() -> impl Strategy<Value = f32> {
    prop_oneof![
        6 => Just(0.0_f32),
        3 => prop::sample::select(vec![-2.0_f32, -1.0, -0.5, 0.5, 1.0, 2.0]),
        2 => 0.0_f32..3.0,
    ]
}

pub(crate) fn matrix_of(dimension: usize, n_rows: usize) -> impl Strategy<Value = SparseMatrix> {
    vec(vec(weight(), dimension), n_rows).prop_map(move |rows| {
        let mut builder = SparseMatrix::builder(dimension);
        for row in &rows {
            builder.push_dense(row).expect("weights are finite");
        }
        builder.finish()
    })
}

/// Documents and queries of one dimension.
pub(crate) fn docs_and_queries() -> impl Strategy<Value = (SparseMatrix, SparseMatrix)> {
    (0..40_usize, 0..70_usize, 0..8_usize)
        .prop_flat_map(|(dimension, n, m)| (matrix_of(dimension, n), matrix_of(dimension, m)))
}

/// A deterministic generator of numbers below a bound.
pub(crate) fn numbers(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

/// Rows of about `nnz` terms, low terms far more often; positive weights, mostly distinct.
pub(crate) fn zipf(dimension: usize, n_rows: usize, nnz: usize, seed: u64) -> SparseMatrix {
    let mut number = numbers(seed);
    let mut triplets = Vec::new();
    for row in 0..n_rows {
        let mut terms: Vec<usize> = (0..nnz)
            .map(|_| {
                let below = number(dimension) + 1;
                let below = number(below) + 1;
                number(below)
            })
            .collect();
        terms.sort_unstable();
        terms.dedup();
        for term in terms {
            triplets.push((row, term as u32, (number(1 << 20) + 1) as f32 / (1 << 19) as f32));
        }
    }
    SparseMatrix::from_triplets(n_rows, dimension, triplets).expect("the triplets are valid")
}
