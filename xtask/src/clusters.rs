//! `cargo xtask clusters`: the Python package on Ray and Spark, as real processes.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::{apt, command, python, workspace};

/// What of the package's tests needs the engines.
const TESTS: [&str; 2] = ["python/tests/test_clusters.py", "python/tests/test_ray_parts.py"];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Arguments for pytest
    #[arg(last = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let root = metadata.workspace_root.as_std_path();
    let target = workspace::target_folder(&metadata);
    let mut java = Command::new("java");
    java.arg("-version").stdout(Stdio::null()).stderr(Stdio::null());
    if !java.status().is_ok_and(|status| status.success()) {
        apt::install("Java", &["openjdk-17-jre-headless"]);
    }
    let requirements = "python/requirements-clusters.txt";
    let python = python::with_wheel(root, &target, "clusters-venv", requirements)?;
    let mut tests = Command::new(python);
    tests.current_dir(root).args(["-m", "pytest", "-rs"]).args(TESTS);
    command::run(tests.args(&arguments.arguments))
}
