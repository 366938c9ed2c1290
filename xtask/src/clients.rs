//! `cargo xtask clients`: clients that others wrote, against `splade serve` with the tiny model.

use std::process::Command;

use anyhow::Result;

use crate::{command, venv, workspace};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Run the checks with this in their name
    only: Option<String>,
}

/// Two environments, since one of the clients wants another version of what the others share.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let root = metadata.workspace_root.as_std_path();
    let target = workspace::target_folder(&metadata);
    let program = workspace::build_program(&metadata)?;
    let scripts = root.join("tests/clients");
    let python = venv::ensure(&target.join("clients-venv"), &scripts.join("requirements.txt"))?;
    let generated = venv::ensure(
        &target.join("clients-generated-venv"),
        &scripts.join("requirements-generated.txt"),
    )?;
    let mut run = Command::new(python);
    run.arg(scripts.join("run.py")).arg(program).arg("--generated-python").arg(generated);
    if let Some(only) = &arguments.only {
        run.args(["--only", only]);
    }
    command::run(&mut run)
}
