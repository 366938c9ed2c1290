//! Units cover every record once, and each is read from its own start as the whole is read.

use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::json;
use splade_corpus::{
    Attempt, CorpusError, CorpusReader, FinishOptions, Machine, Manifest, Mixtures, PartInfo,
    PartWriter, PartsOptions, PartsWriter, Plan, PlanOptions, ReadOptions, Receipt, Record,
    Resumed, Unit, UnitReader, VectorFormat, VectorOptions, VectorReadOptions, VectorReader,
    Verification, finish_plan,
};
use splade_sparse::SparseRow;
use tempfile::TempDir;

use crate::fixtures::{folder, gzip, message, names, zstd};

const DIMENSION: usize = 1 << 20;

fn vectors() -> VectorOptions {
    VectorOptions::new(VectorFormat::JsonLines, DIMENSION)
}

fn row(record: &Record) -> SparseRow {
    let index = record.text.bytes().fold(0, |sum, byte| (sum * 31 + u32::from(byte)) % 997);
    SparseRow::from_parts(DIMENSION, vec![index], vec![1.0]).unwrap()
}

/// Input files, and a folder for the parts.
struct Case {
    input: TempDir,
    output: TempDir,
    paths: Vec<PathBuf>,
    read: ReadOptions,
}

impl Case {
    fn new(files: &[(&str, &[u8])], read: ReadOptions) -> Self {
        let (input, output) = (folder(files), tempfile::tempdir().unwrap());
        let paths = files.iter().map(|(name, _)| input.path().join(name)).collect();
        Self { input, output, paths, read }
    }

    fn reader(&self) -> CorpusReader {
        CorpusReader::open(&self.paths, self.read.clone()).unwrap()
    }

    fn try_plan(&self, rows_per_part: u64) -> Result<(Plan, Vec<Unit>), CorpusError> {
        let options = PlanOptions::new(VectorFormat::JsonLines)
            .with_rows_per_part(NonZeroU64::new(rows_per_part).unwrap());
        let plan = Plan::create(self.output.path(), self.reader(), &options)?;
        let units = plan.units(self.output.path())?;
        Ok((plan, units))
    }

    fn plan(&self, rows_per_part: u64) -> (Plan, Vec<Unit>) {
        self.try_plan(rows_per_part).unwrap()
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.input.path().join(name), content).unwrap();
    }

    /// What one writer's manifest says of its parts.
    fn parts_of_one_writer(&self, rows_per_part: u64) -> Vec<PartInfo> {
        let output = tempfile::tempdir().unwrap();
        let options = PartsOptions::new(vectors())
            .with_rows_per_part(NonZeroU64::new(rows_per_part).unwrap());
        let Resumed::Unfinished(mut writer) = PartsWriter::resume(output.path(), options).unwrap()
        else {
            panic!("the folder is new");
        };
        for record in self.reader() {
            let record = record.unwrap();
            writer.write(&record.id, row(&record).view(), None).unwrap();
            writer.add_input(&record.span);
        }
        writer.finish().unwrap().parts
    }

    /// Compares each unit, in any order, with one reading of everything.
    fn check(&self, rows_per_part: u64) {
        let (plan, units) = self.plan(rows_per_part);
        let whole: Vec<Record> = self.reader().collect::<Result<_, _>>().unwrap();
        let mut n_rows = 0;
        for unit in units.iter().rev() {
            let records: Vec<Record> =
                UnitReader::open(&plan, unit).unwrap().collect::<Result<_, _>>().unwrap();
            let start = unit.first_row as usize;
            let expected = &whole[start..start + unit.rows as usize];
            assert_eq!(records.len(), expected.len());
            for (record, expected) in records.iter().zip(expected) {
                assert_eq!((&record.id, &record.text), (&expected.id, &expected.text));
                assert_eq!(shown(record), shown(expected));
            }
            n_rows += unit.rows;
        }
        assert_eq!((n_rows, plan.rows), (whole.len() as u64, whole.len() as u64));
        let parts = self.parts_of_one_writer(rows_per_part);
        assert_eq!(parts.len(), units.len());
        for (unit, part) in units.iter().zip(parts) {
            assert_eq!(
                unit.input.iter().map(|piece| piece.range.clone()).collect::<Vec<_>>(),
                part.input
            );
            let made = encode(self.output.path(), &plan, unit, &machine("cpu")).unwrap().part;
            assert_eq!(made, part);
        }
    }
}

/// The location of a record, without the folder.
fn shown(record: &Record) -> (String, u64) {
    let file = record.location.file().file_name().unwrap().to_string_lossy().into_owned();
    (file, record.location.number())
}

fn machine(device: &str) -> Machine {
    let mut machine = Machine::new("tiny", "f32", "none", 1);
    machine.devices.push(device.to_owned());
    machine.device_kinds.push(device.to_owned());
    machine
}

fn encode(
    output: &Path,
    plan: &Plan,
    unit: &Unit,
    machine: &Machine,
) -> Result<Receipt, CorpusError> {
    let mut part = PartWriter::create(output, unit.part.clone(), &plan.vectors(DIMENSION))?;
    for record in UnitReader::open(plan, unit)? {
        let record = record?;
        part.write(&record.id, row(&record).view(), None)?;
        part.add_input(&record.span);
    }
    let attempt = Attempt::new(1, "here".to_owned(), 0.5, "0".to_owned());
    let settings = json!({ "task": null });
    let part = part.finish()?;
    let receipt = Receipt::new(unit.clone(), part, DIMENSION, settings, machine.clone(), attempt);
    receipt.save(output)?;
    Ok(receipt)
}

fn jsonl(ids: std::ops::Range<usize>) -> Vec<u8> {
    let line = |i: usize| format!("{{\"id\": \"d{i}\", \"text\": \"{}\"}}\n", "é".repeat(i % 7));
    ids.map(line).collect::<String>().into_bytes()
}

fn csv(n: usize) -> Vec<u8> {
    let row = |i: usize| match i % 3 {
        0 => format!("r{i},plain {i}\n"),
        1 => format!("r{i},\"two\nlines, {i}\"\r\n"),
        _ => format!("r{i},\"said \"\"{i}\"\"\"\n\n"),
    };
    format!("id,text\n{}", (0..n).map(row).collect::<String>()).into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn units_of_lines_cover_every_record_once(
        counts in prop::collection::vec(0usize..12, 1..4), rows_per_part in 1u64..9,
        kind in 0usize..7,
    ) {
        let make = |(i, n): (usize, &usize)| {
            let lines = |end: &str| -> Vec<u8> {
                (0..*n).map(|j| format!("text {i} {}{end}", "x".repeat(j))).collect::<String>().into_bytes()
            };
            match kind {
                0 => (format!("{i}.jsonl"), jsonl(i * 100..i * 100 + n)),
                1 => (format!("{i}.jsonl"), [b"\xef\xbb\xbf\n \n", &jsonl(0..*n)[..], b"\n\n"].concat()),
                2 => (format!("{i}.txt"), lines("\r\n")),
                3 => (format!("{i}.txt"), lines("\r")),
                4 => (format!("{i}.csv"), csv(*n)),
                5 => (format!("{i}.jsonl.gz"), gzip(&jsonl(0..*n))),
                _ => (format!("{i}.txt.zst"), zstd(&lines("\n"))),
            }
        };
        prop_assume!(counts.iter().sum::<usize>() > 0);
        let files: Vec<(String, Vec<u8>)> = counts.iter().enumerate().map(make).collect();
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, content)| (&**name, &**content)).collect();
        Case::new(&files, ReadOptions::default()).check(rows_per_part);
    }
}

#[test]
fn units_of_tables_without_a_header_begin_at_their_rows() {
    let read = ReadOptions::default()
        .with_text(["2"])
        .with_id("1")
        .with_header(splade_corpus::Header::Absent);
    let content: String = (0..10).map(|i| format!("{i}\tthe \"text\" {i}\n")).collect();
    for rows_per_part in [1, 3, 10] {
        Case::new(&[("in.tsv", content.as_bytes())], read.clone()).check(rows_per_part);
    }
}

#[test]
fn long_lines_and_a_mark_move_no_start() {
    let line = |i: usize| format!("{i} {}\n", "long ".repeat(i * 5_000));
    let content = format!("\u{feff}{}", (0..9).map(line).collect::<String>());
    Case::new(&[("in.txt", content.as_bytes())], ReadOptions::default()).check(2);
}

#[cfg(feature = "parquet")]
fn parquet(n_rows: usize, group_rows: usize) -> Vec<u8> {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;

    let column = |make: fn(usize) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..n_rows).map(make)))
    };
    let columns = [
        ("id", column(|i| format!("p{i}"))),
        ("text", column(|i| format!("row {i} {}", "y".repeat(i % 13)))),
        ("unread", column(|i| i.to_string())),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group_rows));
    let mut file = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut file, batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file
}

#[test]
#[cfg(feature = "parquet")]
fn units_of_parquet_cover_every_row_once_wherever_row_groups_end() {
    for (n_rows, group_rows, rows_per_part) in
        [(10, 10, 3), (600, 100, 100), (600, 100, 70), (600, 7, 100), (5, 1, 2), (300, 290, 299)]
    {
        let (first, second) = (parquet(n_rows, group_rows), parquet(4, 3));
        let files: [(&str, &[u8]); 2] = [("a.parquet", &first), ("b.parquet", &second)];
        Case::new(&files[..1], ReadOptions::default()).check(rows_per_part);
        Case::new(&files, ReadOptions::default()).check(rows_per_part);
    }
}

#[test]
#[cfg(feature = "parquet")]
fn parquet_with_another_footer_is_refused_by_name() {
    let case = Case::new(&[("in.parquet", &parquet(60, 20))], ReadOptions::default());
    let (plan, units) = case.plan(10);
    let mut other = parquet(60, 20);
    let n = other.len();
    // The size and the magic number stay.
    other[n - 12] ^= 1;
    case.write("in.parquet", &other);
    let error = encode(case.output.path(), &plan, &units[1], &machine("cpu")).unwrap_err();
    assert!(message(&error).contains("in.parquet"), "{error}");
}

/// What a unit says of a changed input.
fn refused(case: &Case, plan: &Plan, unit: &Unit) -> String {
    let before = names(case.output.path());
    let error = encode(case.output.path(), plan, unit, &machine("cpu")).unwrap_err();
    assert_eq!(names(case.output.path()), before, "nothing is left");
    message(&error)
}

#[test]
fn a_changed_input_is_refused_by_name() {
    let content = jsonl(0..10);
    let case = Case::new(&[("in.jsonl", &content)], ReadOptions::default());
    let (plan, units) = case.plan(4);
    case.write("in.jsonl", &jsonl(0..9));
    let error = refused(&case, &plan, &units[0]);
    assert!(error.contains("in.jsonl has changed since it was planned: it has "), "{error}");
    // An edit in place changes the unit with the edited record alone.
    let text = String::from_utf8(content.clone()).unwrap();
    case.write("in.jsonl", text.replace("d5", "e5").as_bytes());
    let error = refused(&case, &plan, &units[1]);
    assert!(error.contains("in.jsonl has changed") && error.contains("checksum"), "{error}");
    encode(case.output.path(), &plan, &units[0], &machine("cpu")).unwrap();
    fs::remove_file(case.input.path().join("in.jsonl")).unwrap();
    assert!(refused(&case, &plan, &units[2]).contains("in.jsonl"));
}

#[test]
fn another_header_is_refused_in_every_unit() {
    let case = Case::new(&[("in.csv", b"id,text,title\n1,a,b\n2,c,d\n")], ReadOptions::default());
    let (plan, units) = case.plan(1);
    case.write("in.csv", b"id,title,text\n1,a,b\n2,c,d\n");
    for unit in &units {
        let error = refused(&case, &plan, unit);
        assert!(error.contains("in.csv has changed") && error.contains("header"), "{error}");
    }
}

#[test]
fn a_file_with_fewer_records_is_refused() {
    let case = Case::new(&[("in.txt.gz", &gzip(b"a\nb\nc\n"))], ReadOptions::default());
    let (plan, units) = case.plan(2);
    let size = fs::metadata(&case.paths[0]).unwrap().len() as usize;
    // Of the same size: gzip may be followed by zeros.
    let mut shorter = gzip(b"a\n");
    shorter.resize(size, 0);
    case.write("in.txt.gz", &shorter);
    for unit in &units {
        let error = refused(&case, &plan, unit);
        assert!(error.contains("in.txt.gz has changed"), "{error}");
    }
}

#[test]
fn a_broken_record_is_named_by_its_line() {
    let content = b"{\"text\": \"a\"}\n{\"text\": \"b\"}\n{\"text\": 3}\n";
    let case = Case::new(&[("in.jsonl", content)], ReadOptions::default());
    let (plan, units) = case.plan(2);
    assert!(refused(&case, &plan, &units[1]).contains("in.jsonl, line 3"));
}

/// A plan with all its parts.
fn made(rows: usize, rows_per_part: u64) -> (Case, Plan, Vec<Unit>) {
    let case = Case::new(&[("in.jsonl", &jsonl(0..rows))], ReadOptions::default());
    let (plan, units) = case.plan(rows_per_part);
    for unit in &units {
        encode(case.output.path(), &plan, unit, &machine("cpu")).unwrap();
    }
    (case, plan, units)
}

fn finish(case: &Case, options: FinishOptions) -> Result<Manifest, String> {
    finish_plan(case.output.path(), options).map_err(|error| message(&error))
}

#[test]
fn a_finished_plan_is_read_like_any_folder_of_parts() {
    let (case, ..) = made(10, 4);
    let manifest = finish(&case, FinishOptions::default()).unwrap();
    assert_eq!((manifest.rows, manifest.complete), (10, true));
    let all = FinishOptions::default().with_verification(Verification::Checksums);
    assert_eq!(finish(&case, all).unwrap(), manifest);
    let folder = [case.output.path().to_owned()];
    let rows = VectorReader::open(&folder, &VectorReadOptions::default()).unwrap();
    let ids: Vec<String> = rows.map(|row| row.unwrap().0).collect();
    assert_eq!(ids, (0..10).map(|i| format!("d{i}")).collect::<Vec<_>>());
    // One writer's way to continue says that all is done.
    let options = PartsOptions::new(vectors())
        .with_rows_per_part(NonZeroU64::new(4).unwrap())
        .with_settings(manifest.settings.clone());
    let Resumed::Complete(found) = PartsWriter::resume(case.output.path(), options).unwrap() else {
        panic!("it is complete");
    };
    case.reader().check_done(&found).unwrap();
}

#[test]
fn missing_units_are_listed_and_no_manifest_appears() {
    let (case, _, units) = made(20, 2);
    for unit in [&units[3], &units[7], &units[8], &units[9]] {
        fs::remove_file(Receipt::path(case.output.path(), unit)).unwrap();
    }
    let error = finish(&case, FinishOptions::default()).unwrap_err();
    assert!(error.contains("4 of 10 parts") && error.contains("units 3,7-9"), "{error}");
    assert!(!case.output.path().join("manifest.json").exists());
}

#[test]
fn doubled_and_changed_lists_of_units_are_refused() {
    let (case, plan, _) = made(10, 4);
    let path = case.output.path().join("units.jsonl");
    let list = fs::read_to_string(&path).unwrap();
    let first = format!("{}\n", list.lines().next().unwrap());
    for other in [format!("{first}{list}"), list.replacen(&first, "", 1), "{}".to_owned()] {
        fs::write(&path, other).unwrap();
        assert!(plan.units(case.output.path()).is_err());
        let error = finish(&case, FinishOptions::default()).unwrap_err();
        assert!(error.contains("units.jsonl is not the list"), "{error}");
    }
}

#[test]
fn a_receipt_of_something_else_is_refused() {
    let (case, _, units) = made(10, 4);
    let [first, second] = [0, 1].map(|i| Receipt::path(case.output.path(), &units[i]));
    let kept = fs::read(&second).unwrap();
    fs::copy(&first, &second).unwrap();
    let error = finish(&case, FinishOptions::default()).unwrap_err();
    assert!(error.contains("part-00001.receipt.json is not of this plan's unit"), "{error}");
    fs::write(&second, &kept[..kept.len() / 2]).unwrap();
    let error = finish(&case, FinishOptions::default()).unwrap_err();
    assert!(error.contains("part-00001.receipt.json is damaged"), "{error}");
}

#[test]
fn a_part_changed_afterwards_is_found_by_its_checksum() {
    let (case, _, units) = made(10, 4);
    let path = case.output.path().join(&units[1].part);
    let mut part = fs::read(&path).unwrap();
    part[20] ^= 1;
    fs::write(&path, part).unwrap();
    let all = FinishOptions::default().with_verification(Verification::Checksums);
    let error = finish(&case, all).unwrap_err();
    assert!(error.contains("part-00001.jsonl has the checksum"), "{error}");
    assert!(!case.output.path().join("manifest.json").exists());
}

#[test]
fn a_mixture_of_machines_is_refused_unless_it_is_allowed() {
    let (case, plan, units) = made(10, 4);
    let mut others = [machine("cuda"), machine("cpu"), machine("cpu"), machine("cpu")];
    others[1].precision = "bf16".to_owned();
    others[2].threads = 7;
    others[3].instructions = "AVX2".to_owned();
    let keys = ["device", "precision", "threads", "instructions"];
    for (other, key) in others.iter().zip(keys) {
        encode(case.output.path(), &plan, &units[1], other).unwrap();
        let error = finish(&case, FinishOptions::default()).unwrap_err();
        assert!(error.contains("part-00000.jsonl and part-00001.jsonl"), "{error}");
        assert!(error.contains(&format!("`{key}")), "{error}");
    }
    // Another name of the same kind of card, or of the same model, is no mixture.
    let mut same = machine("cpu");
    (same.devices, same.model) = (vec!["cuda:1".to_owned()], "elsewhere/tiny".to_owned());
    encode(case.output.path(), &plan, &units[1], &same).unwrap();
    let manifest = finish(&case, FinishOptions::default()).unwrap();
    assert_eq!(manifest.settings["devices"], json!(["cpu"]));
    fs::remove_file(case.output.path().join("manifest.json")).unwrap();
    encode(case.output.path(), &plan, &units[1], &others[1]).unwrap();
    let allowed = FinishOptions::default().with_mixtures(Mixtures::Allowed);
    let manifest = finish(&case, allowed).unwrap();
    assert_eq!(manifest.settings["precision"], json!(["f32", "bf16"]));
}

#[test]
fn planning_again_is_no_work_and_another_plan_is_refused() {
    let case = Case::new(&[("in.jsonl", &jsonl(0..10))], ReadOptions::default());
    let (plan, units) = case.plan(4);
    let before = fs::read(case.output.path().join("plan.json")).unwrap();
    assert_eq!(case.plan(4), (plan, units));
    assert_eq!(fs::read(case.output.path().join("plan.json")).unwrap(), before);
    let error = message(&case.try_plan(5).unwrap_err());
    assert!(error.contains("`rows_per_part` was 4, and is 5"), "{error}");
    case.write("in.jsonl", &jsonl(0..11));
    let error = message(&case.try_plan(4).unwrap_err());
    assert!(error.contains("has another plan"), "{error}");
}

#[test]
fn folders_of_others_and_empty_inputs_are_refused() {
    let case = Case::new(&[("in.txt", b"a\n")], ReadOptions::default());
    fs::write(case.output.path().join("notes.txt"), "precious").unwrap();
    assert!(message(&case.try_plan(4).unwrap_err()).contains("is not empty"));
    assert_eq!(names(case.output.path()), ["notes.txt"]);
    let case = Case::new(&[("in.txt", b"")], ReadOptions::default());
    assert!(message(&case.try_plan(4).unwrap_err()).contains("no records"));
    assert!(names(case.output.path()).is_empty());
    let missing = case.output.path().join("none");
    let error = finish_plan(&missing, FinishOptions::default()).unwrap_err();
    assert!(message(&error).contains("has no plan.json"), "{error}");
}

#[test]
fn a_unit_that_is_not_there_is_refused() {
    let (case, plan, _) = made(10, 4);
    assert_eq!(plan.unit(case.output.path(), 2).unwrap().rows, 2);
    let error = message(&plan.unit(case.output.path(), 3).unwrap_err());
    assert!(error.contains("has no unit 3: there are 3, numbered from 0"), "{error}");
}
