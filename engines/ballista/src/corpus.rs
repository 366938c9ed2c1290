//! [`encode_corpus`]: a planned corpus on a Ballista cluster.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use datafusion::error::DataFusionError;
use splade::corpus::{FinishOptions, Manifest, Plan, Receipt, Unit, finish_plan};

use crate::attempts;
use crate::options::PartOptions;
use crate::wave::{self, Table};

/// A scheduler that holds a hundred thousand tasks is slow, and each wave ends with a check.
const UNITS_PER_WAVE: usize = 5_000;

/// What is to be encoded, where, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CorpusJob {
    /// The scheduler: `http://host:50050`.
    pub scheduler: String,
    /// The folder of a plan, at this path on all machines.
    pub folder: PathBuf,
    /// The folder of the model, at this path on all executors.
    pub model: String,
    /// How executors encode.
    pub options: PartOptions,
    /// The most units that the scheduler is given at a time. Default, and most, 5,000.
    pub units_per_wave: NonZeroUsize,
    /// How the plan is finished.
    pub finish: FinishOptions,
}

impl CorpusJob {
    /// With default options.
    pub fn new(
        scheduler: impl Into<String>,
        folder: impl Into<PathBuf>,
        model: impl Into<String>,
    ) -> Self {
        Self {
            scheduler: scheduler.into(),
            folder: folder.into(),
            model: model.into(),
            options: PartOptions::default(),
            units_per_wave: NonZeroUsize::new(UNITS_PER_WAVE).expect("it is not zero"),
            finish: FinishOptions::default(),
        }
    }
}

/// How far a job is, after each wave and at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Units that have their part.
    pub n_done: usize,
    /// Units of the plan.
    pub n_units: usize,
}

/// Why a corpus is not complete.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// The plan or its parts.
    #[error(transparent)]
    Folder(#[from] splade::corpus::CorpusError),
    /// The table of units cannot be written.
    #[error("cannot write the table of units in {}", .folder.display())]
    Table {
        /// The folder of the plan.
        folder: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The job on the cluster has failed. Parts that are there stay, and running it again resumes.
    #[error("{n_missing} of {n_units} units have no part yet; running it again makes these only")]
    Job {
        /// Units without a part.
        n_missing: usize,
        /// Units of the plan.
        n_units: usize,
        /// What Ballista says, with the unit.
        #[source]
        source: Box<DataFusionError>,
    },
}

/// Encodes the units of a plan that have no part yet, in waves, and finishes the plan: the manifest
/// is that of one process, with the same bytes in every part.
///
/// The plan is made by `splade plan` or [`Plan::create`]. Ballista retries a unit whose executor
/// dies, or that fails to read or write; anything else ends the job with the unit's number.
///
/// # Errors
/// [`CorpusError`].
pub async fn encode_corpus(
    job: &CorpusJob,
    on_progress: impl Fn(Progress),
) -> Result<Manifest, CorpusError> {
    let mut job = job.clone();
    let absolute = |path: &Path| std::path::absolute(path);
    job.folder = absolute(&job.folder)
        .map_err(|source| CorpusError::Table { folder: job.folder.clone(), source })?;
    if let Ok(model) = absolute(Path::new(&job.model))
        && model.is_dir()
        && let Some(model) = model.to_str()
    {
        job.model = model.to_owned();
    }
    let folder = job.folder.as_path();
    let units = Plan::load(folder)?.units(folder)?;
    attempts::forget(folder);
    let mut missing = without_part(folder, &units)?;
    let progress =
        |n_missing: usize| Progress { n_done: units.len() - n_missing, n_units: units.len() };
    on_progress(progress(missing.len()));
    while !missing.is_empty() {
        let rest =
            missing.split_off(job.units_per_wave.get().min(UNITS_PER_WAVE).min(missing.len()));
        let table = Table::write(folder, &missing)
            .map_err(|source| CorpusError::Table { folder: folder.to_owned(), source })?;
        let ended = wave::run(&job, &table, missing.len()).await;
        drop(table);
        let left = without_part(folder, &missing)?;
        // The folder says what is done: an executor may die after its last part, and take with it
        // what Ballista keeps of the results.
        if let Err(source) = ended
            && !left.is_empty()
        {
            let (n_missing, n_units) = (left.len() + rest.len(), units.len());
            return Err(CorpusError::Job { n_missing, n_units, source: Box::new(source) });
        }
        missing = rest;
        on_progress(progress(missing.len()));
    }
    let manifest = finish_plan(folder, job.finish)?;
    attempts::forget(folder);
    wave::remove_tables(folder);
    Ok(manifest)
}

fn without_part(folder: &Path, units: &[Unit]) -> Result<Vec<Unit>, CorpusError> {
    let mut missing = Vec::new();
    for unit in units {
        if Receipt::find(folder, unit)?.is_none() {
            missing.push(unit.clone());
        }
    }
    Ok(missing)
}
