//! Searching an in-memory index, compared with the product of the matrices, as one would write it
//! with sprs.
//!
//!     cargo bench -p splade-sparse --bench search

use std::num::NonZeroUsize;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use splade_sparse::{SearchIndex, SparseMatrix};
use sprs::CsMatI;

const DIMENSION: usize = 30522;
const K: usize = 10;

/// Rows like those of SPLADE models: `nnz` weights each; lower vocabulary entries are more
/// frequent.
fn random(n_rows: usize, nnz: usize, seed: u64) -> SparseMatrix {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    let mut triplets = Vec::with_capacity(n_rows * nnz);
    for row in 0..n_rows {
        let mut entries: Vec<u32> =
            (0..nnz).map(|_| (next().powi(3) * DIMENSION as f32) as u32).collect();
        entries.sort_unstable();
        entries.dedup();
        triplets.extend(entries.into_iter().map(|entry| (row, entry, 0.1 + 2.0 * next())));
    }
    SparseMatrix::from_triplets(n_rows, DIMENSION, triplets).expect("valid entries")
}

/// The best documents of each query from the product with sprs; `documents` is transposed once,
/// before the timing.
fn brute_force(
    queries: &SparseMatrix,
    documents: &CsMatI<f32, u32, usize>,
) -> Vec<Vec<(usize, f32)>> {
    let products = queries.as_sprs() * documents;
    let rows = products.outer_iterator();
    rows.map(|row| {
        let mut scores: Vec<(usize, f32)> =
            row.iter().map(|(document, &score)| (document, score)).collect();
        scores.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        scores.truncate(K);
        scores
    })
    .collect()
}

fn search(criterion: &mut Criterion) {
    let documents = random(10_000, 130, 1);
    let transposed = documents.as_sprs().transpose_view().to_csr();
    let k = NonZeroUsize::new(K).expect("not 0");
    for n_queries in [1, 64] {
        let queries = random(n_queries, 25, 2);
        let index = SearchIndex::new(&documents);
        // A benchmark of wrong results is worthless.
        let (found, expected) = (index.search(&queries, k), brute_force(&queries, &transposed));
        for (hits, expected) in found.iter().zip(&expected) {
            for (hit, (_, score)) in hits.iter().zip(expected) {
                assert!((hit.score - score).abs() <= 1e-4 * score, "{hit:?}, {score}");
            }
        }
        let mut group =
            criterion.benchmark_group(format!("search 10,000 documents, {n_queries} queries"));
        group.sample_size(20);
        group.throughput(Throughput::Elements(n_queries as u64));
        group.bench_function("index", |bencher| bencher.iter(|| index.search(&queries, k)));
        group.bench_function("sprs", |bencher| bencher.iter(|| brute_force(&queries, &transposed)));
    }
}

criterion_group!(benches, search);
criterion_main!(benches);
