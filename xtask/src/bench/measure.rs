//! Measures one cell of the matrix: our worker alone, or in turns with each rival's.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::cell::Cell;
use super::rivals::{self, BATCH, Rivals};
use super::row::{Agreement, Rivalry, Row, median};
use super::worker::{Ready, Worker};
use crate::table::rate;

const N_QUERIES: usize = 100;
/// If f32 vectors differ by more than this, they disagree; rounding causes a hundredth of it.
const MAX_ABS: f64 = 1e-3;

/// Settings common to all cells.
pub(super) struct Plan {
    pub(super) root: PathBuf,
    pub(super) executable: PathBuf,
    pub(super) threads: usize,
    pub(super) rounds: usize,
    pub(super) query: bool,
    /// The best instructions that may be used; `None` for the CPU's.
    pub(super) isa: Option<String>,
    pub(super) rivals: Option<Rivals>,
    /// Folder for logs and vectors.
    pub(super) folder: PathBuf,
}

/// Results of the cells so far.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) rows: Vec<Row>,
    /// Rivals that could not be measured, and why.
    pub(super) absent: Vec<String>,
    /// Reasons for which the whole run fails.
    pub(super) failures: Vec<String>,
}

impl Plan {
    /// Measures a cell. A failing worker only affects its cell, or its own row.
    pub(super) fn measure(&self, cell: &Cell, outcome: &mut Outcome) {
        let mut rows = Vec::new();
        if let Err(error) = self.measure_into(cell, &mut rows, outcome) {
            let batch = cell.batch;
            let device = format!("{}, {}, batch {batch}", cell.device, cell.precision);
            let failure = format!("{}, {device}: {error:#}", cell.title());
            eprintln!("FAILED: {failure}");
            outcome.failures.push(failure);
        }
        outcome.rows.append(&mut rows);
    }

    fn measure_into(&self, cell: &Cell, rows: &mut Vec<Row>, outcome: &mut Outcome) -> Result<()> {
        let mut worker = Worker::start(&mut self.worker(cell), self.folder.join("splade.log"))?;
        let mut ours = Row {
            cell: cell.clone(),
            batch: cell.batch,
            ready: worker.ready.clone(),
            seconds: Vec::new(),
            peak_mb: 0.0,
            query_ms: None,
            rival: None,
        };
        let engines = self.rivals.iter().flat_map(|rivals| {
            let engines = rivals.of(&cell.device, &cell.precision).into_iter();
            engines.map(move |engine| (rivals, engine))
        });
        let mut theirs = Vec::new();
        for (rivals, engine) in engines {
            let command = &mut rivals.worker(engine, cell, &self.root, self.threads);
            rivals::limit(command, self.isa.as_deref());
            let log = self.folder.join(format!("{engine}.log"));
            let rival = match Worker::start(command, log) {
                Ok(rival) => rival,
                Err(error) => {
                    let absent = format!("{engine}, {}: {error:#}", cell.title());
                    eprintln!("not measured: {absent}");
                    outcome.absent.push(absent);
                    continue;
                }
            };
            match self.race((&mut worker, &mut ours), rival, rivals, outcome) {
                Ok(row) => theirs.push(row),
                Err(Fault::Ours(error)) => return Err(error),
                Err(Fault::Theirs(error)) => {
                    outcome.failures.push(format!("{engine}, {}: {error:#}", cell.title()));
                }
            }
        }
        if ours.seconds.is_empty() {
            worker.round()?;
            for _ in 0..self.rounds {
                ours.seconds.push(worker.round()?);
            }
        }
        if self.query && ours.query_ms.is_none() {
            ours.query_ms = Some(worker.query(N_QUERIES)?);
        }
        ours.peak_mb = worker.quit()?;
        show(&ours);
        theirs.iter().for_each(show);
        rows.push(ours);
        rows.append(&mut theirs);
        Ok(())
    }

    /// Measures both processes in turns, and compares their vectors.
    fn race(
        &self,
        (worker, ours): (&mut Worker, &mut Row),
        mut rival: Worker,
        rivals: &Rivals,
        outcome: &mut Outcome,
    ) -> Result<Row, Fault> {
        worker.round().map_err(Fault::Ours)?;
        rival.round().map_err(Fault::Theirs)?;
        let (mut our_seconds, mut seconds) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            our_seconds.push(worker.round().map_err(Fault::Ours)?);
            seconds.push(rival.round().map_err(Fault::Theirs)?);
        }
        let mut query_ms = None;
        if self.query {
            if ours.query_ms.is_none() {
                ours.query_ms = Some(worker.query(N_QUERIES).map_err(Fault::Ours)?);
            }
            query_ms = Some(rival.query(N_QUERIES).map_err(Fault::Theirs)?);
        }
        let ready = rival.ready.clone();
        let our_file = self.folder.join("splade.npz");
        let their_file = self.folder.join(format!("{}.npz", ready.engine));
        worker.vectors(&our_file).map_err(Fault::Ours)?;
        rival.vectors(&their_file).map_err(Fault::Theirs)?;
        let peak_mb = rival.quit().map_err(Fault::Theirs)?;

        let compared = rivals.compare(&self.root, &our_file, &their_file);
        let agreement = compared.as_ref().ok().copied();
        let complaints = check_tokens(&ours.ready, &ready).into_iter();
        for complaint in complaints.chain(check_vectors(&ours.cell.precision, compared)) {
            let failure = format!("{}, {}: {complaint}", ready.engine, ours.cell.title());
            eprintln!("FAILED: {failure}");
            outcome.failures.push(failure);
        }
        let ratio = median(&our_seconds) / median(&seconds);
        ours.seconds.append(&mut our_seconds);
        Ok(Row {
            cell: ours.cell.clone(),
            batch: BATCH,
            ready,
            seconds,
            peak_mb,
            query_ms,
            rival: Some(Rivalry { ratio, agreement }),
        })
    }

    fn worker(&self, cell: &Cell) -> Command {
        let mut command = Command::new(&self.executable);
        command.arg("--model").arg(&cell.model).arg("--texts").arg(&cell.texts.path);
        command.args(["--threads", &self.threads.to_string(), "--batch", &cell.batch.to_string()]);
        command.args(["--device", &cell.device, "--precision", &cell.precision]);
        if let Some(isa) = &self.isa {
            command.args(["--isa", isa]);
        }
        command
    }
}

/// Which process failed.
enum Fault {
    Ours(anyhow::Error),
    Theirs(anyhow::Error),
}

/// Workers that see different tokens do different work.
fn check_tokens(ours: &Ready, theirs: &Ready) -> Option<String> {
    let (ours, theirs) = (ours.n_tokens, theirs.n_tokens);
    (ours != theirs).then(|| format!("encodes {theirs} tokens where splade encodes {ours}"))
}

/// Rounded and quantised models all differ; the report shows by how much.
fn check_vectors(precision: &str, compared: Result<Agreement>) -> Option<String> {
    match compared {
        Err(error) => Some(format!("{error:#}")),
        Ok(Agreement { max_abs, .. }) if precision == "f32" && max_abs > MAX_ABS => {
            Some(format!("weights differ by up to {max_abs:.1e}, which is more than {MAX_ABS:.0e}"))
        }
        Ok(_) => None,
    }
}

fn show(row: &Row) {
    eprintln!(
        "{}, {}, batch {}: {} texts/s",
        row.cell.title(),
        row.ready.engine,
        row.batch,
        rate(row.texts_per_s())
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_f32_vectors_must_agree() {
        let apart = |max_abs| Ok(Agreement { max_abs, mean_cosine: 0.9 });
        assert!(check_vectors("f32", apart(2e-3)).is_some());
        assert!(check_vectors("f32", apart(2e-5)).is_none());
        assert!(check_vectors("int8", apart(0.3)).is_none());
    }
}
