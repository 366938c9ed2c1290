//! Builds what is measured, and what measures.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::Message;

use crate::command;

/// What a report needs.
pub(super) struct Executables {
    /// The load generator.
    pub(super) driver: PathBuf,
    /// The program.
    pub(super) program: PathBuf,
    /// The library without a server: `benches/measure.rs`.
    pub(super) measure: PathBuf,
}

/// The load generator alone.
pub(super) fn driver(root: &Path) -> Result<PathBuf> {
    find(&build(root, &["--package", "load", "--bin", "load"])?, "load")
}

/// All executables of a report, by one command: cargo gives their dependencies the same features,
/// so that each is built once.
pub(super) fn all(root: &Path) -> Result<Executables> {
    let packages = ["--package", "load", "--package", "splade-cli", "--package", "splade"];
    let targets = ["--bin", "load", "--bin", "splade", "--bench", "measure"];
    let messages = build(root, &[packages, targets].concat())?;
    Ok(Executables {
        driver: find(&messages, "load")?,
        program: find(&messages, "splade")?,
        measure: find(&messages, "measure")?,
    })
}

/// Builds with optimisations; returns cargo's messages.
fn build(root: &Path, what: &[&str]) -> Result<String> {
    command::read_shown(
        command::cargo()
            .current_dir(root)
            .args(["build", "--release"])
            .args(what)
            .arg("--message-format=json-render-diagnostics"),
    )
}

fn find(messages: &str, name: &str) -> Result<PathBuf> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_artifact_is_an_error_that_names_it() {
        let error = find("{\"reason\":\"build-finished\",\"success\":true}\n", "load");
        assert!(error.unwrap_err().to_string().contains("`load`"));
    }
}
