//! Signals that end the program, and what they leave behind.
#![cfg(unix)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::run::{path, splade, tiny};

const TEXTS: &[u8] = b"sunny weather\nthe stadium\n";

/// Names of temporary files in a folder.
fn temporary(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter(|name| name.starts_with(".splade-")).collect()
}

/// Restores signals that the parent of the tests ignores (such as SIGINT in a shell's background
/// jobs).
const HEEDING: &str = "exec env --default-signal=HUP,INT,TERM";

/// A run that has started its output, and waits for more input.
fn begun(folder: &Path, before: &str, args: &[&str]) -> Child {
    let names_before = temporary(folder);
    let start = if before.is_empty() { HEEDING } else { before };
    let mut child = Command::new("sh")
        .args(["-c", &format!("{start} \"$0\" \"$@\""), env!("CARGO_BIN_EXE_splade")])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.as_mut().unwrap().write_all(TEXTS).unwrap();
    let start = Instant::now();
    // The leftovers of other runs are removed first.
    while temporary(folder).iter().all(|name| names_before.contains(name)) {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        assert!(start.elapsed() < Duration::from_secs(120), "no output was begun");
        sleep(Duration::from_millis(20));
    }
    child
}

fn encode<'a>(model: &'a str, output: &'a str) -> [&'a str; 7] {
    ["encode", "-m", model, "-i", "-", "-o", output]
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status();
    assert!(sent.unwrap().success());
}

#[test]
fn a_signal_leaves_nothing_and_gives_its_exit_code() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let folder = tempfile::tempdir().unwrap();
        let (_, output) = path(&folder, "out.jsonl");
        let child = begun(folder.path(), "", &encode(&tiny(), &output));
        send(&child, signal);
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{signal}");
        let message = String::from_utf8_lossy(&ended.stderr);
        assert!(!message.contains("error"), "{signal}: {message}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{signal}");
    }
}

#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    for signal in ["HUP", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let (file, output) = path(&folder, "out.jsonl");
        let before = format!("trap '' {signal}; exec");
        let mut child = begun(folder.path(), &before, &encode(&tiny(), &output));
        send(&child, signal);
        sleep(Duration::from_millis(300));
        // Unless /proc tells, only SIGHUP is known to be ignored.
        if signal == "INT" && !Path::new("/proc/self/status").exists() {
            let _ = child.kill();
            continue;
        }
        assert!(child.try_wait().unwrap().is_none(), "{signal} ended it");
        drop(child.stdin.take());
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert_eq!(fs::read_to_string(file).unwrap().lines().count(), 2);
    }
}

#[test]
fn leftovers_of_a_killed_run_go_with_the_next_and_those_at_work_stay() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny();
    let (_, output) = path(&folder, "out.jsonl");
    let mut killed = begun(folder.path(), "", &encode(&model, &output));
    killed.kill().unwrap();
    killed.wait().unwrap();
    let left = temporary(folder.path());
    assert_eq!(left.len(), 1);

    let (file, second) = path(&folder, "second.jsonl");
    let mut at_work = begun(folder.path(), "", &encode(&model, &second));
    // Another run at the same time, started only after the leftovers were searched for.
    let (third, argument) = path(&folder, "third.jsonl");
    let ran = splade(&encode(&model, &argument), TEXTS);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let now = temporary(folder.path());
    assert!(now.len() == 1 && now != left, "{now:?}");
    drop(at_work.stdin.take());
    assert!(at_work.wait().unwrap().success());
    assert_eq!(fs::read(file).unwrap(), fs::read(third).unwrap());
    assert_eq!(temporary(folder.path()), Vec::<String>::new());
}

#[test]
fn parts_go_on_after_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny();
    let (parts, output) = path(&folder, "parts");
    let (_, input) = path(&folder, "texts.txt");
    let texts: String = (0..400).map(|i| format!("sunny weather {i}\n")).collect();
    fs::write(&input, texts).unwrap();
    let args =
        ["encode", "-m", &model, "-i", &input, "-o", &output, "--rows-per-part", "20", "--resume"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_splade"))
        .args(args)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !parts.join("part-00001.jsonl").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        sleep(Duration::from_millis(2));
    }
    send(&child, "INT");
    let code = child.wait().unwrap().code();
    // It may have finished just before.
    assert!(code == Some(130) || code == Some(0), "{code:?}");
    assert_eq!(temporary(&parts), Vec::<String>::new());
    let ran = splade(&args, b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let rows = splade(&["export", "qdrant", "-i", &output, "--batch-rows", "1"], b"");
    assert_eq!(rows.code, Some(0), "{}", rows.stderr);
    let n_parts = fs::read_dir(&parts).unwrap().count();
    // Twenty parts, the manifest and the lock.
    assert_eq!(n_parts, 22);
}

#[test]
fn a_file_beyond_the_limit_of_its_size_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (_, input) = path(&folder, "texts.txt");
    fs::write(&input, "sunny weather in the stadium\n".repeat(300)).unwrap();
    let (out, output) = path(&folder, "out");
    fs::create_dir(&out).unwrap();
    let output = format!("{output}/vectors.jsonl");
    let ran = Command::new("sh")
        .args(["-c", "ulimit -f 8; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_splade")])
        .args(["encode", "-m", &tiny(), "-i", &input, "-o", &output])
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(1));
    let message = String::from_utf8(ran.stderr).unwrap();
    assert!(message.contains("cannot write") && message.contains("vectors.jsonl"), "{message}");
    assert_eq!(fs::read_dir(out).unwrap().count(), 0);
}
