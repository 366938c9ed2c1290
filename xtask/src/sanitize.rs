//! `cargo xtask sanitize`: the kernels' tests under AddressSanitizer and ThreadSanitizer.
//!
//! Their runtimes come with the toolchain, and `RUSTC_BOOTSTRAP` makes their flags available to a
//! stable compiler. docs/soundness.md says what they detect and what they do not.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{command, workspace};

/// False reports of ThreadSanitizer, each with its reason.
const SUPPRESSIONS: &str = "xtask/thread-sanitizer.txt";

struct Sanitizer {
    name: &'static str,
    flags: &'static str,
    /// The tests that run under it.
    targets: &'static [&'static str],
}

const SANITIZERS: [Sanitizer; 2] = [
    // Not `tests/it`: a thread that joins a rayon pool leaks its part of it, which is reported.
    Sanitizer { name: "address", flags: "-Zsanitizer=address", targets: &["--lib"] },
    // The toolchain's standard library is not compiled for it; the compiler refuses that unless
    // told that it is intended. If threads wait on std's condition variables, it reports false
    // races, so it runs only tests whose threads wait on atomics.
    Sanitizer {
        name: "thread",
        flags: "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer",
        targets: &["--test", "it"],
    },
];

/// Runs both, even if the first found something; `arguments` are for the tests.
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

/// `--target`, although it is the host's: the flags then apply to the tests only, not to build
/// scripts and procedural macros, which the compiler itself loads. A separate target folder keeps
/// each run from discarding the usual build.
fn test(sanitizer: &Sanitizer, host: &str, root: &Path, target: &Path) -> Command {
    let mut test = command::cargo();
    test.current_dir(root)
        .args(["test", "--package", "splade-kernels"])
        .args(sanitizer.targets)
        .args(["--target", host, "--target-dir"])
        .arg(target)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", sanitizer.flags)
        // Shows the line of each report, if the machine has llvm-symbolizer.
        .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
        .env("TSAN_OPTIONS", format!("suppressions={}", root.join(SUPPRESSIONS).display()));
    test
}

/// The compiler's own target.
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
