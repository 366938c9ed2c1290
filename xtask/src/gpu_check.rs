//! `cargo xtask gpu-check`: builds what `xtask/gpu-check.sh` runs on a machine with a card, which
//! need not have cargo.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use cargo_metadata::{Message, Metadata};

use crate::backends::ALL_FEATURES;
use crate::{command, workspace};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder to put the programs into
    folder: PathBuf,
}

/// A program of the check.
struct Program {
    /// What the script calls it.
    name: &'static str,
    /// Arguments for cargo.
    build: Vec<&'static str>,
    /// The package and the target that it is.
    package: &'static str,
    target: &'static str,
}

/// Tests are built as `cargo xtask test` does, what is measured as users build it.
fn programs() -> Vec<Program> {
    let tests =
        || vec!["test", "--no-run", "--workspace", "--features", ALL_FEATURES, "--test", "it"];
    let release =
        |package, features| vec!["build", "--release", "-p", package, "--features", features];
    let bench = |package, features, name| {
        vec!["bench", "--no-run", "-p", package, "--features", features, "--bench", name]
    };
    let program = |name, build, package, target| Program { name, build, package, target };
    vec![
        program("kernels", tests(), "splade-model", "it"),
        program("parity", tests(), "splade", "it"),
        program("splade", release("splade-cli", "cuda,vulkan"), "splade-cli", "splade"),
        program("xtask", vec!["build", "-p", "xtask"], "xtask", "xtask"),
        program("measure", bench("splade", "cuda,vulkan", "measure"), "splade", "measure"),
        program(
            "gpu_products",
            bench("splade-gpu", "cuda", "gpu_products"),
            "splade-gpu",
            "gpu_products",
        ),
    ]
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let folder = std::path::absolute(&arguments.folder).context("there is no current folder")?;
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).with_context(|| format!("cannot create {}", bin.display()))?;
    for program in programs() {
        let built = executable(&metadata, &program)?;
        put(&built, &bin.join(program.name))?;
    }
    let root = folder.join("root.txt");
    fs::write(&root, metadata.workspace_root.as_str())
        .with_context(|| format!("cannot write {}", root.display()))?;
    println!("{}: for xtask/gpu-check.sh run, on the machine with the card", folder.display());
    Ok(())
}

fn executable(metadata: &Metadata, program: &Program) -> Result<PathBuf> {
    let messages = command::read_shown(
        command::cargo()
            .current_dir(&metadata.workspace_root)
            .args(&program.build)
            .arg("--message-format=json-render-diagnostics"),
    )?;
    let package = metadata.packages.iter().find(|package| package.name == program.package);
    let package = package.with_context(|| format!("there is no package {}", program.package))?;
    for message in Message::parse_stream(messages.as_bytes()) {
        if let Message::CompilerArtifact(artifact) = message.context("cargo's messages")?
            && artifact.package_id == package.id
            && artifact.target.name == program.target
            && let Some(executable) = artifact.executable
        {
            return Ok(executable.into_std_path_buf());
        }
    }
    anyhow::bail!("cargo built no executable for `{}` of {}", program.target, program.package)
}

/// A copy without symbols, where there is a `strip`: a few programs have to travel.
fn put(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    if let Err(error) = command::run(Command::new("strip").arg(to)) {
        eprintln!("not stripped: {error:#}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = include_str!("../gpu-check.sh");

    #[test]
    fn the_script_runs_what_is_built() {
        for program in programs() {
            let call = format!("\"$bin/{}\"", program.name);
            assert!(SCRIPT.contains(&call), "the script does not run {}", program.name);
        }
    }

    #[test]
    fn every_step_of_the_script_has_a_body_and_a_limit() {
        let steps = SCRIPT.split("STEPS=(\n").nth(1).unwrap().split("\n)").next().unwrap();
        let mut total = 0;
        for step in steps.lines() {
            let [name, limit, what] = *step.trim().trim_matches('"').split('|').collect::<Vec<_>>()
            else {
                panic!("{step}");
            };
            total += limit.parse::<u32>().unwrap();
            let body = format!("\nstep_{}() {{\n", name.replace('-', "_"));
            assert!(SCRIPT.contains(&body) && !what.is_empty(), "{name}");
        }
        assert!(total <= 480, "{total} s");
    }
}
