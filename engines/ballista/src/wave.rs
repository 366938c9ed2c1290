//! A wave: units as a table of which each row is a task.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ballista_core::config::BALLISTA_SCHEDULER_MAX_PARTITIONS_PER_TASK;
use ballista_core::extension::SessionConfigExt;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::prelude::{JsonReadOptions, SessionConfig, col, lit};
use splade::corpus::Unit;
use url::Url;

use crate::corpus::CorpusJob;
use crate::functions;

/// How the names of tables begin, in the folder of the parts: hidden, for nobody's output.
const PREFIX: &str = ".ballista-";

/// Bytes of the largest message: where 5,000 results are takes some of them.
const MAX_MESSAGE: usize = 64 << 20;

/// A file for each unit: Ballista divides no file of this size, so each is a task.
pub(crate) struct Table(PathBuf);

impl Table {
    pub(crate) fn write(folder: &Path, units: &[Unit]) -> io::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let table = folder.join(format!("{PREFIX}{}-{now}", std::process::id()));
        fs::create_dir(&table)?;
        let table = Self(table);
        for unit in units {
            let json = serde_json::to_string(unit).expect("a unit is JSON");
            let row = serde_json::json!({ "unit": json });
            fs::write(table.0.join(format!("unit-{}.json", unit.number)), format!("{row}\n"))?;
        }
        Ok(table)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // What stays is removed by the run that finishes.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes the tables of drivers that were killed.
pub(crate) fn remove_tables(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Runs the units on the cluster, each as a task, until all have ended or one has failed.
pub(crate) async fn run(job: &CorpusJob, table: &Table, n_units: usize) -> Result<()> {
    let config = SessionConfig::new_with_ballista()
        .with_ballista_job_name(&format!("splade {}", job.folder.display()))
        // Nothing to adapt: one stage, without a shuffle.
        .with_ballista_adaptive_query_planner(false)
        .with_ballista_grpc_client_max_message_size(MAX_MESSAGE)
        .with_target_partitions(n_units)
        .set_usize(BALLISTA_SCHEDULER_MAX_PARTITIONS_PER_TASK, 1);
    let context = functions::client(&job.scheduler, config)?;
    let not_a_url = || DataFusionError::Execution(format!("{} is not absolute", table.0.display()));
    // Not the path, in which `[` and `*` are patterns.
    let url = Url::from_directory_path(&table.0).map_err(|()| not_a_url())?;
    let schema = Schema::new(vec![Field::new("unit", DataType::Utf8, false)]);
    let units = context.read_json(url.as_str(), JsonReadOptions::default().schema(&schema)).await?;
    let folder = job.folder.to_string_lossy();
    let arguments =
        vec![lit(&*folder), col("unit"), lit(job.model.as_str()), lit(job.options.to_json())];
    let receipt = Arc::new(functions::encode_part()).call(arguments).alias("receipt");
    // Results that nobody asks for are not computed.
    units.select(vec![receipt])?.collect().await?;
    Ok(())
}
