//! Standard output and standard error that cannot be written: on a full disk, closed, or a pipe
//! without a reader. Every command, in each case: no panic, the right exit code, and complete
//! files.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::run::{Ran, fixture, path, splade, tiny};

/// The state of a stream.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stream {
    Read,
    Full,
    Closed,
    /// A pipe whose reader has gone.
    Unread,
}

/// A command line of the program.
struct Case {
    args: Vec<String>,
    stdin: &'static [u8],
    /// Files that it writes, which are always the same.
    files: Vec<PathBuf>,
}

/// Everything that the commands need, in a folder.
struct Inputs {
    folder: tempfile::TempDir,
}

impl Inputs {
    fn new() -> Self {
        let inputs = Self { folder: tempfile::tempdir().unwrap() };
        let file = |name: &str| inputs.folder.path().join(name);
        let texts = "{\"id\": \"a\", \"text\": \"It's so sunny outside!\"}\n\
                     {\"id\": \"b\", \"text\": \"the stadium\"}\n";
        fs::write(file("texts.jsonl"), texts).unwrap();
        fs::write(file("qrels.txt"), "q 0 a 1\n").unwrap();
        fs::write(file("run.trec"), "q Q0 a 1 2.5 x\nq Q0 b 2 1.5 x\n").unwrap();
        let at = |name: &str| path(&inputs.folder, name).1;
        let (texts, vectors, index) = (at("texts.jsonl"), at("vectors.jsonl"), at("docs.index"));
        let made = at("made");
        for args in [
            &["encode", "-m", &tiny(), "-i", &texts, "-o", &vectors][..],
            &["plan", &texts, "-o", &made, "--rows-per-part", "1"],
            &["encode-part", &made, "--all", "-m", &tiny()],
            &["index", "-i", &vectors, "-o", &index, "--dimension", "30522"],
        ] {
            let ran = splade(args, b"");
            assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        }
        inputs
    }

    /// A command given as words, where `%` marks a file of the folder and `@` one that the command
    /// writes.
    fn case(&self, words: &str, stdin: &'static [u8]) -> Case {
        let mut files = Vec::new();
        let args = words.split_whitespace().map(|word| match (word.get(..1), word.get(1..)) {
            (Some("%"), Some(name)) => path(&self.folder, name).1,
            (Some("@"), Some(name)) => {
                let (file, argument) = path(&self.folder, &format!("out-{name}"));
                files.push(file);
                argument
            }
            _ if word == "MODEL" => tiny(),
            _ if word == "BEIR" => fixture("beir"),
            _ => word.to_owned(),
        });
        Case { args: args.collect(), stdin, files }
    }

    /// Every command, with each output it can write to.
    fn cases(&self) -> Vec<Case> {
        let case = |words| self.case(words, b"");
        let mut cases: Vec<Case> = [
            "--help",
            "--version",
            "encode -m MODEL sunny weather",
            "encode -m MODEL -i %texts.jsonl",
            "encode -m MODEL -i %texts.jsonl -o @1.jsonl -v --profile",
            "encode -m MODEL -i %texts.jsonl -o @2.npz",
            "encode -m MODEL -i %texts.jsonl -o @parts --rows-per-part 1 --resume",
            "encode -m MODEL -i %none.jsonl",
            "encode -m MODEL --what",
            "plan %texts.jsonl -o @planned --rows-per-part 1",
            "encode-part %made 0-1 -m MODEL --json",
            "encode-part %made 7 -m MODEL",
            "finish %made --verify",
            "similarity -m MODEL sunny weather",
            "similarity -m MODEL --queries %texts.jsonl --corpus %texts.jsonl",
            "similarity -m MODEL --queries %texts.jsonl --corpus %texts.jsonl -o @3.jsonl",
            "search -m MODEL --corpus %texts.jsonl sunny --explain",
            "search -m MODEL --index %docs.index --queries %texts.jsonl",
            "search -m MODEL --index %docs.index --queries %texts.jsonl -o @4.trec",
            "index -i %vectors.jsonl -o @5.index --dimension 30522 --verify",
            "evaluate BEIR -m MODEL --write-run @6.trec --json @6.json",
            "evaluate --runs %run.trec --qrels %qrels.txt --fuse @7.trec",
            "evaluate --runs %run.trec --qrels %qrels.txt --json - --trec",
            "export qdrant -i %vectors.jsonl",
            "export vespa -i %vectors.jsonl -m MODEL -o @8.jsonl",
            "export pgvector --setup --dimension 30522",
            "export qdrant --query sunny -m MODEL",
            "explain -m MODEL sunny --html @9.html",
            "explain -m MODEL sunny --html -",
            "info MODEL",
            "info MODEL --json",
            "devices",
            "devices --json",
        ]
        .map(case)
        .into();
        let commands = [
            "plan",
            "encode-part",
            "finish",
            "encode",
            "similarity",
            "search",
            "index",
            "evaluate",
            "export",
            "explain",
        ];
        cases.extend(commands.map(|command| self.case(&format!("{command} --help"), b"")));
        cases.push(self.case("search -m MODEL --index %docs.index", b"sunny\nstadium\n"));
        cases.push(self.case("encode -m MODEL -i - -o /dev/stdout", b"one\ntwo\n"));
        cases
    }
}

fn run(case: &Case, stdout: Stream, stderr: Stream) -> Ran {
    for file in &case.files {
        let _ = fs::remove_file(file);
        let _ = fs::remove_dir_all(file);
    }
    // The shell can close a stream.
    let mut script = String::from("exec \"$0\" \"$@\"");
    for (stream, close) in [(stdout, " >&-"), (stderr, " 2>&-")] {
        if stream == Stream::Closed {
            script += close;
        }
    }
    let stdio = |stream| match stream {
        Stream::Read | Stream::Closed => Stdio::piped(),
        Stream::Full => File::options().write(true).open("/dev/full").unwrap().into(),
        Stream::Unread => std::io::pipe().unwrap().1.into(),
    };
    let mut child = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_splade")])
        .args(&case.args)
        .stdin(Stdio::piped())
        .stdout(stdio(stdout))
        .stderr(stdio(stderr))
        .spawn()
        .unwrap();
    // A program that stops early closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(case.stdin);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The contents of the files that a command wrote.
fn content(case: &Case) -> Vec<(PathBuf, Vec<u8>)> {
    let mut content = Vec::new();
    for file in &case.files {
        match fs::read_dir(file) {
            Err(_) => content.push((file.clone(), fs::read(file).unwrap())),
            Ok(entries) => content.extend(entries.map(|entry| {
                let path = entry.unwrap().path();
                (path.clone(), fs::read(path).unwrap())
            })),
        }
    }
    content.sort();
    content
}

/// Runs all commands with an unwritable stream, and compares the results with those of normal runs.
fn every_command(stdout: Stream, stderr: Stream) {
    let inputs = Inputs::new();
    for case in inputs.cases() {
        let what = case.args.join(" ");
        let expected = run(&case, Stream::Read, Stream::Read);
        let files = content(&case);
        let ran = run(&case, stdout, stderr);
        assert!(!ran.stderr.contains("panicked"), "{what}: {}", ran.stderr);
        let is_lost = stdout == Stream::Full && !expected.stdout.is_empty();
        let code = if is_lost { Some(1) } else { expected.code };
        assert_eq!(ran.code, code, "{what}: {}", ran.stderr);
        assert_eq!(ran.stderr.contains("cannot write"), is_lost, "{what}: {}", ran.stderr);
        assert_eq!(content(&case), files, "{what}");
        if stdout == Stream::Read {
            assert_eq!(ran.stdout, expected.stdout, "{what}");
        }
    }
}

#[test]
fn a_full_standard_output_is_an_error_and_loses_no_file() {
    every_command(Stream::Full, Stream::Read);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    every_command(Stream::Unread, Stream::Read);
}

#[test]
fn a_closed_standard_output_is_as_dev_null() {
    every_command(Stream::Closed, Stream::Read);
}

#[test]
fn a_full_standard_error_changes_nothing() {
    every_command(Stream::Read, Stream::Full);
}

#[test]
fn a_closed_standard_error_changes_nothing() {
    every_command(Stream::Read, Stream::Closed);
}

#[test]
fn a_standard_error_that_nobody_reads_changes_nothing() {
    every_command(Stream::Read, Stream::Unread);
}

#[test]
fn what_cannot_be_written_is_reported_before_the_work() {
    let inputs = Inputs::new();
    // The model does not exist either, which would be reported if it were loaded first.
    for words in [
        "evaluate BEIR -m %none --json %none/x.json",
        "evaluate BEIR -m %none --write-run %none/x.trec",
        "encode -m %none -i %texts.jsonl -o %none/x.jsonl",
        "similarity -m %none --queries %texts.jsonl --corpus %texts.jsonl -o %none/x.jsonl",
        "search -m %none --index %docs.index --queries %texts.jsonl -o %none/x.jsonl",
    ] {
        let ran = run(&inputs.case(words, b""), Stream::Read, Stream::Read);
        assert_eq!(ran.code, Some(1), "{words}");
        assert!(
            ran.stderr.contains("cannot write") && ran.stderr.contains("none/x."),
            "{}",
            ran.stderr
        );
    }
}
