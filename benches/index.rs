//! The index on disk, on real or synthetic vectors: size, build time, queries per second,
//! exactness.
//!
//! ```text
//! cargo bench -p splade-index --bench index -- [DOCS.jsonl QUERIES.jsonl [K]]
//! ```
//!
//! Files hold one JSON object per line: `{"id", "indices", "values"}`. Without them, as in
//! `cargo bench` alone, 100,000 documents of synthetic Zipfian terms are used. Every answer is
//! compared with brute force (`splade_sparse::SearchIndex`), exactly for f32 weights.
//! Single-threaded runs are timed by the clock and, if the system reports it, by CPU time, which is
//! the one to trust on a busy machine. benches/index_rivals.py measures others on the same files.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::num::NonZeroUsize;
use std::time::Instant;

use serde::Deserialize;
use splade_index::{Index, IndexBuilder, IndexOptions, WeightFormat};
use splade_sparse::{Hit, SearchIndex, SparseMatrix, SparseRow};

const DIMENSION: usize = 30_522;

#[derive(Deserialize)]
struct Line {
    id: String,
    indices: Vec<u32>,
    values: Vec<f32>,
}

struct Vectors {
    ids: Vec<String>,
    rows: SparseMatrix,
}

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let (docs, queries) = match &*arguments {
        [docs, queries, ..] => (read(docs), read(queries)),
        _ => (made_up(100_000, 110, 1), made_up(200, 40, 2)),
    };
    let k = arguments.get(2).map_or(10, |k| k.parse().expect("K is a number"));
    let k = NonZeroUsize::new(k).expect("K is at least 1");
    println!(
        "{} documents, {:.1} weights each; {} queries, {:.1} weights each; k = {k}",
        docs.rows.n_rows(),
        docs.rows.nnz() as f64 / docs.rows.n_rows() as f64,
        queries.rows.n_rows(),
        queries.rows.nnz() as f64 / queries.rows.n_rows() as f64,
    );

    let start = Instant::now();
    let brute = SearchIndex::new(&docs.rows);
    let built = start.elapsed().as_secs_f64();
    let (expected, clock, cpu) = one_thread(|| brute.search(&queries.rows, k));
    let n_queries = queries.rows.n_rows() as f64;
    println!(
        "brute force in memory: {:.1} MB, built in {built:.2} s; one thread: {:.0} q/s, {:.0} us/q \
         of processor time",
        brute.postings().memory_bytes() as f64 / 1e6,
        n_queries / clock,
        cpu / n_queries * 1e6,
    );
    for format in [WeightFormat::F32, WeightFormat::F16, WeightFormat::U8] {
        measure(format, &docs, &queries, k, &expected);
    }
}

fn measure(
    format: WeightFormat,
    docs: &Vectors,
    queries: &Vectors,
    k: NonZeroUsize,
    expected: &[Vec<Hit>],
) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("index");
    let start = Instant::now();
    let options = IndexOptions::default().with_weight_format(format);
    let mut builder = IndexBuilder::create(&path, DIMENSION, options).expect("a new index");
    for (id, row) in docs.ids.iter().zip(docs.rows.rows()) {
        builder.push(id, row).expect("a row that fits");
    }
    let summary = builder.finish().expect("unique ids");
    let built = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let index = Index::open(&path).expect("an index");
    let opened = start.elapsed().as_secs_f64();
    let start = Instant::now();
    index.verify().expect("an intact index");
    let verified = start.elapsed().as_secs_f64();

    let rows: Vec<_> = queries.rows.rows().collect();
    let search = || -> Vec<Vec<Hit>> {
        rows.iter().map(|&row| index.search(row, k).expect("an intact index")).collect()
    };
    let (found, clock, cpu) = one_thread(search);
    let start = Instant::now();
    let parallel = index.search_many(&queries.rows, k).expect("an intact index");
    let all = start.elapsed().as_secs_f64();
    assert_eq!(found, parallel);
    if format == WeightFormat::F32 {
        assert_eq!(found, expected, "the index must answer what brute force does");
    } else {
        for (&row, hits) in rows.iter().zip(&found).step_by(50) {
            assert_eq!(*hits, index.search_exhaustive(row, k).expect("an intact index"));
        }
    }
    let n = rows.len() as f64;
    println!(
        "{format}: {:.1} MB, built in {built:.2} s, opened in {:.0} us, verified in {verified:.2} s; \
         one thread: {:.0} q/s, {:.0} us/q of processor time; {} threads: {:.0} q/s; recall of f32 {:.4}",
        summary.file_bytes as f64 / 1e6,
        opened * 1e6,
        n / clock,
        cpu / n * 1e6,
        rayon::current_num_threads(),
        n / all,
        recall(&found, expected),
    );
}

/// Share of the hits of `expected` that are in `found`.
fn recall(found: &[Vec<Hit>], expected: &[Vec<Hit>]) -> f64 {
    let total: usize = expected.iter().map(Vec::len).sum();
    let shared: usize = found
        .iter()
        .zip(expected)
        .map(|(found, expected)| {
            expected.iter().filter(|hit| found.iter().any(|f| f.doc_idx == hit.doc_idx)).count()
        })
        .sum();
    shared as f64 / total.max(1) as f64
}

/// Runs `work` four times on one thread. Returns its result and the least of the last three times
/// in seconds: by the clock, and of CPU time.
fn one_thread<T: Send>(work: impl Fn() -> T + Sync) -> (T, f64, f64) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    pool.install(|| {
        let result = work();
        let (mut clock, mut cpu) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..3 {
            let (start, cpu_start) = (Instant::now(), thread_seconds());
            black_box(work());
            clock = clock.min(start.elapsed().as_secs_f64());
            cpu = cpu.min(thread_seconds() - cpu_start);
        }
        (result, clock, cpu)
    })
}

/// CPU seconds of this thread, or NaN if the system does not report them (only Linux does).
fn thread_seconds() -> f64 {
    // The CPU time of a thread is updated when it is switched out.
    std::thread::yield_now();
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace()
        .next()
        .and_then(|ns| ns.parse().ok())
        .map_or(f64::NAN, |ns: f64| ns / 1e9)
}

fn read(path: &str) -> Vectors {
    let file = BufReader::new(File::open(path).unwrap_or_else(|error| panic!("{path}: {error}")));
    let mut ids = Vec::new();
    let mut rows = SparseMatrix::builder(DIMENSION);
    for (number, line) in (1..).zip(file.lines()) {
        let line = line.unwrap_or_else(|error| panic!("{path}:{number}: {error}"));
        let line: Line =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{path}:{number}: {error}"));
        let row = SparseRow::from_parts(DIMENSION, line.indices, line.values)
            .unwrap_or_else(|error| panic!("{path}:{number}: {error}"));
        rows.push_row(row.view()).expect("rows of one dimension");
        ids.push(line.id);
    }
    Vectors { ids, rows: rows.finish() }
}

/// Rows of `nnz` terms by Zipf's law; neighbouring rows share half of them.
fn made_up(n_rows: usize, nnz: usize, seed: u64) -> Vectors {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut uniform = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let mut terms: Vec<u32> = Vec::new();
    let mut rows = SparseMatrix::builder(DIMENSION);
    for _ in 0..n_rows {
        terms.retain(|_| uniform() < 0.5);
        while terms.len() < nnz {
            let term = ((DIMENSION as f64).powf(uniform()) - 1.0) as u32;
            // Scattered, so that neighbours in the vocabulary are not equally frequent.
            let term = (u64::from(term) * 7919 % DIMENSION as u64) as u32;
            if !terms.contains(&term) {
                terms.push(term);
            }
        }
        let mut indices = terms.clone();
        indices.sort_unstable();
        let values = indices.iter().map(|_| (uniform() * 2.5 + 1e-3) as f32).collect();
        let row = SparseRow::from_parts(DIMENSION, indices, values).expect("a valid row");
        rows.push_row(row.view()).expect("rows of one dimension");
    }
    Vectors { ids: (0..n_rows).map(|row| format!("d{row}")).collect(), rows: rows.finish() }
}
