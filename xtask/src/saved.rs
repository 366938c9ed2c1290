//! `cargo xtask saved`: loads the output of `splade convert` with sentence-transformers.

use std::process::Command;

use anyhow::Result;

use crate::backends::ALL_FEATURES;
use crate::{command, venv, workspace};

pub(crate) fn run() -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let root = metadata.workspace_root.as_std_path();
    let target = workspace::target_folder(&metadata);
    // As the tests build it, so that nothing is compiled for this alone.
    let build = ["build", "--workspace", "--bin", "splade", "--features", ALL_FEATURES];
    command::run(command::cargo().current_dir(root).args(build))?;
    let program = target.join("debug").join(format!("splade{}", std::env::consts::EXE_SUFFIX));
    // The same packages as for the fixtures.
    let folder = target.join("fixtures-venv");
    let python = venv::ensure(&folder, &root.join("tests/reference/requirements.txt"))?;
    let script = root.join("tests/reference/saved.py");
    command::run(Command::new(&python).arg(script).arg(program).arg(target.join("saved")))
}
