//! Builds the worker `benches/measure.rs` and finds its executable.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::Message;

use crate::command;

const NAME: &str = "measure";
/// Backends that are compiled in if a device needs them, in addition to the library's default, so
/// that the dependencies built by `cargo build --release` can be reused.
const FEATURES: [&str; 5] = ["flex", "wgpu", "vulkan", "metal", "cuda"];

/// The executable, with the backends that `devices` need.
pub(super) fn executable(root: &Path, devices: &[String]) -> Result<PathBuf> {
    let features = features(devices);
    let messages = command::read_shown(
        command::cargo()
            .current_dir(root)
            .args(["bench", "-p", "splade", "--features", &features])
            .args(["--bench", NAME, "--no-run", "--message-format=json-render-diagnostics"]),
    )?;
    find(&messages)?.with_context(|| format!("cargo built no executable for `{NAME}`"))
}

/// The backends of a device; `auto` may be any that is built here.
fn features(devices: &[String]) -> String {
    let is_of = |feature: &str| {
        devices.iter().any(|device| {
            let kind = device.split(':').next().unwrap_or_default();
            kind == feature
                || (kind, feature) == ("mps", "metal")
                || (kind, feature) == ("auto", "wgpu")
        })
    };
    FEATURES.into_iter().filter(|feature| is_of(feature)).collect::<Vec<_>>().join(",")
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
    fn a_device_brings_its_backend() {
        let features = |devices: &[&str]| {
            features(&devices.iter().map(|d| (*d).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(features(&["cpu"]), "");
        assert_eq!(features(&["cpu", "cuda:1", "vulkan"]), "vulkan,cuda");
        assert_eq!(features(&["mps", "auto", "flex"]), "flex,wgpu,metal");
    }

    #[test]
    fn no_artifact_is_no_executable() {
        assert_eq!(find("{\"reason\":\"build-finished\",\"success\":true}\n").unwrap(), None);
    }
}
