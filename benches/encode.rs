//! Texts per second through the whole pipeline, with the model of the repository.
//!
//!     cargo bench -p splade --bench encode [--features flex]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use splade::{Device, SparseEncoder};

const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");

/// A text of `words` words that are not all the same.
fn text(i: usize, words: usize) -> String {
    let list = ["river", "stone", "market", "winter", "garden", "engine", "silver", "letter"];
    (0..words).map(|j| list[(i * 31 + j * j) % list.len()]).collect::<Vec<_>>().join(" ")
}

fn encode(criterion: &mut Criterion) {
    for device in [Device::NdArray, Device::Flex] {
        let Ok(encoder) = SparseEncoder::builder().device(device.clone()).load(TINY) else {
            eprintln!("skipped: {device} is not compiled in");
            continue;
        };
        let mut group = criterion.benchmark_group(format!("encode/{device}"));
        group.sample_size(10);
        for (name, n_texts, words) in [("query", 1, 5), ("passages", 64, 73), ("long", 8, 510)] {
            let texts: Vec<String> = (0..n_texts).map(|i| text(i, words)).collect();
            // A benchmark of wrong results is worthless.
            let rows = encoder.encode(&texts).expect("the model of the repository is whole");
            assert!(rows.rows().all(|row| row.nnz() > 0));
            group.throughput(Throughput::Elements(n_texts as u64));
            group.bench_function(name, |bencher| bencher.iter(|| encoder.encode(&texts)));
        }
    }
}

criterion_group!(benches, encode);
criterion_main!(benches);
