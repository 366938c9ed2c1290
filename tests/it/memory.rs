//! Encoding never holds the logits of all tokens of a batch.
//!
//! A process has one peak, so the measurement is a run of this binary on its own test.

use std::num::NonZeroUsize;

use splade::{EncodeOptions, SparseEncoder};

use crate::devices;

const NAME: &str = "memory::logits_of_a_batch_are_never_held_at_once";
const CHILD: &str = "SPLADE_TEST_MEMORY_OF";

#[test]
fn logits_of_a_batch_are_never_held_at_once() {
    if let Ok(device) = std::env::var(CHILD) {
        return encode_a_batch_in_little_memory(&device);
    }
    if !cfg!(target_os = "linux") {
        return eprintln!("skipped: peak memory is read from /proc, which is Linux's");
    }
    for tested in devices::cpu() {
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env(CHILD, tested.device.to_string())
            .status();
        assert!(status.unwrap().success(), "on {}", tested.device);
    }
}

fn encode_a_batch_in_little_memory(device: &str) {
    let encoder = SparseEncoder::builder().device(device.parse().unwrap());
    let encoder = encoder.load(crate::golden::fixture("splade-tiny")).unwrap();
    let texts = vec!["river stone market winter ".repeat(100); 16];
    let tokens = NonZeroUsize::new(8192).unwrap();
    let options = EncodeOptions::default().with_max_batch_tokens(tokens);
    let before = peak_memory();
    let n_tokens = encoder.encode_with(&texts, &options).unwrap().n_tokens;
    let used = peak_memory() - before;
    let logits = 4 * n_tokens * encoder.dimension();
    // 785 MB of logits; the rest of the work takes a tenth of that.
    assert!(logits > 700_000_000 && used < logits / 4, "{used} bytes, logits are {logits}");
}

/// The most bytes that this process has had in memory.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kilobytes: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    1024 * kilobytes
}
