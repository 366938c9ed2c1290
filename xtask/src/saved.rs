//! `cargo xtask saved`: loads the output of `splade convert` with sentence-transformers.

use std::process::Command;

use anyhow::Result;

use crate::{command, venv, workspace};

pub(crate) fn run() -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let root = metadata.workspace_root.as_std_path();
    let target = workspace::target_folder(&metadata);
    let program = workspace::build_program(&metadata)?;
    // The same packages as for the fixtures.
    let folder = target.join(venv::REFERENCE);
    let python = venv::ensure(&folder, &root.join("tests/reference/requirements.txt"))?;
    let script = root.join("tests/reference/saved.py");
    command::run(Command::new(&python).arg(script).arg(program).arg(target.join("saved")))
}
