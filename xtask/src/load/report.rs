//! The report: which figures are measured, in which order, and what is written about them.

use std::fs;
use std::num::NonZeroUsize;

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

    /// Several runs in one: each number is the median, with the smallest and the largest behind it
    /// where they differ. The text is the first run's.
    fn of_runs(runs: Vec<Self>) -> Option<Self> {
        let cell = |row: usize, column: usize| {
            let cells = runs.iter().filter_map(|run| run.rows.get(row)?.get(column));
            median(&cells.map(String::as_str).collect::<Vec<_>>())
        };
        let shape = &runs.first()?.rows;
        let rows = shape.iter().enumerate();
        let rows = rows.map(|(row, cells)| (0..cells.len()).map(|i| cell(row, i)).collect());
        let rows: Vec<Vec<String>> = rows.collect();
        Some(Self { rows, ..runs.into_iter().next()? })
    }
}

/// `17.9 (17.5 to 18.1)`, of cells that are numbers, perhaps with a unit; else the first cell.
fn median(cells: &[&str]) -> String {
    let number = |cell: &str| cell.split(' ').next().unwrap_or_default().parse::<f64>().ok();
    let mut sorted: Vec<(f64, &str)> =
        cells.iter().filter_map(|cell| Some((number(cell)?, *cell))).collect();
    sorted.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    match sorted.as_slice() {
        [(_, least), .., (_, most)] if least != most => {
            format!("{} ({least} to {most})", sorted[sorted.len() / 2].1)
        }
        _ => cells.first().copied().unwrap_or_default().to_owned(),
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
pub(super) fn run(
    setup: &Setup,
    chosen: &[usize],
    n_runs: NonZeroUsize,
    with_rivals: bool,
) -> Result<()> {
    if let Some(number) = chosen.iter().find(|number| !(1..=FIGURES.len()).contains(number)) {
        bail!("there is no figure {number}: they are 1 to {}", FIGURES.len());
    }
    let mut report = head(setup);
    let repeated = |measure: &dyn Fn() -> Result<Section>| {
        let runs = (0..n_runs.get()).map(|_| measure()).collect::<Result<Vec<_>>>()?;
        Section::of_runs(runs).context("no run")
    };
    let mut failures = Vec::new();
    let capacity = Capacity::measure(setup)?;
    for (index, figure) in FIGURES.iter().enumerate() {
        if chosen.is_empty() || chosen.contains(&(index + 1)) {
            match repeated(&|| figure(setup, capacity)) {
                Ok(section) => report += &section.markdown(),
                Err(error) => failures.push(format!("figure {}: {error:#}", index + 1)),
            }
            write(setup, &report)?;
        }
    }
    if with_rivals {
        match repeated(&|| rivals::measure(setup)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_several_runs_is_their_median_with_its_range() {
        assert_eq!(median(&["9.5", "10.1", "9.7"]), "9.7 (9.5 to 10.1)");
        assert_eq!(median(&["39.0 %", "7.0 %", "8.0 %"]), "8.0 % (7.0 % to 39.0 %)");
        assert_eq!(median(&["0", "0", "0"]), "0");
        assert_eq!(median(&["splade serve", "splade serve"]), "splade serve");
        assert_eq!(median(&["12"]), "12");
    }

    #[test]
    fn the_first_column_says_which_row_it_is() {
        let run = |rate: &str| Section {
            title: "title".into(),
            columns: vec!["load", "rate"],
            n_text_columns: 1,
            rows: vec![vec!["100 %".into(), rate.into()]],
            text: String::new(),
        };
        let merged = Section::of_runs(vec![run("1"), run("3"), run("2")]).unwrap();
        assert_eq!(merged.rows, [["100 %", "2 (1 to 3)"]]);
    }
}
