//! Memory does not grow with the file (on Linux, which reports the peak of a process).
#![cfg(target_os = "linux")]

use std::fs;

use crate::run::{command, path, tiny};

/// Peak memory while encoding `texts`, in MB.
fn peak_mb(texts: &str) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let (input, argument) = path(&folder, "in.txt");
    fs::write(&input, texts).unwrap();
    let program = command().get_program().to_owned();
    // The shell reports its child's peak through the /proc entry of the program that it becomes.
    let script = "\"$0\" encode --quiet --model \"$1\" --input \"$2\" --output /dev/null & pid=$!; \
                  peak=0; while kill -0 $pid 2>/dev/null; do \
                  now=$(sed -n 's/VmHWM:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$pid/status 2>/dev/null); \
                  [ -n \"$now\" ] && peak=$now; sleep 0.02; done; wait $pid && echo $peak";
    let output = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(program)
        .args([&tiny(), &argument])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let kb: u64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    kb / 1024
}

/// A passage of about 75 tokens.
fn passage(i: usize) -> String {
    let words = ["river", "stone", "market", "winter", "garden", "engine", "silver", "letter"];
    let words: Vec<_> = (0..72).map(|j| words[(i * 31 + j * j) % words.len()]).collect();
    words.join(" ")
}

#[test]
fn two_thousand_passages_take_less_than_400_mb_and_more_take_no_more() {
    let passages = |n| (0..n).map(passage).collect::<Vec<_>>().join("\n");
    let small = peak_mb(&passages(2_000));
    assert!(small < 400, "{small} MB for 2,000 passages");
    let large = peak_mb(&passages(4_000));
    assert!(large < small + 40, "{small} MB for 2,000 passages, {large} MB for 4,000");
}
