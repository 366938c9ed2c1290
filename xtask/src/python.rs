//! `cargo xtask python`: builds the wheel, installs it, and runs the tests of the Python package.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};

use crate::{command, venv, workspace};

/// The Pythons that one wheel serves.
const VERSIONS: [&str; 5] = ["3.10", "3.11", "3.12", "3.13", "3.14"];

/// The oldest Linux that a published wheel serves: glibc 2.28, of 2018.
const PLATFORM: &str = "manylinux_2_28";
const MINOR: u32 = 28;

/// Encodes without anything but numpy.
const ENCODE: &str = "\
import sys
from splade import SparseEncoder
rows = SparseEncoder(sys.argv[1]).encode(['It is sunny.'], output='splade')
assert rows.shape == (1, 30522) and rows.nnz > 0";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Compare with sentence-transformers too, which is downloaded with torch (2 GB and more)
    #[arg(long)]
    reference: bool,
    /// Run sentence-transformers' own tests, from a checkout; implies --reference
    #[arg(long, value_name = "CHECKOUT")]
    conformance: Option<PathBuf>,
    /// Link with zig for every Linux with glibc 2.28 or later, and have auditwheel check that
    #[arg(long)]
    manylinux: bool,
    /// Only build the wheel
    #[arg(long)]
    wheel: bool,
    /// Arguments for pytest
    #[arg(last = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let root = metadata.workspace_root.as_std_path();
    let target = workspace::target_folder(&metadata);
    let has_reference = arguments.reference || arguments.conformance.is_some();
    let (folder, requirements) = match has_reference {
        true => (venv::REFERENCE, "python/requirements-reference.txt"),
        false => ("python-venv", "python/requirements.txt"),
    };
    let python = venv::ensure(&target.join(folder), &root.join(requirements))?;
    let systems = if arguments.manylinux { Systems::Manylinux } else { Systems::This };
    let wheel = build(root, &target, &python, systems)?;
    if arguments.manylinux {
        audit(&python, &wheel)?;
    }
    if arguments.wheel {
        eprintln!("python: {}", wheel.display());
        return Ok(());
    }
    install(&python, &wheel)?;
    let mypy = ["mypy", "--config-file", "python/pyproject.toml"];
    for tool in [&["mypy.stubtest", "splade._splade"][..], &mypy[..]] {
        command::run(Command::new(&python).current_dir(root).arg("-m").args(tool))?;
    }
    // Not `python -m pytest` in `python/`: the sources there have no native module.
    let mut tests = Command::new(&python);
    tests.current_dir(root).args(["-m", "pytest", "-rs", "python/tests"]);
    command::run(tests.args(&arguments.arguments))?;
    if let Some(checkout) = &arguments.conformance {
        let script = root.join("python/conformance/run.py");
        command::run(Command::new(&python).arg(script).arg(checkout))?;
    }
    let absent = try_versions(root, &target, &wheel)?;
    if !has_reference {
        eprintln!("python: without --reference nothing was compared with sentence-transformers");
    }
    if arguments.conformance.is_none() {
        eprintln!("python: without --conformance none of sentence-transformers' tests were run");
    }
    if !absent.is_empty() {
        eprintln!("python: not tried, since it is absent: Python {}", absent.join(", "));
    }
    Ok(())
}

/// A Python in `folder` with the packages of `requirements`, and with the wheel, newly built.
pub(crate) fn with_wheel(
    root: &Path,
    target: &Path,
    folder: &str,
    requirements: &str,
) -> Result<PathBuf> {
    let python = venv::ensure(&target.join(folder), &root.join(requirements))?;
    let wheel = build(root, target, &python, Systems::This)?;
    install(&python, &wheel)?;
    Ok(python)
}

/// For which systems a wheel is linked.
#[derive(Clone, Copy)]
enum Systems {
    /// This one, and newer ones.
    This,
    /// Every Linux with the glibc of `PLATFORM`.
    Manylinux,
}

/// Builds the wheel, and returns its path.
fn build(root: &Path, target: &Path, python: &Path, systems: Systems) -> Result<PathBuf> {
    let mut maturin = Command::new(python);
    maturin.current_dir(root.join("python")).args(["-m", "maturin", "build", "--release"]);
    let wheels = match systems {
        Systems::This => target.join("wheels"),
        Systems::Manylinux => {
            maturin.args(["--zig", "--compatibility", PLATFORM]);
            target.join("wheels").join(PLATFORM)
        }
    };
    // maturin finds the zig of this environment on the path.
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = python.parent().map(Path::to_path_buf).into_iter().chain(env::split_paths(&path));
    maturin.env("PATH", env::join_paths(folders)?);
    command::run(maturin.args(["--locked", "--out"]).arg(&wheels))?;
    let newest = fs::read_dir(&wheels)
        .with_context(|| format!("cannot read {}", wheels.display()))?
        .filter_map(|entry| entry.ok())
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "whl"))
        .max_by_key(|entry| entry.metadata().and_then(|metadata| metadata.modified()).ok());
    match newest {
        Some(wheel) => Ok(wheel.path()),
        None => bail!("maturin left no wheel in {}", wheels.display()),
    }
}

/// Fails if the wheel needs a newer Linux than `PLATFORM`, whatever its name says.
fn audit(python: &Path, wheel: &Path) -> Result<()> {
    let show = ["-m", "auditwheel", "show", "--json"];
    let audited = command::read(Command::new(python).args(show).arg(wheel))?;
    let audited: serde_json::Value = serde_json::from_str(&audited)?;
    let tag = audited["overall_tag"].as_str().context("auditwheel names no platform")?;
    let minor = tag.strip_prefix("manylinux_2_").and_then(|rest| rest.split('_').next());
    let is_old_enough = minor.and_then(|minor| minor.parse().ok()).is_some_and(|n: u32| n <= MINOR);
    ensure!(is_old_enough, "{} needs {tag}, newer than {PLATFORM}", wheel.display());
    eprintln!("python: auditwheel calls it {tag}");
    Ok(())
}

fn install(python: &Path, wheel: &Path) -> Result<()> {
    let install = ["-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps"];
    command::run(Command::new(python).args(install).arg(wheel))
}

/// Installs the wheel with numpy alone for each Python at hand, and encodes. Returns the versions
/// that are absent.
fn try_versions(root: &Path, target: &Path, wheel: &Path) -> Result<Vec<&'static str>> {
    let mut absent = Vec::new();
    for version in VERSIONS {
        let Some(system) = find(version) else {
            absent.push(version);
            continue;
        };
        let folder = target.join(format!("python-{version}-venv"));
        if !folder.is_dir() {
            command::run(Command::new(&system).args(["-m", "venv"]).arg(&folder))?;
        }
        let python = folder.join("bin/python");
        let numpy = ["-m", "pip", "install", "--quiet", "numpy"];
        command::run(Command::new(&python).args(numpy))?;
        install(&python, wheel)?;
        let model = root.join("tests/fixtures/splade-tiny");
        command::run(Command::new(&python).args(["-c", ENCODE]).arg(model))?;
        eprintln!("python: the wheel encodes on Python {version}");
    }
    Ok(absent)
}

/// A Python of that version: on the path, or one of pyenv's.
fn find(version: &str) -> Option<PathBuf> {
    let named = PathBuf::from(format!("python{version}"));
    let pyenv = env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".pyenv")));
    let versions = pyenv.and_then(|root| fs::read_dir(root.join("versions")).ok());
    let is_wanted =
        |name: &str| name.strip_prefix(version).is_some_and(|rest| rest.starts_with('.'));
    let of_pyenv = versions
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(is_wanted));
    let candidates =
        [named].into_iter().chain(of_pyenv.map(|entry| entry.path().join("bin/python")));
    candidates.into_iter().find(|python| {
        let mut probe = Command::new(python);
        probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    })
}
