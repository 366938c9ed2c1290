//! `cargo xtask stores`: planned corpora in object stores on loopback, with faults.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::{command, venv, workspace};

/// The emulator of Azure's blobs, from npm.
const AZURITE: &str = "azurite@3.37.0";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Run the checks with this in their name
    only: Option<String>,
    /// Leave out Azure, whose emulator needs node and npm
    #[arg(long)]
    without_azure: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let target = workspace::target_folder(&metadata);
    let azurite = match arguments.without_azure {
        true => None,
        false => Some(azurite(&target.join("stores-azurite"))?),
    };
    let scripts = metadata.workspace_root.as_std_path().join("tests/stores");
    let python = venv::ensure(&target.join("stores-venv"), &scripts.join("requirements.txt"))?;
    let program = workspace::build_program(&metadata)?;
    let mut run = Command::new(python);
    run.arg(scripts.join("run.py")).arg(program);
    if let Some(azurite) = azurite {
        run.arg("--azurite").arg(azurite);
    }
    if let Some(only) = &arguments.only {
        run.args(["--only", only]);
    }
    command::run(&mut run)
}

/// Installs azurite in a folder of its own; returns the script of its blob server.
fn azurite(folder: &Path) -> Result<PathBuf> {
    for program in ["node", "npm"] {
        let mut version = Command::new(program);
        version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        ensure!(
            version.status().is_ok_and(|status| status.success()),
            "azurite, which stands for Azure, needs {program} (on Debian: apt-get install nodejs \
             npm); --without-azure checks S3 alone"
        );
    }
    let script = folder.join("node_modules/azurite/dist/src/blob/main.js");
    if !script.is_file() {
        let mut install = Command::new("npm");
        install.args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"]);
        command::run(install.arg(folder).arg(AZURITE)).context("cannot install azurite")?;
    }
    ensure!(script.is_file(), "{AZURITE} has no {}", script.display());
    Ok(script)
}
