//! `cargo xtask fixtures`: the checkpoints and golden values of the tests, made anew.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{command, workspace};

pub(crate) fn run() -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let root = metadata.workspace_root.as_std_path();
    let python = ensure_venv(&workspace::target_folder(&metadata).join("fixtures-venv"))?;
    for arguments in [
        &["-m", "pip", "install", "--requirement", "tests/reference/requirements.txt"][..],
        &["tests/fixtures/fetch_splade_tiny.py"],
        &["tests/reference/generate.py"],
    ] {
        command::run(Command::new(&python).current_dir(root).args(arguments))?;
    }
    Ok(())
}

/// The Python of the virtual environment in `folder`, which is made if it is not there.
fn ensure_venv(folder: &Path) -> Result<PathBuf> {
    let python = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
    let python = folder.join(python);
    if !python.is_file() {
        let system = if cfg!(windows) { "python" } else { "python3" };
        command::run(Command::new(system).args(["-m", "venv"]).arg(folder))?;
    }
    Ok(python)
}
