//! `cargo xtask sanitize`: the tests of the kernels under AddressSanitizer and ThreadSanitizer.
//!
//! Their runtimes come with the toolchain, and the flags that turn them on are open to a stable compiler
//! through `RUSTC_BOOTSTRAP`. What they see and what they do not: docs/soundness.md.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{command, workspace};

/// The reports of ThreadSanitizer that are false, each with its reason.
const SUPPRESSIONS: &str = "xtask/thread-sanitizer.txt";

struct Sanitizer {
    name: &'static str,
    flags: &'static str,
    /// The tests that it watches.
    targets: &'static [&'static str],
}

const SANITIZERS: [Sanitizer; 2] = [
    // Not `tests/it`: a thread that joins a pool of rayon's leaks its part of it, which is reported.
    Sanitizer { name: "address", flags: "-Zsanitizer=address", targets: &["--lib"] },
    // The standard library that the toolchain brings is not compiled for it, which the compiler refuses
    // unless it is told that this is meant. Where threads wait by std's condition variables, it sees races
    // that are none: so it watches the tests whose threads wait by atomics.
    Sanitizer {
        name: "thread",
        flags: "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer",
        targets: &["--test", "it"],
    },
];

/// Runs both, even if the first has found something; `arguments` are for the tests.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let (root, target) =
        (metadata.workspace_root.as_std_path(), workspace::target_folder(&metadata));
    let host = host()?;
    let mut failures = Vec::new();
    for sanitizer in &SANITIZERS {
        let mut test = test(sanitizer, &host, root, &target.join("sanitize").join(sanitizer.name));
        let result = command::run(test.arg("--").args(arguments));
        failures.extend(result.err().map(|error| format!("{error:#}")));
    }
    if !failures.is_empty() {
        bail!("{}", failures.join("\n       "));
    }
    Ok(())
}

/// `--target`, though it is the host's: the flags are for the tests then, and not for build scripts and
/// procedural macros, which the compiler itself loads. The target folder is apart, or else each run would
/// throw away the usual build.
fn test(sanitizer: &Sanitizer, host: &str, root: &Path, target: &Path) -> Command {
    let mut test = command::cargo();
    test.current_dir(root)
        .args(["test", "--package", "splade-kernels"])
        .args(sanitizer.targets)
        .args(["--target", host, "--target-dir"])
        .arg(target)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", sanitizer.flags)
        // Says which line a report is of, should the machine have llvm-symbolizer.
        .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
        .env("TSAN_OPTIONS", format!("suppressions={}", root.join(SUPPRESSIONS).display()));
    test
}

/// The target that the compiler runs on.
fn host() -> Result<String> {
    let version = command::read(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suppression_has_a_reason() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(SUPPRESSIONS);
        let text = std::fs::read_to_string(path).unwrap();
        for block in text.split("\n\n") {
            assert!(block.starts_with('#'), "no reason above `{block}`");
        }
    }
}
