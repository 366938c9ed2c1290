//! Kills at every step of a plan, its parts and its end, and compares what running again makes of
//! it with the folder of one writer.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the way to fail")]

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use splade_sparse::SparseRow;

use super::*;
use crate::parts::CRASH_AFTER;
use crate::{
    Compression, CorpusReader, Manifest, PartWriter, PartsOptions, PartsWriter, ReadOptions,
    Record, Resumed, UnitReader, VectorFormat, VectorOptions,
};

/// The variable that passes the folder to the child.
const FOLDER: &str = "SPLADE_CORPUS_TEST_PLANNED";

const N_ROWS: usize = 8;
const ROWS_PER_PART: NonZeroU64 = NonZeroU64::new(3).unwrap();

fn input(folder: &Path) -> [PathBuf; 1] {
    let path = folder.join("in.jsonl");
    let line =
        |i: usize| format!("{{\"id\": \"d{i}\", \"text\": \"{}\"}}\n", "x".repeat(i * 7 % 5));
    fs::write(&path, (0..N_ROWS).map(line).collect::<String>()).unwrap();
    [path]
}

fn row(record: &Record) -> SparseRow {
    let n = record.text.len() as u32;
    let indices: Vec<u32> = (0..n).map(|i| i * 7 + n).collect();
    let values = indices.iter().map(|&index| index as f32 / 3.0 + 0.1).collect();
    SparseRow::from_parts(100, indices, values).unwrap()
}

fn settings() -> Value {
    json!({ "model": { "files": "tiny" } })
}

fn machine() -> Machine {
    let mut machine = Machine::new("tiny", "f32", "none", 1);
    machine.devices.push("cpu".to_owned());
    machine
}

/// One writer's folder.
fn truth(folder: &Path) -> PathBuf {
    let output = folder.join("truth");
    let options = PartsOptions::new(VectorOptions::new(VectorFormat::JsonLines, 100))
        .with_rows_per_part(ROWS_PER_PART)
        .with_compression(Compression::Gzip)
        .with_settings(Machine::manifest_settings(&settings(), [&machine()]));
    let Resumed::Unfinished(mut writer) = PartsWriter::resume(&output, options).unwrap() else {
        return output;
    };
    for record in CorpusReader::open(&input(folder), ReadOptions::default()).unwrap() {
        let record = record.unwrap();
        writer.write(&record.id, row(&record).view(), None).unwrap();
        writer.add_input(&record.span);
        writer.add_total("tokens", 2);
    }
    writer.finish().unwrap();
    output
}

/// Encodes one unit, unless its part is there.
fn encode(output: &Path, plan: &Plan, unit: &Unit) {
    if Receipt::find(output, unit).unwrap().is_some() {
        return;
    }
    let mut part = PartWriter::create(output, unit.part.clone(), &plan.vectors(100)).unwrap();
    for record in UnitReader::open(plan, unit).unwrap() {
        let record = record.unwrap();
        part.write(&record.id, row(&record).view(), None).unwrap();
        part.add_input(&record.span);
        part.add_total("tokens", 2);
    }
    let part = part.finish().unwrap();
    let attempt = Attempt::new(1, "here".to_owned(), 0.5, "0".to_owned());
    let receipt = Receipt::new(unit.clone(), part, 100, settings(), machine(), attempt);
    receipt.save(output).unwrap();
}

/// Plans, encodes and finishes whatever is not done.
fn work(folder: &Path) -> PathBuf {
    let output = folder.join("out");
    let reader = CorpusReader::open(&input(folder), ReadOptions::default()).unwrap();
    let options = PlanOptions::new(VectorFormat::JsonLines)
        .with_rows_per_part(ROWS_PER_PART)
        .with_compression(Compression::Gzip);
    let plan = Plan::create(&output, reader, &options).unwrap();
    for unit in plan.units(&output).unwrap() {
        encode(&output, &plan, &unit);
    }
    finish_plan(&output, FinishOptions::default()).unwrap();
    output
}

/// All files of a folder that one writer leaves, but the lock.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let plans = |name: &String| {
        !name.ends_with(".receipt.json")
            && !["plan.json", "units.jsonl", ".lock"].contains(&name.as_str())
    };
    names.filter(plans).map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
}

/// Not a test of its own: runs in the child.
#[test]
fn child() {
    if let Ok(folder) = std::env::var(FOLDER) {
        work(Path::new(&folder));
    }
}

/// Runs the work in a process that dies at the given point; returns false if it finished first.
fn dies(folder: &Path, point: usize) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "units::tests::child", "-q"])
        .env(FOLDER, folder)
        .env(CRASH_AFTER, point.to_string())
        .output()
        .unwrap()
        .status;
    assert!(status.success() || status.code().is_none(), "{status}");
    !status.success()
}

#[test]
fn units_killed_at_every_step_make_the_folder_of_one_writer() {
    let whole = tempfile::tempdir().unwrap();
    let expected = content(&truth(whole.path()));
    assert_eq!(expected.len(), 3 + 1);
    assert_eq!(content(&work(whole.path())), expected);
    let mut n_points = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        if !dies(folder.path(), n_points) {
            break;
        }
        // Dies again a few steps later, to continue from the leftovers of a second run too.
        dies(folder.path(), 3);
        assert_eq!(content(&work(folder.path())), expected, "killed at point {n_points}");
        n_points += 1;
    }
    // 4 for the list of units, the plan and the manifest; for each of 3 units 3 for the part, one
    // between part and receipt, and 4 for the receipt.
    assert_eq!(n_points, 3 * 4 + 3 * (3 + 1 + 4));
}

#[test]
fn a_part_whose_receipt_is_missing_is_made_again_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let output = work(folder.path());
    let expected = content(&output);
    fs::remove_file(output.join("part-00001.receipt.json")).unwrap();
    fs::write(output.join("part-00001.jsonl.gz"), "half a p").unwrap();
    fs::remove_file(output.join("part-00002.jsonl.gz")).unwrap();
    work(folder.path());
    assert_eq!(content(&output), expected);
    Manifest::load(&output).unwrap().verify(&output).unwrap();
}
