//! Builds what is measured, and what measures.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::Message;

use crate::command;

/// The load generator.
pub(super) fn driver(root: &Path) -> Result<PathBuf> {
    executable(root, "load", "load")
}

/// The program.
pub(super) fn program(root: &Path) -> Result<PathBuf> {
    executable(root, "splade-cli", "splade")
}

/// The executable `name` of a package, built with optimisations.
fn executable(root: &Path, package: &str, name: &str) -> Result<PathBuf> {
    let messages = command::read_shown(
        command::cargo()
            .current_dir(root)
            .args(["build", "--release", "--package", package, "--bin", name])
            .arg("--message-format=json-render-diagnostics"),
    )?;
    for message in Message::parse_stream(messages.as_bytes()) {
        if let Message::CompilerArtifact(artifact) = message.context("cargo's messages")?
            && artifact.target.name == name
            && let Some(executable) = artifact.executable
        {
            return Ok(executable.into_std_path_buf());
        }
    }
    anyhow::bail!("cargo built no executable for `{name}`")
}
