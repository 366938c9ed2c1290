//! `splade_encode_part(folder, unit, model, options)`: publishes the part of a unit, and returns
//! its receipt as JSON.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::async_udf::AsyncScalarUDFImpl;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use splade::CancelHandle;
use splade::corpus::{PartTaskOptions, PartTasks, Plan, Unit};
use tokio::task::spawn_blocking;

use crate::options::PartOptions;
use crate::{attempts, failure, literals, loaded, options};

/// The name of the function.
pub(crate) const NAME: &str = "splade_encode_part";

/// See the [module](self). Asynchronous, so that a job that ends stops its units: dropping the
/// future cancels the encoder, and nothing of the part is left.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct EncodePart {
    signature: Signature,
}

impl EncodePart {
    pub(crate) fn new() -> Self {
        // Not our own coercion: asynchronous functions are not asked for it.
        Self { signature: Signature::exact(vec![DataType::Utf8; 4], Volatility::Volatile) }
    }
}

impl ScalarUDFImpl for EncodePart {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        exec_err!("{NAME} is asynchronous")
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for EncodePart {
    async fn invoke_async_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [folder, units, model, options] = args.args.as_slice() else {
            return exec_err!("{NAME} expects folder, unit, model and options");
        };
        let job = Arc::new(Job {
            folder: PathBuf::from(literals::literal(NAME, "the folder", folder)?),
            model: literals::literal(NAME, "the model", model)?.to_owned(),
            options: options::parse(NAME, literals::literal(NAME, "the options", options)?)?,
        });
        let column = units.to_array(args.number_rows)?;
        let mut receipts = Vec::with_capacity(args.number_rows);
        for unit in literals::texts(&column)? {
            let Some(unit) = unit else { return exec_err!("{NAME}: a unit is null") };
            let unit: Unit = serde_json::from_str(unit)
                .map_err(|error| DataFusionError::Execution(format!("{NAME}: {error}: {unit}")))?;
            receipts.push(run(Arc::clone(&job), unit).await?);
        }
        let receipts: ArrayRef = Arc::new(StringArray::from(receipts));
        Ok(ColumnarValue::Array(receipts))
    }
}

/// What all units of a call share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Job {
    folder: PathBuf,
    model: String,
    options: PartOptions,
}

/// Cancels the encoder if nobody waits for it any more.
struct CancelOnDrop(CancelHandle);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Encodes on a thread that may block. The engine's own go on with heartbeats.
async fn run(job: Arc<Job>, unit: Unit) -> Result<String> {
    let cancel = CancelOnDrop(CancelHandle::new());
    let (handle, number) = (cancel.0.clone(), unit.number);
    match spawn_blocking(move || encode(&job, &unit, &handle)).await {
        Ok(receipt) => receipt,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => {
                let message = splade::errors::panic_message(panic.as_ref());
                exec_err!("unit {number}: panicked: {message}")
            }
            Err(_) => exec_err!("unit {number}: the executor shuts down"),
        },
    }
}

fn encode(job: &Job, unit: &Unit, cancel: &CancelHandle) -> Result<String> {
    let what = || format!("unit {} of {}", unit.number, job.folder.display());
    let tasks = job.tasks().map_err(|error| error.context(what()))?;
    let failed = |error| failure::of_splade(&job.folder.display().to_string(), &error);
    let receipt = match tasks.find(unit).map_err(failed)? {
        Some(receipt) => receipt,
        None => {
            let attempt = attempts::begin(&job.folder, unit.number)
                .map_err(|error| failure::may_pass(format!("{}: {error}", what())))?;
            let most = job.options.max_attempts;
            if attempt > most {
                return exec_err!(
                    "{} was begun {most} times and never finished: one of its texts kills the \
                     process, or it needs more memory than the executor has; units.jsonl says \
                     which rows these are",
                    what()
                );
            }
            tracing::info!("unit {}: attempt {attempt}", unit.number);
            let receipt = tasks.encode_part_until(unit, attempt, Some(cancel)).map_err(failed)?;
            attempts::end(&job.folder, unit.number);
            let seconds = receipt.attempt.seconds;
            tracing::info!("unit {}: {} rows in {seconds:.1} s", unit.number, receipt.part.rows);
            receipt
        }
    };
    Ok(serde_json::to_string(&receipt).expect("a receipt is JSON"))
}

/// An open plan, and the model's files when it was opened.
type Open = Option<(loaded::Files, Arc<PartTasks>)>;

static OPEN: LazyLock<Mutex<HashMap<Job, Arc<Mutex<Open>>>>> = LazyLock::new(Mutex::default);

/// The most plans that a process keeps open.
const MOST_OPEN: usize = 16;

impl Job {
    /// The plan with its model, opened once in this process; again if either has changed.
    fn tasks(&self) -> Result<Arc<PartTasks>> {
        let mut all = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        // An executor lives for weeks, and a plan is opened in a moment.
        if all.len() >= MOST_OPEN && !all.contains_key(self) {
            all.clear();
        }
        let slot = Arc::clone(all.entry(self.clone()).or_default());
        drop(all);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let load = self.options.load();
        let model = loaded::model(&self.model, &load)?;
        let failed = |error: &_| failure::of_splade(&self.folder.display().to_string(), error);
        let plan = Plan::load(&self.folder).map_err(|error| failed(&error.into()))?;
        if let Some((files, tasks)) = slot.as_ref()
            && *files == model.files
            && *tasks.plan() == plan
        {
            return Ok(Arc::clone(tasks));
        }
        let open = || {
            let options = PartTaskOptions::new(self.model.as_str())
                .with_devices([loaded::device(&load)?])
                .with_max_batch_tokens(self.options.batch_tokens);
            PartTasks::open(Path::new(&self.folder), &model.encoder, &options)
        };
        let tasks = Arc::new(open().map_err(|error| failed(&error))?);
        *slot = Some((model.files, Arc::clone(&tasks)));
        Ok(tasks)
    }
}
