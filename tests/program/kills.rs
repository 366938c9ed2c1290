//! `splade encode --resume`: killed at any moment, the joined result is that of a run that was not.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::run::{Ran, command, path, splade, tiny};

const N_TEXTS: usize = 600;
const ROWS_PER_PART: &str = "32";
/// Moments at which the process is killed, for each format.
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

/// The bytes of all files of a folder by name, but the lock.
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

/// Kills runs at moments spread over the time of a whole one, and resumes each to its end.
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
        // The later half of a run is where parts are written.
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
