//! A writer killed at random moments (SIGKILL) and resumed until it is done.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufReader, Read, Write};
use std::num::NonZeroU64;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use splade_corpus::{
    Compression, CorpusReader, Manifest, PartsOptions, PartsWriter, ReadOptions, Resumed,
    VectorFormat, VectorOptions,
};
use splade_sparse::SparseRow;

use crate::fixtures::names;

/// The environment variable that passes the folder to the child.
const FOLDER: &str = "SPLADE_CORPUS_TEST_KILLED_FOLDER";
const FORMAT: &str = "SPLADE_CORPUS_TEST_KILLED_FORMAT";

/// Printed by the child after each row.
const ROW_MARK: u8 = b'#';

const N_TEXTS: u64 = 300;
const N_KILLS: usize = 24;

/// Reads texts, makes rows and writes parts; `folder` has `in.jsonl` and `out`.
fn work(folder: &Path, format: VectorFormat, mut after_row: impl FnMut()) {
    let compression = match format {
        VectorFormat::JsonLines => Compression::Gzip,
        _ => Compression::None,
    };
    let options = PartsOptions::new(VectorOptions::new(format, 1000))
        .with_rows_per_part(NonZeroU64::new(7).unwrap())
        .with_compression(compression);
    let Resumed::Unfinished(mut writer) =
        PartsWriter::resume(&folder.join("out"), options).unwrap()
    else {
        return;
    };
    let paths = [folder.join("in.jsonl")];
    let mut reader = CorpusReader::open(&paths, ReadOptions::default()).unwrap();
    reader.skip_done(writer.manifest()).unwrap();
    for record in reader {
        let record = record.unwrap();
        let length = record.text.len() as u32;
        let indices: Vec<u32> = (0..length % 9).map(|i| i * 100 + length % 50).collect();
        let values = indices.iter().map(|&i| (i as f32 + 0.3).ln_1p()).collect();
        let row = SparseRow::from_parts(1000, indices, values).unwrap();
        writer.write(&record.id, row.view(), None).unwrap();
        writer.add_input(&record.span);
        writer.add_total("bytes", length.into());
        after_row();
    }
    writer.finish().unwrap();
}

/// Not a test of its own: runs in the child.
#[test]
fn child() {
    if let Ok(folder) = std::env::var(FOLDER) {
        let format = std::env::var(FORMAT).unwrap().parse().unwrap();
        work(Path::new(&folder), format, || {
            let mut stdout = std::io::stdout();
            stdout.write_all(&[ROW_MARK]).and_then(|()| stdout.flush()).unwrap();
            thread::sleep(Duration::from_micros(300));
        });
    }
}

fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = names(folder).into_iter();
    names.map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
}

fn input(folder: &Path) {
    let line = |i: u64| {
        format!("{{\"id\": \"d{i}\", \"text\": \"{}\"}}\n", "x".repeat(i as usize * 37 % 211))
    };
    fs::write(folder.join("in.jsonl"), (0..N_TEXTS).map(line).collect::<String>()).unwrap();
}

fn killed_at_random(format: VectorFormat) {
    let whole = tempfile::tempdir().unwrap();
    input(whole.path());
    work(whole.path(), format, || {});
    let expected = content(&whole.path().join("out"));
    assert_eq!(expected.len(), 43 + 2);

    let folder = tempfile::tempdir().unwrap();
    input(folder.path());
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    for _ in 0..N_KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "random_kills::child", "-q", "--nocapture"])
            .env(FOLDER, folder.path())
            .env(FORMAT, format.name())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Kill after a number of rows and a random delay: some kills hit a row, some the end of a
        // part.
        let n_rows = rng.next_u32() as usize % 22;
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut marks = stdout.bytes().filter(|byte| matches!(byte, Ok(ROW_MARK)));
        marks.by_ref().take(n_rows).for_each(drop);
        thread::sleep(Duration::from_micros(u64::from(rng.next_u32()) % 3_000));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        // Killed by a signal, or finished: a child that met a closed pipe would have failed
        // instead.
        assert!(status.code().is_none_or(|code| code == 0), "{status}");
        drop(marks);
    }
    let done = Manifest::load(&folder.path().join("out")).unwrap().rows;
    assert!(done > 0, "no kill came after a part");
    work(folder.path(), format, || {});
    assert_eq!(content(&folder.path().join("out")), expected);
}

#[test]
fn json_lines_survive_kills_at_random_moments() {
    killed_at_random(VectorFormat::JsonLines);
}

#[test]
#[cfg(feature = "parquet")]
fn parquet_survives_kills_at_random_moments() {
    killed_at_random(VectorFormat::Parquet);
}
