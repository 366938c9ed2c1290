//! `splade encode --resume`: after kills at any moment, the joined result equals that of an
//! uninterrupted run.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::run::{Ran, command, path, splade, tiny};

const N_TEXTS: usize = 600;
const ROWS_PER_PART: &str = "32";
/// Number of kills for each format.
const N_KILLS: u32 = 12;

fn corpus(folder: &tempfile::TempDir) -> String {
    let words = ["river", "stone", "market", "winter", "garden", "engine", "silver", "letter"];
    let text = |i: usize| -> String {
        let words = (0..8 + i * 7 % 60).map(|j| words[(i * 31 + j * j) % words.len()]);
        words.collect::<Vec<_>>().join(" ")
    };
    let lines = (0..N_TEXTS).map(|i| format!("{{\"id\": \"t{i}\", \"text\": \"{}\"}}\n", text(i)));
    let (file, argument) = path(folder, "corpus.jsonl");
    fs::write(file, lines.collect::<String>()).unwrap();
    argument
}

fn args<'a>(model: &'a str, input: &'a str, output: &'a str, format: &'a str) -> Vec<&'a str> {
    let command = ["encode", "--model", model, "--input", input, "--output", output];
    let parts = ["--format", format, "--rows-per-part", ROWS_PER_PART, "--resume"];
    [&command[..], &parts].concat()
}

/// The bytes of all files of a folder by name, except the lock.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .filter(|(name, _)| !name.ends_with(".lock"))
        .collect();
    files.sort();
    files
}

fn ok(ran: Ran) -> Ran {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

/// Kills runs at moments spread over the duration of a whole run, and resumes each to its end.
fn survives_kills(format: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (model, input) = (tiny(), corpus(&folder));
    let (whole, whole_arg) = path(&folder, "whole");
    let start = Instant::now();
    ok(splade(&args(&model, &input, &whole_arg, format), b""));
    let duration = start.elapsed();
    let expected = files(&whole);
    assert_eq!(expected.len(), N_TEXTS.div_ceil(32) + 1, "parts and a manifest");

    let mut n_in_the_middle = 0;
    for kill in 0..N_KILLS {
        let (output, output_arg) = path(&folder, &format!("killed-{kill}"));
        let args = args(&model, &input, &output_arg, format);
        let mut child = command()
            .args(&args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Parts are written in the later half of a run.
        let share = 0.3 + 0.7 * f64::from(kill) / f64::from(N_KILLS);
        sleep(Duration::from_secs_f64(duration.as_secs_f64() * share));
        child.kill().unwrap();
        child.wait().unwrap();
        let is_begun = output.is_dir() && fs::read_dir(&output).unwrap().count() > 0;
        let manifest = fs::read_to_string(output.join("manifest.json")).unwrap_or_default();
        n_in_the_middle += usize::from(is_begun && !manifest.contains("\"complete\": true"));

        ok(splade(&args, b""));
        assert_eq!(files(&output), expected, "kill {kill}");
        // Once complete, nothing is done again.
        let ran = ok(splade(&args, b""));
        assert!(ran.stderr.contains("complete"), "{}", ran.stderr);
    }
    assert!(n_in_the_middle > 0, "no kill came between the first part and the last");
}

#[test]
#[cfg(unix)]
fn json_lines_survive_kills() {
    survives_kills("jsonl");
}

#[test]
#[cfg(all(unix, feature = "parquet"))]
fn parquet_survives_kills() {
    survives_kills("parquet");
}

#[test]
fn other_settings_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (model, input) = (tiny(), corpus(&folder));
    let (_, output) = path(&folder, "out");
    let args = args(&model, &input, &output, "jsonl");
    ok(splade(&args, b""));
    for (more, named) in [
        (&["--max-active-dims", "5"][..], "max_active_dims"),
        (&["--precision", "bf16"], "precision"),
        (&["--max-seq-length", "64"], "max_seq_length"),
    ] {
        let ran = splade(&[&args[..], more].concat(), b"");
        assert_eq!(ran.code, Some(1), "{more:?}");
        assert!(ran.stderr.contains(named), "{}", ran.stderr);
    }
    let without_resume: Vec<&str> = args.iter().copied().filter(|arg| *arg != "--resume").collect();
    let ran = splade(&without_resume, b"");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("--resume") || ran.stderr.contains("empty"), "{}", ran.stderr);
}

#[test]
fn parts_need_a_folder() {
    let ran =
        splade(&["encode", "--model", &tiny(), "--input", "-", "--rows-per-part", "5"], b"sunny\n");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("folder"), "{}", ran.stderr);
}

/// An output stopped at its third part, as after a kill: the manifest lists two.
fn begun(folder: &tempfile::TempDir, input: &str, format: &str) -> String {
    let (output, argument) = path(folder, "begun");
    let _ = fs::remove_dir_all(&output);
    ok(splade(&args(&tiny(), input, &argument, format), b""));
    let manifest = output.join("manifest.json");
    let mut json: serde_json::Value =
        serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    let parts = json["parts"].as_array_mut().unwrap();
    for part in parts.split_off(2) {
        fs::remove_file(output.join(part["file"].as_str().unwrap())).unwrap();
    }
    let sum = |name: &str| -> u64 {
        parts.iter().map(|part| part["totals"][name].as_u64().unwrap()).sum()
    };
    let totals: Vec<_> = ["tokens", "truncated", "weights"].map(|name| (name, sum(name))).into();
    json["totals"] = totals.into_iter().map(|(name, sum)| (name.to_owned(), sum)).collect();
    json["rows"] = 64.into();
    json["complete"] = false.into();
    fs::write(manifest, json.to_string()).unwrap();
    argument
}

#[test]
fn an_input_edited_in_place_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (input, model) = (corpus(&folder), tiny());
    let (text, modified) =
        (fs::read_to_string(&input).unwrap(), || fs::metadata(&input).unwrap().modified().unwrap());
    let time = modified();
    let edited = text.replacen("river", "ocean", 1);
    assert_eq!(edited.len(), text.len());

    let output = begun(&folder, &input, "jsonl");
    fs::write(&input, &edited).unwrap();
    fs::File::options().append(true).open(&input).unwrap().set_modified(time).unwrap();
    assert_eq!(modified(), time, "size and time are as before");
    let resumed = || splade(&args(&model, &input, &output, "jsonl"), b"");
    let ran = resumed();
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("corpus.jsonl is not what part-00000.jsonl"), "{}", ran.stderr);

    // What follows the finished parts is read as it is now.
    let last = text.rfind("letter").unwrap();
    let grown = format!("{}winter{}{{\"text\": \"more\"}}\n", &text[..last], &text[last + 6..]);
    fs::write(&input, &grown).unwrap();
    ok(resumed());
    let (whole, whole_arg) = path(&folder, "whole");
    ok(splade(&args(&model, &input, &whole_arg, "jsonl"), b""));
    assert_eq!(files(Path::new(&output)), files(&whole));

    // A complete output is complete for this input only.
    ok(resumed());
    for other in [grown.replacen("letter", "retell", 1), grown.clone() + "{\"text\": \"\"}\n", text]
    {
        fs::write(&input, other).unwrap();
        let ran = resumed();
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(ran.stderr.contains("corpus.jsonl"), "{}", ran.stderr);
    }
    assert_eq!(files(Path::new(&output)), files(&whole));
}

#[test]
fn standard_input_is_resumed_with_the_same_texts_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (file, model) = (corpus(&folder), tiny());
    let text = fs::read_to_string(&file).unwrap();
    let output = begun(&folder, &file, "jsonl");
    // A single file may have another name: the texts decide.
    let args = args(&model, "-", &output, "jsonl");
    let ran = splade(&args, text.replacen("stone", "stove", 1).as_bytes());
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("the standard stream `-` is not what part-"), "{}", ran.stderr);
    ok(splade(&args, text.as_bytes()));
    let ran = splade(&args, b"");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
}

#[test]
fn the_same_bytes_as_another_table_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (csv, tsv) = (path(&folder, "in.csv").1, path(&folder, "in.tsv").1);
    let (_, output) = path(&folder, "out");
    let rows = "\"alpha beta\"\n".repeat(12);
    fs::write(&csv, format!("text\n{rows}\"an open quote")).unwrap();
    let ran = splade(&args(&tiny(), &csv, &output, "jsonl"), b"");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    fs::write(&tsv, format!("text\n{rows}")).unwrap();
    let ran = splade(&args(&tiny(), &tsv, &output, "jsonl"), b"");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("`tables` was [\"csv\"]"), "{}", ran.stderr);
}

#[test]
fn a_model_retrained_in_place_is_refused_by_file() {
    let folder = tempfile::tempdir().unwrap();
    let (model, model_arg) = path(&folder, "model");
    fs::create_dir(&model).unwrap();
    for entry in fs::read_dir(tiny()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), model.join(entry.file_name())).unwrap();
    }
    let input = corpus(&folder);
    let (_, output) = path(&folder, "out");
    let args = args(&model_arg, &input, &output, "jsonl");
    ok(splade(&args, b""));
    ok(splade(&args, b""));
    // The last byte of the weights is the sign of a number, so the size stays the same.
    let weights = model.join("model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 0x80;
    fs::write(&weights, bytes).unwrap();
    let ran = splade(&args, b"");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("`model.files.model.safetensors.crc32` was"), "{}", ran.stderr);
}
