//! A disk that stands still: an executor waits with a few windows of its unit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::cluster::{Cluster, Deaths};
use crate::corpus::{Case, Truth};

/// The unit of `test_ray_parts.py`, which says why it has this size.
const ROWS: usize = 3_200;
const TEXT_BYTES: usize = 1 << 16;
const SECONDS: u64 = 10;
/// How many bytes of the corpus an executor may have read meanwhile: ten windows.
const MAX_READ: u64 = 40 << 20;
/// By how many bytes it may grow meanwhile. Its allocator may have had memory to spare.
const MAX_GROWTH: u64 = 64 << 20;

#[test]
fn a_disk_that_stands_still_does_not_fill_the_memory_of_an_executor() {
    let folder = tempfile::tempdir().unwrap();
    let model = make_wide(folder.path());
    let lines: Vec<String> = (0..ROWS).map(line).collect();
    let truth = Truth::of(&Case::of(&lines, ROWS), &model);
    // What an executor would hold of the unit: texts, and eight bytes a weight.
    assert!((ROWS * TEXT_BYTES) as u64 + 8 * truth.n_weights() > 4 * MAX_GROWTH);
    let case = Case::of(&lines, ROWS);
    assert!(fs::metadata(case.input()).unwrap().len() > 4 * MAX_READ);
    let report = folder.path().join("report.txt");
    let mut cluster = Cluster::start(0, Deaths::Late);
    cluster.add(&[
        &format!("export SLOW_WRITES_FOLDER='{}'", case.output().display()),
        &format!("export SLOW_WRITES_SECONDS={SECONDS}"),
        &format!("export SLOW_WRITES_REPORT='{}'", report.display()),
        &format!("export LD_PRELOAD='{}'", library(folder.path()).display()),
    ]);
    let mut submitted = cluster.submit_model(&model, &case.output(), &[]);
    let (mut samples, mut reads) = (Vec::new(), Vec::new());
    while submitted.is_running() {
        let n_lines = fs::read_to_string(&report).map_or(0, |report| report.lines().count());
        if n_lines > 0 {
            samples.push(cluster.executors[0].resident());
        }
        if n_lines == 1 {
            reads.push(cluster.executors[0].bytes_read(&case.input()));
        }
        sleep(Duration::from_millis(50));
    }
    submitted.succeeds(&cluster);
    case.check_with(&truth, &cluster);

    // One process stood still, once, and was looked at all the while.
    let report = fs::read_to_string(&report).unwrap();
    let [begun, ended] = <[&str; 2]>::try_from(report.lines().collect::<Vec<_>>()).unwrap();
    let field = |line: &str, n: usize| line.split(' ').nth(n).unwrap().parse::<u64>().unwrap();
    assert_eq!(field(begun, 0), field(ended, 0));
    assert!(field(ended, 1) - field(begun, 1) >= 1000 * SECONDS, "{report}");
    assert!(reads.len() > 20);
    let [before, at_end] = [begun, ended].map(|line| field(line, 3) * page_size());
    let growth = samples.into_iter().max().unwrap().max(at_end).saturating_sub(before);
    let read = reads.into_iter().max().unwrap();
    println!("{} MiB before, {} more, {} read", before >> 20, growth >> 20, read >> 20);
    assert!(read <= MAX_READ, "{read} bytes read");
    assert!(growth < MAX_GROWTH, "{growth} bytes beyond {before}");
}

fn line(row: usize) -> String {
    // A control character, which the tokenizer drops: it is held, and costs little.
    let text = format!("The river {} runs through town {row}. ", row % 7);
    let text = format!("{text}{}", "\x7f".repeat(TEXT_BYTES - text.len()));
    format!("{}\n", serde_json::json!({ "id": format!("d{row}"), "text": text }))
}

/// A copy of the model that gives each vector thousands of weights: its bias is raised.
fn make_wide(folder: &Path) -> String {
    let model = folder.join("wide");
    let copied = Command::new("cp").args(["-r", crate::TINY]).arg(&model).status();
    assert!(copied.unwrap().success());
    let path = model.join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let (n_header, rest) = bytes.split_first_chunk_mut::<8>().unwrap();
    let (header, tensors) = rest.split_at_mut(u64::from_le_bytes(*n_header) as usize);
    let header: Value = serde_json::from_slice(header).unwrap();
    let offsets = &header["cls.predictions.bias"]["data_offsets"];
    let offset = |n: usize| offsets[n].as_u64().unwrap() as usize;
    for bias in tensors[offset(0)..offset(1)].as_chunks_mut::<4>().0 {
        *bias = (f32::from_le_bytes(*bias) + 5.0).to_le_bytes();
    }
    fs::write(&path, bytes).unwrap();
    model.to_str().unwrap().to_owned()
}

/// The library that makes writes slow.
fn library(folder: &Path) -> PathBuf {
    let library = folder.join("slow_writes.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/slow_writes.c");
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(built.unwrap().success());
    library
}

/// The library reports memory in pages.
fn page_size() -> u64 {
    let output = Command::new("getconf").arg("PAGESIZE").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}
