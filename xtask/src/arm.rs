//! `cargo xtask arm`: everything for 64-bit ARM that can be checked on an x86 machine.
//!
//! Debian's `rustc-web` has a standard library for ARM, unlike the toolchain; QEMU runs what it
//! compiles, on CPUs with all the instructions that kernels use, with some and with none. It says
//! nothing about speed: `cargo xtask cycles` does.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{apt, command, workspace};

pub(crate) const TARGET: &str = "aarch64-unknown-linux-gnu";

const COMPILER: &str = "/usr/bin/rustc";
const CLIPPY: &str = "/usr/bin/clippy-driver";
const EMULATOR: &str = "qemu-aarch64";
const PACKAGES: [&str; 7] = [
    "rustc-web",
    "rust-web-clippy",
    "libstd-rust-web-dev",
    "libstd-rust-web-dev:arm64",
    "gcc-aarch64-linux-gnu",
    "g++-aarch64-linux-gnu",
    "qemu-user",
];

/// CPUs of QEMU, and the tests that run on each: all where all instructions are, else those of
/// products and of what is made of them.
const CPUS: [(&str, &[&str]); 3] = [
    // bf16, i8mm and dotprod.
    ("max", &[]),
    // dotprod.
    ("neoverse-n1", &["product", "packed_linear", "isa"]),
    // None of them.
    ("cortex-a72", &["product", "packed_linear", "isa"]),
];

/// Only the kernels are compiled as their users get them: the rest takes minutes, and is not what
/// is checked here.
const FAST_BUILD: [&str; 2] =
    ["profile.release.opt-level=0", "profile.release.package.splade-kernels.opt-level=3"];

const MODEL: &str = "tests/fixtures/splade-tiny";
const GOLDEN: &str = "tests/reference/golden/splade-tiny.json";
const TEXTS: &str = "tests/reference/texts.json";
/// Longer texts take minutes under emulation.
const MAX_TOKENS: usize = 24;
/// The least cosine with the golden vectors; f32 is also held to `MAX_ABS`.
const PRECISIONS: [(&str, f64); 3] = [("f32", 0.999_999), ("bf16", 0.9995), ("int8", 0.99)];
const MAX_ABS: f64 = 1e-4;

pub(crate) fn run() -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let root = metadata.workspace_root.as_std_path();
    let target = workspace::target_folder(&metadata).join("arm");
    install()?;
    let cargo = |arguments: &[&str]| -> Result<Command> {
        let mut cargo = command::cargo();
        cargo.current_dir(root).args(arguments);
        cargo.args(["--target", TARGET, "--target-dir"]).arg(&target);
        cargo.args(FAST_BUILD.iter().flat_map(|setting| ["--config", setting]));
        set_up(&mut cargo)?;
        Ok(cargo)
    };
    let kernels = ["--release", "--package", "splade-kernels"];
    for (cpu, names) in CPUS {
        let mut test = cargo(&[&["test"][..], &kernels[..], &["--lib"]].concat())?;
        test.env(variable("RUNNER"), format!("{EMULATOR} -cpu {cpu}"));
        // Emulated vectors are a hundred times slower.
        test.env("PROPTEST_CASES", "8").arg("--").args(names);
        command::run(&mut test)?;
    }
    let mut clippy = cargo(&[&["check"][..], &kernels[..], &["--all-targets"]].concat())?;
    clippy.env("RUSTC_WORKSPACE_WRAPPER", CLIPPY).env("CLIPPY_ARGS", "-Dwarnings");
    command::run(&mut clippy)?;
    let program = ["--release", "--package", "splade-cli"];
    let lean = ["--no-default-features", "--features", "ndarray"];
    command::run(&mut cargo(&[&["build"][..], &program[..], &lean].concat())?)?;
    check_golden(root, &target.join(TARGET).join("release").join("splade"))?;
    command::run(&mut cargo(&[&["check"][..], &program[..], &["--package", "splade"]].concat())?)
}

/// Makes cargo compile for ARM. No path to libraries is given on purpose: Debian's `libc6:arm64`
/// and the cross compiler's libc differ, and a mixture of both waits for ever in `pthread_create`.
pub(crate) fn set_up(cargo: &mut Command) -> Result<()> {
    ensure!(Path::new(COMPILER).exists(), "no {COMPILER}: install {}", PACKAGES.join(" "));
    cargo.env("RUSTC", COMPILER).env(variable("LINKER"), "aarch64-linux-gnu-gcc");
    let target = TARGET.replace('-', "_");
    cargo.env(format!("CC_{target}"), "aarch64-linux-gnu-gcc");
    cargo.env(format!("CXX_{target}"), "aarch64-linux-gnu-g++");
    Ok(())
}

/// Cargo's variable for a setting of the target.
fn variable(setting: &str) -> String {
    format!("CARGO_TARGET_{}_{setting}", TARGET.replace('-', "_").to_uppercase())
}

fn install() -> Result<()> {
    let is_there = |program: &str| command::read(Command::new(program).arg("--version")).is_ok();
    if !is_there(COMPILER) || !is_there(EMULATOR) || !is_there("aarch64-linux-gnu-gcc") {
        apt::add_architecture("arm64");
        apt::install("compiler for ARM", &PACKAGES);
    }
    ensure!(is_there(EMULATOR), "no {EMULATOR}: install {}", PACKAGES.join(" "));
    Ok(())
}

#[derive(Deserialize)]
struct Golden {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    name: String,
    n_tokens: usize,
    indices: Vec<u32>,
    values: Vec<f64>,
}

#[derive(Deserialize)]
struct NamedText {
    name: String,
    text: serde_json::Value,
}

#[derive(Deserialize)]
struct Vector {
    indices: Vec<u32>,
    values: Vec<f64>,
}

/// Encodes the shorter golden texts in each precision.
fn check_golden(root: &Path, program: &Path) -> Result<()> {
    let golden: Golden = read(&root.join(GOLDEN))?;
    let texts: Vec<NamedText> = read(&root.join(TEXTS))?;
    let text = |name: &str| {
        texts.iter().find(|text| text.name == name).and_then(|text| text.text.as_str())
    };
    let rows: Vec<(&Row, &str)> = golden
        .rows
        .iter()
        .filter(|row| row.n_tokens <= MAX_TOKENS)
        .filter_map(|row| Some((row, text(&row.name)?)))
        .collect();
    ensure!(rows.len() > 10, "few golden texts are short");
    let folder = tempfile::tempdir()?;
    let input = folder.path().join("texts.jsonl");
    let line = |(_, text): &(&Row, &str)| serde_json::json!({ "text": text }).to_string() + "\n";
    fs::write(&input, rows.iter().map(line).collect::<String>())?;
    for (precision, least) in PRECISIONS {
        let output = folder.path().join(format!("{precision}.jsonl"));
        let mut encode = Command::new(EMULATOR);
        encode.args(["-cpu", "max"]).arg(program).args(["encode", "--quiet"]);
        encode.arg("-m").arg(root.join(MODEL)).arg("-i").arg(&input).arg("-o").arg(&output);
        command::run(encode.args(["--precision", precision]))?;
        let found = fs::read_to_string(&output)?;
        let found: Vec<Vector> =
            found.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        ensure!(found.len() == rows.len(), "{} vectors of {} texts", found.len(), rows.len());
        for (found, (row, text)) in found.iter().zip(&rows) {
            let (distance, cosine) = compare(found, row);
            ensure!(cosine >= least, "{precision}: cosine {cosine} for `{text}`");
            ensure!(precision != "f32" || distance <= MAX_ABS, "{distance} for `{text}`");
        }
        println!("{} texts in {precision} meet their golden values", rows.len());
    }
    Ok(())
}

/// The largest difference, and the cosine.
fn compare(found: &Vector, row: &Row) -> (f64, f64) {
    let mut both: BTreeMap<u32, [f64; 2]> = BTreeMap::new();
    for (index, value) in found.indices.iter().zip(&found.values) {
        both.entry(*index).or_default()[0] = *value;
    }
    for (index, value) in row.indices.iter().zip(&row.values) {
        both.entry(*index).or_default()[1] = *value;
    }
    let distance = both.values().map(|[a, b]| (a - b).abs()).fold(0.0, f64::max);
    let sum = |of: fn(&[f64; 2]) -> f64| both.values().map(of).sum::<f64>();
    let (dot, squares) = (sum(|[a, b]| a * b), sum(|[a, _]| a * a) * sum(|[_, b]| b * b));
    // Vectors without entries are equal if both are.
    let cosine =
        if squares > 0.0 { dot / squares.sqrt() } else { f64::from(u8::from(distance == 0.0)) };
    (distance, cosine)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is broken", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_compared_by_entry() {
        let row = |indices: &[u32], values: &[f64]| Row {
            name: String::new(),
            n_tokens: 1,
            indices: indices.to_vec(),
            values: values.to_vec(),
        };
        let found = Vector { indices: vec![3, 7], values: vec![3.0, 4.0] };
        assert_eq!(compare(&found, &row(&[3, 7], &[3.0, 4.0])), (0.0, 1.0));
        assert_eq!(compare(&found, &row(&[3, 8], &[3.0, 4.0])), (4.0, 9.0 / 25.0));
        let none = Vector { indices: vec![], values: vec![] };
        assert_eq!(compare(&none, &row(&[], &[])), (0.0, 1.0));
        assert_eq!(compare(&none, &row(&[1], &[1.0])), (1.0, 0.0));
    }
}
