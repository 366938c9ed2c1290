//! Encoding never holds the logits of all tokens in a batch, nor the attention of a whole long
//! text.
//!
//! Peak memory is per process, so the measurement runs this binary again for its own test.

use std::num::NonZeroUsize;

use splade::{EncodeOptions, SparseEncoder};

use crate::devices;
use crate::folder::Folder;

const CHILD: &str = "SPLADE_TEST_MEMORY_OF";

/// Runs `measure` in a separate process for each CPU device.
fn in_a_process_of_its_own(test: &str, measure: impl FnOnce(&str)) {
    if let Ok(device) = std::env::var(CHILD) {
        return measure(&device);
    }
    if !cfg!(target_os = "linux") {
        return eprintln!("skipped: peak memory is read from /proc, which is Linux's");
    }
    for tested in devices::cpu() {
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(CHILD, tested.device.to_string())
            .status();
        assert!(status.unwrap().success(), "on {}", tested.device);
    }
}

#[test]
fn logits_of_a_batch_are_never_held_at_once() {
    let name = "memory::logits_of_a_batch_are_never_held_at_once";
    in_a_process_of_its_own(name, |device| {
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
    });
}

#[test]
fn attention_over_a_long_text_is_never_held_at_once() {
    let name = "memory::attention_over_a_long_text_is_never_held_at_once";
    in_a_process_of_its_own(name, |device| {
        for fixture in ["modernbert-local", "new-ntk"] {
            let folder = Folder::copy_of(&format!("architectures/{fixture}"))
                .set("config.json", "max_position_embeddings", 8192)
                .set("tokenizer_config.json", "model_max_length", 8192);
            let encoder = SparseEncoder::builder().device(device.parse().unwrap());
            let encoder = encoder.load(folder.path()).unwrap();
            let text = "river stone market winter ".repeat(3000);
            let options = EncodeOptions::default();
            let before = peak_memory();
            let n_tokens = encoder.encode_with(&[&text], &options).unwrap().n_tokens;
            let used = peak_memory() - before;
            assert_eq!(n_tokens, 8192, "{fixture}");
            // One head's scores for the whole text at once would be 268 MB.
            assert!(used < 100_000_000, "{fixture}: {used} bytes");
        }
    });
}

/// The peak memory of this process in bytes.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kilobytes: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    1024 * kilobytes
}
