//! Kills at every step, resumes and compares: a child process of the test dies at each point that
//! [`crash_point`](crate::output::crash_point) marks, without any cleanup.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the way to fail")]

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use splade_sparse::SparseRow;

use super::*;
use crate::VectorFormat;

/// The variables that pass the folder and the format to the child.
const FOLDER: &str = "SPLADE_CORPUS_TEST_FOLDER";
const FORMAT: &str = "SPLADE_CORPUS_TEST_FORMAT";

const N_ROWS: u64 = 8;

fn options(format: &str) -> PartsOptions {
    let (format, compression) = match format.split_once('.') {
        Some((format, _)) => (format, Compression::Zstd),
        None => (format, Compression::None),
    };
    let vectors = VectorOptions::new(format.parse().unwrap(), 100);
    PartsOptions::new(vectors)
        .with_rows_per_part(NonZeroU64::new(3).unwrap())
        .with_compression(compression)
        .with_settings(json!({"model": "tiny"}))
}

fn row(number: u64) -> (String, SparseRow) {
    let indices: Vec<u32> = (0..number as u32 % 5).map(|i| i * 7 + number as u32).collect();
    let values = indices.iter().map(|&index| index as f32 / 3.0 + 0.1).collect();
    (format!("d{number}"), SparseRow::from_parts(100, indices, values).unwrap())
}

/// Writes the remaining rows; returns whether there were any.
fn work(folder: &Path, format: &str) -> bool {
    let mut writer = match PartsWriter::resume(folder, options(format)).unwrap() {
        Resumed::Unfinished(writer) => writer,
        Resumed::Complete(manifest) => {
            assert_eq!((manifest.rows, manifest.totals["tokens"]), (N_ROWS, 36));
            return false;
        }
    };
    for number in writer.n_rows()..N_ROWS {
        let (id, row) = row(number);
        let tokens = [("a".to_owned(), 1.0)];
        let tokens = options(format).vectors.format.needs_tokens().then_some(&tokens[..]);
        writer.write(&id, row.view(), tokens).unwrap();
        writer.add_total("tokens", number + 1);
    }
    writer.finish().unwrap();
    true
}

/// All files but the lock.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = names(folder).unwrap().into_iter();
    names.map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
}

/// Not a test of its own: runs in the child.
#[test]
fn child() {
    if let (Ok(folder), Ok(format)) = (std::env::var(FOLDER), std::env::var(FORMAT)) {
        work(Path::new(&folder), &format);
    }
}

/// Runs the work in a process that dies at the given point; returns false if it finished first.
fn dies(folder: &Path, format: &str, point: usize) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "parts::tests::child", "-q"])
        .env(FOLDER, folder)
        .env(FORMAT, format)
        .env(CRASH_AFTER, point.to_string())
        .output()
        .unwrap()
        .status;
    assert!(status.success() || status.code().is_none(), "{status}");
    !status.success()
}

fn killed_at_every_step(format: &str) {
    let whole = tempfile::tempdir().unwrap();
    assert!(work(whole.path(), format) && !work(whole.path(), format));
    let expected = content(whole.path());
    let mut n_points = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        if !dies(folder.path(), format, n_points) {
            break;
        }
        // Dies again a few steps later, to resume from the leftovers of a resumed run too.
        dies(folder.path(), format, 3);
        work(folder.path(), format);
        assert_eq!(content(folder.path()), expected, "killed at point {n_points}");
        Manifest::load(folder.path()).unwrap().verify(folder.path()).unwrap();
        n_points += 1;
    }
    // 4 for each of 4 manifests, 3 for each of 3 parts, one for each row.
    assert_eq!(n_points, 4 * 4 + 3 * 3 + 8);
}

#[test]
fn json_lines_killed_at_every_step_are_the_same_when_resumed() {
    killed_at_every_step("jsonl");
}

#[test]
fn compressed_lines_killed_at_every_step_are_the_same_when_resumed() {
    killed_at_every_step("tokens.zst");
}

#[test]
#[cfg(feature = "parquet")]
fn parquet_killed_at_every_step_is_the_same_when_resumed() {
    killed_at_every_step("parquet");
}

#[test]
fn matrices_killed_at_every_step_are_the_same_when_resumed() {
    killed_at_every_step("npz");
}

#[test]
fn what_is_not_ours_is_never_removed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("part-00000.jsonl"), "precious").unwrap();
    let resumed = PartsWriter::resume(folder.path(), options("jsonl")).err();
    assert!(matches!(resumed, Some(CorpusError::Parts(PartsError::NoManifest { .. }))));
    assert!(folder.path().join("part-00000.jsonl").exists());

    let folder = tempfile::tempdir().unwrap();
    work(folder.path(), "jsonl");
    fs::write(folder.path().join("part-00007.jsonl"), "precious").unwrap();
    fs::write(folder.path().join("notes.txt"), "precious").unwrap();
    assert!(!work(folder.path(), "jsonl"));
    assert!(folder.path().join("part-00007.jsonl").exists());
    assert!(folder.path().join("notes.txt").exists());
}

#[test]
fn a_part_behind_the_manifest_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    work(folder.path(), "jsonl");
    let expected = content(folder.path());
    // The state after a kill between the rename of the second part and the manifest.
    let mut manifest = Manifest::load(folder.path()).unwrap();
    let second = manifest.parts[1].file.clone();
    (manifest.complete, manifest.rows) = (false, 3);
    manifest.parts.truncate(1);
    manifest.totals = manifest.parts[0].totals.clone();
    manifest.save(folder.path()).unwrap();
    fs::remove_file(folder.path().join("part-00002.jsonl")).unwrap();
    fs::write(folder.path().join(second), "half a p").unwrap();
    assert!(work(folder.path(), "jsonl"));
    assert_eq!(content(folder.path()), expected);
}

#[test]
fn the_format_of_the_example_is_known() {
    assert_eq!(options("tokens.zst").manifest().next_name(), "part-00000.jsonl.zst");
    assert_eq!(options("npz").vectors.format, VectorFormat::Npz);
}
