//! `cargo xtask check`: everything that each commit must satisfy, except its tests.

use std::process::Command;

use anyhow::{Result, bail};

use crate::backends::ALL_FEATURES;
use crate::{command, tidy};

/// Runs every step even if an earlier one failed, so that one run reports everything.
pub(crate) fn run() -> Result<()> {
    let mut failures: Vec<String> = tidy::run().err().map(|e| e.to_string()).into_iter().collect();
    for mut step in [format(), clippy(), doc()] {
        failures.extend(command::run(&mut step).err().map(|error| format!("{error:#}")));
    }
    if !failures.is_empty() {
        bail!("{}", failures.join("\n       "));
    }
    Ok(())
}

fn format() -> Command {
    let mut command = command::cargo();
    command.args(["fmt", "--all", "--check"]);
    command
}

fn clippy() -> Command {
    let mut command = command::cargo();
    command
        .args(["clippy", "--workspace", "--all-targets", "--features", ALL_FEATURES])
        .args(["--", "-D", "warnings"]);
    command
}

/// `--lib`: the program and the library are both called `splade`, so their pages would overwrite
/// each other.
fn doc() -> Command {
    let mut command = command::cargo();
    command
        .args(["doc", "--workspace", "--lib", "--no-deps", "--features", ALL_FEATURES])
        .env("RUSTDOCFLAGS", "-D warnings");
    command
}
