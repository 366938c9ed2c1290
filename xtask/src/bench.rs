//! `cargo xtask bench`: speed and memory of the library for the given models, devices, precisions,
//! batches and lengths, optionally in turns with other libraries.

mod build;
mod cell;
mod chart;
mod csv;
mod machine;
mod markdown;
mod measure;
mod rivals;
mod row;
mod texts;
mod worker;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::{fs, thread};

use anyhow::{Context, Result, bail};
use cargo_metadata::Metadata;

use crate::{venv, workspace};
use cell::Sides;
pub(crate) use machine::Head;
use measure::{Outcome, Plan};
use rivals::Rivals;
use texts::Source;
pub(crate) use worker::Worker;

/// The model that is measured if none is named.
pub(crate) const MODEL: &str = "tests/fixtures/splade-tiny";
const REQUIREMENTS: &str = "benches/rivals-requirements.txt";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folders of models [default: the one in this repository]
    #[arg(long = "model", value_name = "FOLDER", num_args = 1..)]
    models: Vec<PathBuf>,
    /// Devices: cpu, ndarray, flex, vulkan, wgpu, metal, cuda
    #[arg(long = "device", visible_alias = "backends", value_name = "NAME", num_args = 1.., default_values_t = ["cpu".to_owned()])]
    devices: Vec<String>,
    /// Precisions, such as f32
    #[arg(long = "precision", value_name = "NAME", num_args = 1.., default_values_t = ["f32".to_owned()])]
    precisions: Vec<String>,
    /// Texts per forward pass; 0 lets the library decide
    #[arg(long = "batch", value_name = "N", num_args = 1.., default_values_t = [0])]
    batches: Vec<usize>,
    /// JSON lines with a `text` [default: generated texts]
    #[arg(long, value_name = "FILE")]
    texts: Option<PathBuf>,
    /// Cut or extend every text to this many words [default: leave texts unchanged]
    #[arg(long, value_name = "N", num_args = 1..)]
    words: Vec<usize>,
    /// Use only the first N texts
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// CPU threads per process [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// CPU instructions to use at most, such as avx2; rivals are held to them too
    #[arg(long, value_name = "NAME")]
    isa: Option<String>,
    /// Number of timed rounds over all texts, after one to warm up
    #[arg(long, value_name = "N", default_value = "5")]
    rounds: NonZeroUsize,
    /// Also measure the time of one short text
    #[arg(long)]
    query: bool,
    /// Also measure other libraries, in turns, and compare their vectors
    #[arg(long)]
    rivals: bool,
    /// The rivals to measure, such as st-f32 [default: all of the same precision]
    #[arg(long = "rival", value_name = "NAME", num_args = 1.., requires = "rivals")]
    names: Vec<String>,
    /// A Python that has the rivals [default: a virtual environment in target/bench-venv]
    #[arg(long, value_name = "PATH", requires = "rivals")]
    python: Option<PathBuf>,
    /// Folder of the report [default: target/bench]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    rivals::check_names(&arguments.names)?;
    let metadata = workspace::load_metadata()?;
    let root = metadata.workspace_root.as_std_path();
    let target = workspace::target_folder(&metadata);
    let folder = absolute(arguments.out.as_deref().unwrap_or(&target.join("bench")))?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;

    let cells = plan_cells(arguments, root, &folder)?;
    let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let plan = Plan {
        executable: build::executable(root, &arguments.devices)?,
        threads: arguments.threads.unwrap_or(cores).get(),
        rounds: arguments.rounds.get(),
        query: arguments.query,
        isa: arguments.isa.clone(),
        rivals: plan_rivals(arguments, &metadata)?,
        root: root.to_owned(),
        folder: folder.clone(),
    };
    let mut outcome = Outcome::default();
    for cell in &cells {
        plan.measure(cell, &mut outcome);
    }

    let head = Head::now(plan.threads, plan.rounds);
    let report = markdown::write(&head, &outcome);
    write(&folder.join("bench.csv"), &csv::write(&outcome.rows))?;
    write(&folder.join("bench.svg"), &chart::write(&head, &outcome.rows)?)?;
    write(&folder.join("bench.md"), &report)?;
    println!("{report}");
    let told = folder.join("bench.md");
    match outcome.failures.len() {
        0 => Ok(()),
        1 => bail!("1 failure, told in {}", told.display()),
        n => bail!("{n} failures, told in {}", told.display()),
    }
}

fn plan_cells(arguments: &Arguments, root: &Path, folder: &Path) -> Result<Vec<cell::Cell>> {
    let source = Source { file: arguments.texts.as_deref(), limit: arguments.limit };
    let lengths = match arguments.words.as_slice() {
        [] => vec![None],
        words => words.iter().copied().map(Some).collect(),
    };
    let texts: Vec<texts::Texts> = lengths
        .into_iter()
        .map(|words| texts::write(&source, words, folder))
        .collect::<Result<_>>()?;
    let models: Vec<PathBuf> = match arguments.models.as_slice() {
        [] => vec![root.join(MODEL)],
        models => models.iter().map(|model| absolute(model)).collect::<Result<_>>()?,
    };
    Ok(cell::plan(&Sides {
        models: &models,
        texts: &texts,
        devices: &arguments.devices,
        precisions: &arguments.precisions,
        batches: &arguments.batches,
    }))
}

fn plan_rivals(arguments: &Arguments, metadata: &Metadata) -> Result<Option<Rivals>> {
    if !arguments.rivals {
        return Ok(None);
    }
    let target = workspace::target_folder(metadata);
    let root = metadata.workspace_root.as_std_path();
    let python = match &arguments.python {
        // Unresolved: a link within a virtual environment is what identifies it.
        Some(python) => python.clone(),
        None => venv::ensure(&target.join("bench-venv"), &root.join(REQUIREMENTS))?,
    };
    let cache = target.join("bench-cache");
    Ok(Some(Rivals { python, cache, names: arguments.names.clone() }))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("there is no path {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
