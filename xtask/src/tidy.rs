//! `cargo xtask tidy`: the house rules that need no compiler, one file per rule.

mod absolute_paths;
mod arrows;
mod backend_cfg;
mod backend_trees;
mod burn_free;
mod comment_width;
mod documents;
mod encode_only;
mod externals;
mod facade_root;
mod inherited_versions;
mod length;
mod module_docs;
mod shortcuts;
mod source;
mod unreachable;
mod unsafe_code;
mod violation;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use cargo_metadata::Metadata;

use crate::backends::BACKENDS;
use crate::workspace;
pub(crate) use source::SourceFile;
use violation::Violation;

/// Folders whose Rust files the rules apply to.
const SOURCE_FOLDERS: [&str; 6] =
    ["crates/", "xtask/", "tests/", "examples/", "benches/", "engines/"];

/// Prints every violation; fails if there is one.
pub(crate) fn run() -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let root = metadata.workspace_root.as_std_path();
    let files = workspace::list_files(root)?;
    let sources = load_sources(root, &files)?;

    for warning in sources.iter().filter_map(length::warn) {
        eprintln!("tidy: warning: {warning}");
    }
    let mut violations = check_packages(&metadata)?;
    violations.extend(check_sources(&metadata, &sources));
    violations.extend(check_texts(root, &files)?);
    for violation in &violations {
        eprintln!("tidy: {violation}");
    }
    match violations.len() {
        0 => eprintln!("tidy: {} files, nothing to complain of", files.len()),
        1 => bail!("tidy: 1 violation"),
        n => bail!("tidy: {n} violations"),
    }
    Ok(())
}

/// Rules about dependencies.
fn check_packages(metadata: &Metadata) -> Result<Vec<Violation>> {
    let root = metadata.workspace_root.as_std_path();
    let mut violations = Vec::new();
    let members: Vec<&str> =
        metadata.packages.iter().map(|package| package.name.as_str()).collect();
    for package in metadata.workspace_packages() {
        let dependencies: Vec<&str> =
            package.dependencies.iter().map(|d| d.name.as_str()).collect();
        violations.extend(arrows::check(&package.name, &dependencies, &members));

        let manifest = package.manifest_path.as_std_path();
        let text = read(manifest)?;
        violations.extend(inherited_versions::check(&relative(root, manifest), &text));
    }
    violations.extend(externals::check(&metadata.workspace_packages()));
    for package in burn_free::PACKAGES {
        let tree = workspace::list_tree(root, package, &["--all-features"])?;
        violations.extend(burn_free::check(package, &tree));
    }
    for backend in &BACKENDS {
        let features = ["--no-default-features", "--features", backend.feature];
        let tree = workspace::list_tree(root, "splade", &features)?;
        violations.extend(backend_trees::check(backend, &tree));
    }
    for (build, arguments) in encode_only::BUILDS {
        let tree = workspace::list_tree(root, "splade", arguments)?;
        violations.extend(encode_only::check(build, &tree));
    }
    Ok(violations)
}

/// Rules about Rust files.
fn check_sources(metadata: &Metadata, sources: &[SourceFile]) -> Vec<Violation> {
    let root = metadata.workspace_root.as_std_path();
    let roots: Vec<String> = metadata
        .workspace_packages()
        .iter()
        .flat_map(|package| &package.targets)
        .filter(|target| target.is_lib() || target.is_bin())
        .map(|target| relative(root, target.src_path.as_std_path()))
        .collect();
    sources
        .iter()
        .flat_map(|file| {
            let forbidden = roots.contains(&file.path).then(|| unsafe_code::check_root(file));
            let mut violations: Vec<Violation> = forbidden.flatten().into_iter().collect();
            violations.extend(module_docs::check(file));
            violations.extend(comment_width::check(file));
            violations.extend(unsafe_code::check(file));
            violations.extend(backend_cfg::check(file));
            violations.extend(shortcuts::check(file));
            violations.extend(unreachable::check(file));
            violations.extend(facade_root::check(file));
            violations
        })
        .collect()
}

/// Rules about any text file.
fn check_texts(root: &Path, files: &[String]) -> Result<Vec<Violation>> {
    let mut violations = documents::check_present(files);
    for path in files {
        let bytes = fs::read(root.join(path)).with_context(|| format!("cannot read {path}"))?;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        violations.extend(documents::check_length(path, &text));
        violations.extend(absolute_paths::check(path, &text));
    }
    Ok(violations)
}

fn load_sources(root: &Path, files: &[String]) -> Result<Vec<SourceFile>> {
    files
        .iter()
        .filter(|path| path.ends_with(".rs"))
        .filter(|path| SOURCE_FOLDERS.iter().any(|folder| path.starts_with(folder)))
        .map(|path| Ok(SourceFile::new(path, read(&root.join(path))?)))
        .collect()
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}
