//! `splade plan`, `encode-part` and `finish`: the folder of one run, however the units were made.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::run::{Ran, command, path, splade, tiny};

const WORDS: [&str; 8] =
    ["river", "stone", "market", "winter", "garden", "engine", "silver", "letter"];

fn text(i: usize) -> String {
    let words = (0..4 + i * 7 % 30).map(|j| WORDS[(i * 31 + j * j) % WORDS.len()]);
    words.collect::<Vec<_>>().join(" ")
}

fn jsonl(n: usize) -> Vec<u8> {
    let line = |i: usize| format!("{{\"id\": \"t{i}\", \"text\": \"{}\"}}\n", text(i));
    (0..n).map(line).collect::<String>().into_bytes()
}

/// A folder with a corpus, the truth of one run, and the parts of a plan.
struct Case {
    folder: tempfile::TempDir,
    inputs: Vec<String>,
    options: Vec<&'static str>,
    rows_per_part: &'static str,
}

impl Case {
    fn new(files: &[(&str, Vec<u8>)], rows_per_part: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let input = |(name, content): &(&str, Vec<u8>)| {
            let (file, argument) = path(&folder, name);
            fs::write(file, content).unwrap();
            argument
        };
        let inputs = files.iter().map(input).collect();
        Self { folder, inputs, options: Vec::new(), rows_per_part }
    }

    /// 60 texts in parts of 8.
    fn small() -> Self {
        Self::new(&[("in.jsonl", jsonl(60))], "8")
    }

    fn with(mut self, options: &[&'static str]) -> Self {
        self.options.extend(options);
        self
    }

    fn output(&self) -> PathBuf {
        path(&self.folder, "out").0
    }

    fn file(&self, name: &str) -> PathBuf {
        self.output().join(name)
    }

    fn plan(&self) -> Ran {
        let output = path(&self.folder, "out").1;
        let mut args = vec!["plan", "-o", &output, "--rows-per-part", self.rows_per_part];
        args.extend(self.inputs.iter().map(String::as_str));
        args.extend(&self.options);
        splade(&args, b"")
    }

    fn encode_part(&self, more: &[&str]) -> Ran {
        let (output, model) = (path(&self.folder, "out").1, tiny());
        let args = ["encode-part", &output, "-m", &model];
        // The last of two wins nowhere: a test that chooses its own threads names them.
        let threads: &[&str] = if more.contains(&"--threads") { &[] } else { &["--threads", "1"] };
        splade(&[&args, threads, more].concat(), b"")
    }

    fn start_part(&self, more: &[&str]) -> Child {
        command()
            .args(["encode-part", &path(&self.folder, "out").1, "-m", &tiny(), "--threads", "1"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn finish(&self, more: &[&str]) -> Ran {
        splade(&[&["finish", &path(&self.folder, "out").1], more].concat(), b"")
    }

    /// What one run makes of the same input.
    fn truth(&self) -> PathBuf {
        let (folder, output) = path(&self.folder, "truth");
        let model = tiny();
        let mut args = vec!["encode", "-m", &model, "--threads", "1", "-o", &output];
        args.extend(["--rows-per-part", self.rows_per_part]);
        args.extend(&self.options);
        args.push("-i");
        args.extend(self.inputs.iter().map(String::as_str));
        ok(splade(&args, b""));
        folder
    }

    /// Compares the parts and the manifest with those of one run.
    fn check(&self) {
        let (truth, output) = (self.truth(), self.output());
        let parts = |folder: &Path| -> Vec<(String, Vec<u8>)> {
            let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
            names.retain(|name| name.starts_with("part-") && !name.ends_with(".receipt.json"));
            names.sort_unstable();
            names
                .into_iter()
                .map(|name| (name.clone(), fs::read(folder.join(name)).unwrap()))
                .collect()
        };
        assert_eq!(parts(&output), parts(&truth));
        assert_eq!(json(&output.join("manifest.json")), json(&truth.join("manifest.json")));
    }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.gz");
    let mut file = splade::corpus::OutputFile::create(&path).unwrap();
    file.write_all(content).unwrap();
    file.finish().unwrap();
    fs::read(path).unwrap()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn ok(ran: Ran) -> Ran {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

fn refused(ran: &Ran, named: &[&str]) {
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for named in named {
        assert!(ran.stderr.contains(named), "{named}: {}", ran.stderr);
    }
}

#[test]
fn units_in_any_order_make_the_folder_of_one_run() {
    let case = Case::small();
    let ran = ok(case.plan());
    assert!(ran.stderr.contains("8 units of 8 rows each, 60 texts"), "{}", ran.stderr);
    ok(case.encode_part(&["5-7", "2"]));
    ok(case.encode_part(&["--share", "2/2"]));
    ok(case.encode_part(&["--all"]));
    ok(case.finish(&["--verify"]));
    case.check();
    // One run says that all is done, and an index is made of it like of any folder of parts.
    let (output, model) = (path(&case.folder, "out").1, tiny());
    let resume = ["encode", "-m", &model, "-i", &case.inputs[0], "-o", &output, "--resume"];
    let ran = ok(splade(&[&resume[..], &["--rows-per-part", "8"]].concat(), b""));
    assert!(ran.stderr.contains("is complete: 60 texts"), "{}", ran.stderr);
    let index = path(&case.folder, "x.index").1;
    ok(splade(&["index", "-i", &output, "-o", &index], b""));
}

#[test]
fn every_kind_of_input_and_output_makes_the_folder_of_one_run() {
    let lines = |end: &str| (0..30).map(|i| text(i) + end).collect::<String>().into_bytes();
    let csv: String = (0..20).map(|i| format!("r{i},\"{},\n{i}\"\n", text(i))).collect();
    let csv = format!("id,text\n{csv}").into_bytes();
    let zipped = gzip(&jsonl(25));
    let cases = [
        Case::new(&[("a.txt", lines("\n")), ("b.txt", lines("\r"))], "7"),
        Case::new(&[("in.csv", csv)], "6").with(&["--compress", "zstd", "--decode"]),
        Case::new(&[("in.jsonl.gz", zipped)], "10").with(&["--max-active-dims", "9"]),
        Case::new(&[("in.jsonl", jsonl(9))], "20").with(&["--format", "anserini"]),
        Case::new(&[("in.jsonl", jsonl(9))], "4").with(&["--format", "npz", "--task", "query"]),
        Case::new(&[("in.jsonl", jsonl(9))], "4").with(&[
            "--min-weight",
            "0.3",
            "--max-seq-length",
            "9",
        ]),
    ];
    for case in cases {
        ok(case.plan());
        ok(case.encode_part(&["--all"]));
        ok(case.finish(&[]));
        case.check();
    }
}

#[test]
#[cfg(feature = "parquet")]
fn parquet_in_and_out_makes_the_folder_of_one_run() {
    // The encoder's own Parquet has no texts: read one that others wrote.
    let source = fs::read(crate::run::fixture("corpus/string.parquet")).unwrap();
    let case = Case::new(&[("in.parquet", source)], "9").with(&["--format", "parquet"]);
    ok(case.plan());
    ok(case.encode_part(&["--all"]));
    ok(case.finish(&["--verify"]));
    case.check();
}

#[test]
fn a_part_that_is_there_is_not_made_again() {
    let case = Case::small();
    ok(case.plan());
    ok(case.encode_part(&["3"]));
    let made = fs::metadata(case.file("part-00003.jsonl")).unwrap().modified().unwrap();
    let ran = ok(case.encode_part(&["3", "3", "--json"]));
    assert!(ran.stderr.contains("part-00003.jsonl is there already"), "{}", ran.stderr);
    assert_eq!(fs::metadata(case.file("part-00003.jsonl")).unwrap().modified().unwrap(), made);
    // What is printed is what is beside the part.
    let receipt = json(&case.file("part-00003.receipt.json"));
    let printed: Vec<Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(printed, [receipt.clone(), receipt.clone()]);
    assert_eq!(receipt["part"]["rows"], 8);
    assert_eq!(receipt["machine"]["threads"], 1);
    assert_eq!(receipt["attempt"]["number"], 1);
    assert!(receipt["attempt"]["host"].as_str().is_some_and(|host| !host.is_empty()));
    // As after a kill between the part and its receipt.
    let part = fs::read(case.file("part-00003.jsonl")).unwrap();
    fs::remove_file(case.file("part-00003.receipt.json")).unwrap();
    ok(case.encode_part(&["3", "--attempt", "2"]));
    assert_eq!(fs::read(case.file("part-00003.jsonl")).unwrap(), part);
    assert_eq!(json(&case.file("part-00003.receipt.json"))["attempt"]["number"], 2);
}

#[test]
fn a_unit_encoded_twice_at_once_is_one_part() {
    let case = Case::new(&[("in.jsonl", jsonl(120))], "120");
    ok(case.plan());
    let both = [case.start_part(&["0"]), case.start_part(&["0"])];
    for mut child in both {
        assert!(child.wait().unwrap().success());
    }
    ok(case.finish(&["--verify"]));
    case.check();
}

#[test]
fn workers_killed_at_any_moment_leave_nothing_wrong() {
    let case = Case::new(&[("in.jsonl", jsonl(200))], "8");
    ok(case.plan());
    let n_receipts = || {
        let names = fs::read_dir(case.output()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".receipt.json")).count()
    };
    let mut n_kills = 0;
    for n_wanted in [3, 9, 16] {
        let mut workers = [case.start_part(&["--all"]), case.start_part(&["24-24", "10-20"])];
        let start = Instant::now();
        while n_receipts() < n_wanted && start.elapsed() < Duration::from_secs(60) {
            sleep(Duration::from_millis(2));
        }
        sleep(Duration::from_millis(7 * n_wanted as u64));
        for worker in &mut workers {
            n_kills += usize::from(worker.try_wait().unwrap().is_none());
            worker.kill().unwrap();
            worker.wait().unwrap();
        }
        if n_receipts() < 25 {
            refused(&case.finish(&[]), &["of 25 parts are missing"]);
        }
    }
    assert!(n_kills > 0, "every worker was done before it was killed");
    ok(case.encode_part(&["--all"]));
    ok(case.finish(&["--verify"]));
    case.check();
    let names = fs::read_dir(case.output()).unwrap().map(|entry| entry.unwrap().file_name());
    let leftovers = names.filter(|name| name.to_string_lossy().starts_with(".splade-"));
    assert_eq!(leftovers.count(), 0, "finish removes what killed workers left");
}

#[test]
fn missing_units_are_named_and_no_manifest_appears() {
    let case = Case::small();
    ok(case.plan());
    ok(case.encode_part(&["0-2", "5"]));
    let ran = case.finish(&[]);
    refused(&ran, &["4 of 8 parts are missing", "units 3-4,6-7", "encode-part"]);
    assert!(!case.file("manifest.json").exists());
}

#[test]
fn a_unit_that_is_not_there_is_refused_before_the_model_is_loaded() {
    let case = Case::small();
    refused(&case.encode_part(&["0"]), &["has no plan.json", "splade plan"]);
    ok(case.plan());
    refused(&case.encode_part(&["8"]), &["has no unit 8: there are 8, numbered from 0"]);
    let ran = case.encode_part(&["7-5"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert_eq!(case.encode_part(&[]).code, Some(2));
}

#[test]
fn an_input_changed_since_the_plan_is_refused_by_name() {
    let case = Case::small();
    ok(case.plan());
    ok(case.encode_part(&["0"]));
    let content = fs::read_to_string(&case.inputs[0]).unwrap();
    fs::write(&case.inputs[0], content.replacen("\"t59\"", "\"u59\"", 1)).unwrap();
    refused(&case.encode_part(&["7"]), &["unit 7 (part-00007.jsonl)", "in.jsonl has changed"]);
    assert!(!case.file("part-00007.jsonl").exists());
    fs::write(&case.inputs[0], content + "\n").unwrap();
    refused(&case.encode_part(&["1"]), &["unit 1", "in.jsonl has changed", "bytes, and had"]);
}

#[test]
fn a_text_that_cannot_be_read_names_unit_and_line() {
    let mut content = jsonl(12);
    content.extend(b"{\"id\": \"bad\", \"text\": 3}\n");
    let case = Case::new(&[("in.jsonl", content)], "5");
    ok(case.plan());
    let ran = case.encode_part(&["--all"]);
    refused(&ran, &["unit 2 (part-00002.jsonl)", "in.jsonl, line 13"]);
    assert!(case.file("part-00001.receipt.json").exists());
    assert!(!case.file("part-00002.jsonl").exists());
}

#[test]
fn another_model_or_machine_is_refused() {
    let case = Case::small();
    ok(case.plan());
    ok(case.encode_part(&["0"]));
    // The same model under another name is the same model.
    let (model, model_arg) = path(&case.folder, "model");
    fs::create_dir(&model).unwrap();
    for entry in fs::read_dir(tiny()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), model.join(entry.file_name())).unwrap();
    }
    let (output, threads) = (path(&case.folder, "out").1, ["--threads", "1"]);
    let other = ["encode-part", &output, "-m", &model_arg, "0-3"];
    ok(splade(&[&other[..], &threads].concat(), b""));
    // Retrained in place.
    let weights = model.join("model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 0x80;
    fs::write(&weights, bytes).unwrap();
    let ran = splade(&[&other[..], &threads].concat(), b"");
    refused(&ran, &["part-00000.receipt.json", "`model.files.model.safetensors.crc32` was"]);

    ok(case.encode_part(&["--all", "--threads", "2"]));
    refused(&case.finish(&[]), &["part-00004.jsonl", "`threads` was 1, and is 2", "--allow-mixed"]);
    ok(case.finish(&["--allow-mixed"]));
}

#[test]
fn a_plan_needs_files_and_a_folder_of_its_own() {
    let case = Case::small();
    let output = path(&case.folder, "out").1;
    refused(&splade(&["plan", "-", "-o", &output], b"x\n"), &["is a stream"]);
    ok(case.plan());
    ok(case.plan());
    let other = Case { rows_per_part: "9", ..case };
    refused(&other.plan(), &["has another plan", "`rows_per_part` was 8, and is 9"]);
    let parent = other.folder.path().to_str().unwrap();
    refused(&splade(&["plan", &other.inputs[0], "-o", parent], b""), &["is not empty"]);
    // One run does not write into it either.
    let model = tiny();
    let encode = ["encode", "-m", &model, "-i", &other.inputs[0], "-o", &output];
    refused(&splade(&[&encode[..], &["--rows-per-part", "8"]].concat(), b""), &["is not empty"]);
}

#[test]
fn duplicate_ids_are_refused_when_it_is_wanted() {
    let twice = [jsonl(5), jsonl(1)].concat();
    let case = Case::new(&[("in.jsonl", twice)], "5").with(&["--unique-ids"]);
    refused(&case.plan(), &["in.jsonl, line 6", "t0"]);
    assert!(!case.output().join("plan.json").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_is_full_leaves_no_part() {
    let case = Case::new(&[("in.jsonl", jsonl(120))], "120");
    ok(case.plan());
    // The largest file that the process may write, in blocks of 1 KiB.
    let script = format!(
        "ulimit -f 8; exec {} encode-part {} 0 -m {} --threads 1",
        env!("CARGO_BIN_EXE_splade"),
        case.output().display(),
        tiny()
    );
    let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("unit 0") && stderr.contains("cannot write"), "{stderr}");
    let names = fs::read_dir(case.output()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    assert_eq!(names, ["plan.json", "units.jsonl"]);
    ok(case.encode_part(&["0"]));
    ok(case.finish(&[]));
    case.check();
}
