//! `cargo xtask fixtures`: regenerates the checkpoints and golden values of the tests.

use std::process::Command;

use anyhow::Result;

use crate::{command, venv, workspace};

pub(crate) fn run() -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let root = metadata.workspace_root.as_std_path();
    let folder = workspace::target_folder(&metadata).join(venv::REFERENCE);
    let python = venv::ensure(&folder, &root.join("tests/reference/requirements.txt"))?;
    for script in ["tests/fixtures/fetch_splade_tiny.py", "tests/reference/generate.py"] {
        command::run(Command::new(&python).current_dir(root).arg(script))?;
    }
    Ok(())
}
