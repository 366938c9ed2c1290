//! [`PartTasks`]: units of a planned corpus. Units, receipts and options cross over as JSON.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use serde::Deserialize;
use splade::corpus::{
    Compression, CorpusReader, FinishOptions, Header, Mixtures, PartTaskOptions, Plan, PlanOptions,
    ReadOptions, TextColumn, TextFormat, Unit, VectorFormat, VectorSettings, Verification,
    finish_plan,
};
use splade::errors::UnknownPrecision;
use splade::{Device, Precision, SparseEncoder, SpladeError};

use crate::errors::{of_vectors, to_python};
use crate::threads::Threads;
use crate::waiting::{self, Watch};

/// What Python passes to [`plan`], by its own names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanArguments {
    rows_per_part: NonZeroU64,
    format: String,
    compress: String,
    quantization_factor: NonZeroU32,
    columns: String,
    separator: String,
    id_column: Option<String>,
    input_format: Option<String>,
    no_header: bool,
    vectors: VectorSettings,
}

impl PlanArguments {
    fn read(&self) -> Result<ReadOptions, SpladeError> {
        let mut read = ReadOptions::default()
            .with_text(TextColumn::parse_list(&self.columns)?)
            .with_separator(self.separator.clone());
        read.id.clone_from(&self.id_column);
        read.format = self.input_format.as_deref().map(str::parse::<TextFormat>).transpose()?;
        if self.no_header {
            read = read.with_header(Header::Absent);
        }
        Ok(read)
    }

    fn options(&self) -> PyResult<PlanOptions> {
        let compression = Compression::from_option(&self.compress).ok_or_else(|| {
            let message = format!("compress is {}, expected none, gzip or zstd", self.compress);
            PyValueError::new_err(message)
        })?;
        let format = self.format.parse::<VectorFormat>();
        let format = format.map_err(|error| to_python(error.into()))?;
        if self.vectors.tokens && !format.takes_tokens() {
            let message = format!("the format {} cannot hold tokens", format.name());
            return Err(PyValueError::new_err(message));
        }
        self.vectors.pruning().map_err(|error| of_vectors(&error))?;
        let vectors = serde_json::to_value(&self.vectors).map_err(broken)?;
        Ok(PlanOptions::new(format)
            .with_rows_per_part(self.rows_per_part)
            .with_compression(compression)
            .with_quantization_factor(self.quantization_factor)
            .with_options(vectors))
    }
}

/// Divides a corpus into units; returns them, each as JSON.
#[pyfunction]
pub(crate) fn plan(
    py: Python<'_>,
    input: Vec<PathBuf>,
    folder: PathBuf,
    arguments: &str,
) -> PyResult<Vec<String>> {
    let arguments: PlanArguments = serde_json::from_str(arguments).map_err(broken)?;
    let options = arguments.options()?;
    let make = || -> Result<Vec<Unit>, SpladeError> {
        let reader = CorpusReader::open(&input, arguments.read()?)?;
        Ok(Plan::create(&folder, reader, &options)?.units(&folder)?)
    };
    lines(&py.detach(make).map_err(to_python)?)
}

/// Checks the parts of a plan and writes the manifest; returns it as JSON.
#[pyfunction]
pub(crate) fn finish(
    py: Python<'_>,
    folder: PathBuf,
    verify: bool,
    allow_mixed: bool,
) -> PyResult<String> {
    let mut options = FinishOptions::default();
    if verify {
        options = options.with_verification(Verification::Checksums);
    }
    if allow_mixed {
        options = options.with_mixtures(Mixtures::Allowed);
    }
    let manifest = py.detach(|| finish_plan(&folder, options));
    let manifest = manifest.map_err(|error| to_python(error.into()))?;
    serde_json::to_string(&manifest).map_err(broken)
}

/// A planned corpus and a model of its own.
#[pyclass(frozen, module = "splade._splade")]
pub(crate) struct PartTasks {
    tasks: splade::corpus::PartTasks,
    folder: PathBuf,
    /// The thread that calls the encoder, which has threads of its own.
    caller: Threads,
    /// The process that loaded the model: its threads exist in no other.
    process: u32,
}

/// What Python passes to [`PartTasks`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskArguments {
    /// The model, as it was named.
    name: String,
    devices: Vec<String>,
    precision: String,
    threads: Option<NonZeroUsize>,
    batch_tokens: Option<NonZeroUsize>,
    chunk_size: Option<NonZeroUsize>,
}

#[pymethods]
impl PartTasks {
    /// Loads the model in `model`, a folder.
    #[new]
    fn new(py: Python<'_>, folder: PathBuf, model: PathBuf, arguments: &str) -> PyResult<Self> {
        let arguments: TaskArguments = serde_json::from_str(arguments).map_err(broken)?;
        let devices = arguments.devices.iter().map(|device| device.parse());
        let devices: Vec<Device> = devices.collect::<Result<_, _>>().map_err(to_python)?;
        let precision = arguments.precision.parse::<Precision>();
        let precision = precision
            .map_err(|error: UnknownPrecision| PyValueError::new_err(error.to_string()))?;
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let options = PartTaskOptions::new(arguments.name.as_str())
            .with_devices(devices.clone())
            .with_max_batch_tokens(arguments.batch_tokens)
            .with_chunk_size(arguments.chunk_size);
        let open = || {
            let encoder = SparseEncoder::builder()
                .device(devices.first().cloned().unwrap_or_default())
                .precision(precision)
                .threads(arguments.threads.unwrap_or_else(cores))
                .load(&model)?;
            splade::corpus::PartTasks::open(&folder, &encoder, &options)
        };
        let tasks = py.detach(open).map_err(to_python)?;
        let caller = Threads::start(Some(NonZeroUsize::MIN))?;
        Ok(Self { tasks, folder, caller, process: std::process::id() })
    }

    /// Encodes a unit, unless its part is there; returns the receipt as JSON.
    fn encode_part(&self, py: Python<'_>, unit: &str, attempt: u32) -> PyResult<String> {
        if self.process != std::process::id() {
            return Err(PyRuntimeError::new_err(
                "this process was forked after the model was loaded: make PartTasks in the worker",
            ));
        }
        let unit: Unit = serde_json::from_str(unit).map_err(broken)?;
        let watch = Watch::default();
        let encode = || self.tasks.encode_part_until(&unit, attempt, Some(&watch.cancel));
        let receipt = waiting::run(py, &self.caller, &watch, encode)?.map_err(to_python)?;
        serde_json::to_string(&receipt).map_err(broken)
    }

    /// The units of the plan, each as JSON.
    fn units(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let units = py.detach(|| self.tasks.plan().units(&self.folder));
        lines(&units.map_err(|error| to_python(error.into()))?)
    }
}

fn lines(units: &[Unit]) -> PyResult<Vec<String>> {
    units.iter().map(|unit| serde_json::to_string(unit).map_err(broken)).collect()
}

/// JSON of another shape.
fn broken(error: serde_json::Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}
