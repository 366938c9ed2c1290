//! Builds the worker `benches/measure.rs` and finds it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::Message;

use crate::command;

const NAME: &str = "measure";
/// Backends that are always built in, and the one that is where a device asks for it.
const CPU_FEATURES: &str = "ndarray,flex";
const GPU_FEATURES: &str = "ndarray,flex,wgpu";

/// The executable, with the backends that `devices` need.
pub(super) fn executable(root: &Path, devices: &[String]) -> Result<PathBuf> {
    let needs_gpu = devices.iter().any(|device| device == "wgpu" || device == "auto");
    let features = if needs_gpu { GPU_FEATURES } else { CPU_FEATURES };
    let messages = command::read_shown(
        command::cargo()
            .current_dir(root)
            .args(["bench", "-p", "splade", "--no-default-features", "--features", features])
            .args(["--bench", NAME, "--no-run", "--message-format=json-render-diagnostics"]),
    )?;
    find(&messages)?.with_context(|| format!("cargo built no executable for `{NAME}`"))
}

fn find(messages: &str) -> Result<Option<PathBuf>> {
    for message in Message::parse_stream(messages.as_bytes()) {
        if let Message::CompilerArtifact(artifact) = message.context("cargo's messages")?
            && artifact.target.name == NAME
            && let Some(executable) = artifact.executable
        {
            return Ok(Some(executable.into_std_path_buf()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_artifact_is_no_executable() {
        assert_eq!(find("{\"reason\":\"build-finished\",\"success\":true}\n").unwrap(), None);
    }
}
