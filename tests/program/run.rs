//! Runs the program.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The result of a run of the program.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

pub fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_splade"))
}

/// `splade` with these arguments, `stdin` on its standard input.
pub fn splade(args: &[&str], stdin: &[u8]) -> Ran {
    let mut child = command()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let stdin = stdin.to_vec();
    // A program that stops early may close the pipe.
    let writer = std::thread::spawn(move || pipe.write_all(&stdin).is_ok());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The repository's trained model.
pub fn tiny() -> String {
    fixture("splade-tiny")
}

pub fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name);
    path.to_str().unwrap().to_owned()
}

/// A file in a folder, as an argument.
pub fn path(folder: &tempfile::TempDir, name: &str) -> (PathBuf, String) {
    let path = folder.path().join(name);
    let argument = path.to_str().unwrap().to_owned();
    (path, argument)
}

/// `splade encode --model splade-tiny --input - --output -`.
pub fn encode_stdin(stdin: &[u8], more: &[&str]) -> Ran {
    let model = tiny();
    let mut args = vec!["encode", "--model", &model, "--input", "-"];
    args.extend(more);
    splade(&args, stdin)
}
