//! Python virtual environments, each with the packages of a requirements file.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::command;

/// The folder of sentence-transformers in the versions that golden values come from: torch is
/// large, and installed once for all that compares with it.
pub(crate) const REFERENCE: &str = "reference-venv";

/// The Python of the virtual environment in `folder`, which is created if missing. Its packages are
/// updated to `requirements`.
pub(crate) fn ensure(folder: &Path, requirements: &Path) -> Result<PathBuf> {
    let python = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
    let python = folder.join(python);
    if !python.is_file() {
        let system = if cfg!(windows) { "python" } else { "python3" };
        command::run(Command::new(system).args(["-m", "venv"]).arg(folder))?;
    }
    let install = ["-m", "pip", "install", "--requirement"];
    command::run(Command::new(&python).args(install).arg(requirements))?;
    Ok(python)
}
