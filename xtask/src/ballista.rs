//! `cargo xtask ballista`: the workspace of `engines/ballista`, which nothing else builds.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{command, workspace};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Arguments for `cargo test`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Its rustfmt, its tests with processes that are killed, and its clippy, in a target folder of its
/// own below that of this workspace. Every step runs, even if an earlier one failed.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let folder = metadata.workspace_root.as_std_path().join("engines/ballista");
    let target = workspace::target_folder(&metadata).join("ballista");
    let cargo = |words: &[&str]| {
        let mut command = command::cargo();
        command.current_dir(&folder).args(words).env("CARGO_TARGET_DIR", &target);
        command
    };
    let mut test = cargo(&["test", "--locked"]);
    test.args(&arguments.arguments);
    let steps: [Command; 3] = [
        cargo(&["fmt", "--check"]),
        test,
        cargo(&["clippy", "--locked", "--all-targets", "--", "-D", "warnings"]),
    ];
    let mut failures = Vec::new();
    for mut step in steps {
        failures.extend(command::run(&mut step).err().map(|error| format!("{error:#}")));
    }
    if !failures.is_empty() {
        bail!("{}", failures.join("\n       "));
    }
    Ok(())
}
