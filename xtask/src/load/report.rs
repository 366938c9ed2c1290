//! The report: which figures are measured, in which order, and what is written about them.

use std::fs;

use anyhow::{Context, Result, bail};

use super::capacity::Capacity;
use super::figures;
use super::rivals;
use super::setup::Setup;
use crate::bench::Head;
use crate::table;

/// A part of the report: a table with what a reader must know of it.
pub(super) struct Section {
    pub(super) title: String,
    pub(super) columns: Vec<&'static str>,
    /// The first columns hold text.
    pub(super) n_text_columns: usize,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) text: String,
}

impl Section {
    fn markdown(&self) -> String {
        let table = table::markdown(&self.columns, self.n_text_columns, &self.rows);
        format!("\n## {}\n\n{table}\n{}\n", self.title, self.text)
    }
}

type Figure = fn(&Setup, Capacity) -> Result<Section>;

const FIGURES: [Figure; 8] = [
    figures::throughput::measure,
    figures::latency::measure,
    figures::overload::measure,
    figures::lanes::measure,
    figures::leaving::measure,
    figures::start::measure,
    figures::equality::measure,
    figures::overhead::measure,
];

/// Measures the figures with these numbers, all if there is none, and writes the report after each.
pub(super) fn run(setup: &Setup, chosen: &[usize], with_rivals: bool) -> Result<()> {
    if let Some(number) = chosen.iter().find(|number| !(1..=FIGURES.len()).contains(number)) {
        bail!("there is no figure {number}: they are 1 to {}", FIGURES.len());
    }
    let mut report = head(setup);
    let mut failures = Vec::new();
    let capacity = Capacity::measure(setup)?;
    for (index, figure) in FIGURES.iter().enumerate() {
        if chosen.is_empty() || chosen.contains(&(index + 1)) {
            match figure(setup, capacity) {
                Ok(section) => report += &section.markdown(),
                Err(error) => failures.push(format!("figure {}: {error:#}", index + 1)),
            }
            write(setup, &report)?;
        }
    }
    if with_rivals {
        match rivals::measure(setup) {
            Ok(section) => report += &section.markdown(),
            Err(error) => failures.push(format!("rivals: {error:#}")),
        }
    }
    if !failures.is_empty() {
        report += "\n## Failures\n\n";
        failures.iter().for_each(|failure| report += &format!("* {failure}\n"));
    }
    write(setup, &report)?;
    println!("{report}");
    match failures.as_slice() {
        [] => Ok(()),
        failures => bail!("{} failed", failures.join("; ")),
    }
}

fn head(setup: &Setup) -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let head = Head::now(cores, 1);
    let model = setup.model.file_name().unwrap_or_default().display();
    format!(
        "# {model}, {}\n\n* Date: {}\n* CPU: {}, {cores} cores, which server and load generator share\n\
         * Texts: {}\n* Command: `{}`\n",
        setup.precision, head.date, head.cpu, setup.n_texts, head.command
    )
}

fn write(setup: &Setup, report: &str) -> Result<()> {
    let path = &setup.out;
    fs::write(path, report).with_context(|| format!("cannot write {}", path.display()))
}
