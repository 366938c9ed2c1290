//! What cargo and git know about the workspace: its members, its folder, its files.

use std::path::{Path, PathBuf};

use anyhow::Result;
use cargo_metadata::{Metadata, MetadataCommand};

use crate::backends::ALL_FEATURES;
use crate::command;

/// The members and their manifests, without resolving dependencies.
pub(crate) fn load_metadata() -> Result<Metadata> {
    Ok(MetadataCommand::new().no_deps().exec()?)
}

/// Files below `root` that git tracks or would track: sorted paths with `/`, without ignored files.
pub(crate) fn list_files(root: &Path) -> Result<Vec<String>> {
    let list = command::read(std::process::Command::new("git").current_dir(root).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ]))?;
    let mut files: Vec<String> = list
        .split_terminator('\0')
        .filter(|path| root.join(path).is_file()) // not deleted since the last commit
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// Names of all packages in the dependency tree of `package`, including itself, for `features`.
/// Development dependencies are not followed.
pub(crate) fn list_tree(root: &Path, package: &str, features: &[&str]) -> Result<Vec<String>> {
    let tree = command::read(
        command::cargo()
            .current_dir(root)
            .args(["tree", "--package", package])
            .args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
            .args(features),
    )?;
    let mut names: Vec<String> =
        tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// The build folder, in which other tasks keep their own subfolders.
pub(crate) fn target_folder(metadata: &Metadata) -> PathBuf {
    metadata.target_directory.clone().into_std_path_buf()
}

/// Builds the program as the tests do, so that nothing is compiled for it alone, and returns it.
pub(crate) fn build_program(metadata: &Metadata) -> Result<PathBuf> {
    let build = ["build", "--workspace", "--bin", "splade", "--features", ALL_FEATURES];
    command::run(command::cargo().current_dir(&metadata.workspace_root).args(build))?;
    let name = format!("splade{}", std::env::consts::EXE_SUFFIX);
    Ok(target_folder(metadata).join("debug").join(name))
}
