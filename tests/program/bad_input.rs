//! Bad input ends with exit code 1, a message that names the fault, and no half-written file.

use std::fs;

use crate::run::{encode_stdin, fixture, path, splade, tiny};

/// Encodes a file of JSON lines; returns the error, and whether an output file appeared.
fn fails_on(content: &[u8]) -> (String, bool) {
    let folder = tempfile::tempdir().unwrap();
    let (input, input_arg) = path(&folder, "in.jsonl");
    let (output, output_arg) = path(&folder, "out.jsonl");
    fs::write(&input, content).unwrap();
    let ran = splade(
        &["encode", "--model", &tiny(), "--input", &input_arg, "--output", &output_arg],
        b"",
    );
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let beside = fs::read_dir(folder.path()).unwrap().count() - 1;
    assert_eq!(beside, usize::from(output.exists()), "a temporary file was left");
    (ran.stderr, output.exists())
}

#[test]
fn a_broken_line_names_file_and_line_and_leaves_no_output() {
    for (content, expected) in [
        (
            &b"{\"id\": \"a\", \"text\": \"x\"}\n{\"id\": \"b\"}\n"[..],
            "line 2: the record has no `text`",
        ),
        (b"{\"id\": \"a\", \"text\": \"x\"}\n{\"id\": \"b\", \"te", "line 2: not a record"),
        (b"{\"text\": \"x\"}\n\n{\"text\": \"y\"}\n", "line 2: an empty line"),
        (b"{\"text\": \"\xff\"}\n", "line 1: not UTF-8 at byte 11"),
        (b"{\"text\": 5}\n", "line 1: not a record"),
        (b"\"text\"\n", "line 1: not a record"),
    ] {
        let (error, output) = fails_on(content);
        assert!(error.contains("in.jsonl") && error.contains(expected), "{error}");
        assert!(!output, "an output file appeared");
    }
}

#[test]
fn a_missing_input_file_is_named() {
    let ran = splade(&["encode", "--model", &tiny(), "--input", "no/such.jsonl"], b"");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("cannot read no/such.jsonl"), "{}", ran.stderr);
}

#[test]
fn a_missing_output_folder_is_named() {
    let ran = encode_stdin(b"sunny", &["--output", "no/such/folder/out.jsonl"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("cannot write no/such/folder/out.jsonl"), "{}", ran.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error() {
    let ran = encode_stdin(b"sunny", &["--output", "/dev/full"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("/dev/full") && ran.stderr.contains("space"), "{}", ran.stderr);
}

#[test]
fn a_missing_model_is_named() {
    let ran = splade(&["encode", "--model", "no/such/model", "sunny"], b"");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("no/such/model"), "{}", ran.stderr);
}

#[test]
fn a_folder_without_a_model_names_the_missing_file() {
    let ran = splade(&["encode", "--model", &fixture("random"), "sunny"], b"");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("config.json"), "{}", ran.stderr);
}

#[test]
fn a_limit_above_the_positions_is_refused() {
    let ran = encode_stdin(b"sunny", &["--max-seq-length", "513"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("513") && ran.stderr.contains("512"), "{}", ran.stderr);
}

#[test]
fn a_closed_pipe_ends_quietly() {
    use std::io::Read;
    use std::process::Stdio;
    let folder = tempfile::tempdir().unwrap();
    let (input, argument) = path(&folder, "in.txt");
    fs::write(&input, "sunny\n".repeat(20_000)).unwrap();
    let mut child = crate::run::command()
        .args(["encode", "--model", &tiny(), "--quiet", "--input", &argument])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 10]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
