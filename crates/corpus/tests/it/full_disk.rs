//! A disk that fills up: the file is named, and nothing half-written is left.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use splade_corpus::{
    CorpusError, PartsOptions, PartsWriter, VectorFormat, VectorOptions, VectorWriter,
};
use splade_sparse::SparseRow;

use crate::fixtures::names;

const FOLDER: &str = "SPLADE_CORPUS_TEST_FULL_FOLDER";

const N_ROWS: u32 = 20_000;

fn row(i: u32) -> SparseRow {
    let values = (0..20).map(|j| ((i * 7919 + j * 104_729) % 65_521 + 1) as f32 / 7.0).collect();
    SparseRow::from_parts(100_000, (0..20).map(|j| j * 4000 + i % 3999).collect(), values).unwrap()
}

fn is_full(result: Result<(), CorpusError>, path: &Path) {
    match result {
        Err(CorpusError::Write { path: named, .. }) => assert_eq!(named, path),
        other => panic!("{other:?}"),
    }
}

fn write(path: &Path, format: VectorFormat) -> Result<(), CorpusError> {
    let mut writer = VectorWriter::create(path, &VectorOptions::new(format, 100_000))?;
    for i in 0..N_ROWS {
        writer.write(&i.to_string(), row(i).view(), None)?;
    }
    writer.finish()
}

/// Not a test of its own: runs in the child, whose files are limited to a few kilobytes.
#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = Path::new(&folder);
    for name in ["v.jsonl", "v.jsonl.gz", "v.jsonl.zst", "v.npz", "v.parquet"] {
        let path = folder.join(name);
        let format = VectorFormat::of_name(&path);
        if format != VectorFormat::Parquet || cfg!(feature = "parquet") {
            is_full(write(&path, format), &path);
        }
    }
    assert!(names(folder).is_empty(), "{:?}", names(folder));
    let options = PartsOptions::new(VectorOptions::new(VectorFormat::JsonLines, 100_000));
    let mut writer = PartsWriter::create(&folder.join("parts"), options).unwrap();
    let wrote = (0..N_ROWS).try_for_each(|i| writer.write(&i.to_string(), row(i).view(), None));
    is_full(wrote, &folder.join("parts/part-00000.jsonl"));
    drop(writer);
    assert_eq!(names(&folder.join("parts")), [".lock", "manifest.json"]);
    std::fs::write(folder.join("done"), "").unwrap();
}

#[test]
fn nothing_half_written_is_left_when_the_disk_is_full() {
    let folder = tempfile::tempdir().unwrap();
    // The largest file a process may write, in blocks; its signal is ignored, so writes fail.
    let ran = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 200; exec \"$0\" --exact full_disk::child -q"])
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
    assert!(folder.path().join("done").exists(), "the child did nothing");
}
