//! Part tasks: encodes single units of a planned corpus, on any machine, in any order.

use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use splade_corpus::{
    Attempt, CorpusError, Machine, PartWriter, Plan, PlannedFolder, Receipt, Unit, UnitError,
    UnitReader, VectorOptions,
};
use splade_output::leave_leftovers;

use super::stream::TextEncoder;
use super::{CorpusOptions, Places, VectorSettings, Windows, encode_corpus};
use crate::{
    CancelHandle, Device, EncodeOptions, EncoderPool, SparseEncoder, SpladeError, backends,
};

/// How a process encodes the units of a plan.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PartTaskOptions {
    /// The model, as it was named: for the receipts.
    pub model: String,
    /// The devices that share the texts. Empty, the default, means the encoder's own.
    pub devices: Vec<Device>,
    /// See [`EncodeOptions::max_batch_tokens`].
    pub max_batch_tokens: Option<NonZeroUsize>,
    /// See [`EncodeOptions::chunk_size`].
    pub chunk_size: Option<NonZeroUsize>,
}

impl PartTaskOptions {
    /// The encoder's own device, with default sizes.
    #[must_use]
    pub fn new(model: impl Into<String>) -> Self {
        Self { model: model.into(), devices: Vec::new(), max_batch_tokens: None, chunk_size: None }
    }

    /// Sets [`devices`](Self::devices).
    #[must_use]
    pub fn with_devices(mut self, devices: impl Into<Vec<Device>>) -> Self {
        self.devices = devices.into();
        self
    }

    /// Sets [`max_batch_tokens`](Self::max_batch_tokens).
    #[must_use]
    pub fn with_max_batch_tokens(mut self, tokens: Option<NonZeroUsize>) -> Self {
        self.max_batch_tokens = tokens;
        self
    }

    /// Sets [`chunk_size`](Self::chunk_size).
    #[must_use]
    pub fn with_chunk_size(mut self, chunk_size: Option<NonZeroUsize>) -> Self {
        self.chunk_size = chunk_size;
        self
    }
}

/// A planned corpus and a loaded model: encodes one unit after another.
///
/// A part has the same bytes whichever process makes it, however often, and whatever that process
/// did before, on machines of the same kind. They are those of one run of
/// [`encode_corpus`](super::encode_corpus) into parts. So engines may retry, and run a unit twice
/// at once. [`finish_plan`](super::finish_plan) ends the work.
///
/// ```
/// use splade::SparseEncoder;
/// use splade::corpus::{
///     CorpusReader, FinishOptions, PartTaskOptions, PartTasks, Plan, PlanOptions, ReadOptions,
///     VectorFormat, finish_plan,
/// };
///
/// # fn main() -> Result<(), splade::SpladeError> {
/// # let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/splade-tiny");
/// # let folder = tempfile::tempdir().unwrap();
/// # let input = folder.path().join("corpus.txt");
/// # std::fs::write(&input, "It's so sunny outside!\nHe drove to the stadium.\n").unwrap();
/// // Once, anywhere, without a model.
/// let out = folder.path().join("vectors");
/// let reader = CorpusReader::open(&[input], ReadOptions::default())?;
/// let options = PlanOptions::new(VectorFormat::JsonLines)
///     .with_rows_per_part(std::num::NonZeroU64::MIN);
/// Plan::create(&out, reader, &options)?;
///
/// // In each worker.
/// let encoder = SparseEncoder::load(model)?;
/// let tasks = PartTasks::open(&out, &encoder, &PartTaskOptions::new(model))?;
/// for unit in tasks.plan().units(&out)? {
///     let receipt = tasks.encode_part(&unit, 1)?;
///     assert_eq!(receipt.part.rows, 1);
/// }
///
/// // Once, when all are done.
/// assert_eq!(finish_plan(&out, FinishOptions::default())?.rows, 2);
/// # Ok(())
/// # }
/// ```
pub struct PartTasks {
    folder: Arc<dyn PlannedFolder>,
    places: Places,
    plan: Plan,
    encoder: SparseEncoder,
    /// Set if several devices share the texts.
    pool: Option<EncoderPool>,
    options: EncodeOptions,
    windows: Windows,
    /// Whether tokens are written beside the vectors.
    has_tokens: bool,
    settings: Value,
    machine: Machine,
}

impl PartTasks {
    /// Reads the plan of a folder; the encoder's handle gets the plan's limit. The files of the
    /// model are read once for their checksums.
    ///
    /// # Errors
    /// A folder without a plan, or with one of another version; options that the model refuses; a
    /// device that is not available.
    pub fn open(
        folder: &Path,
        encoder: &SparseEncoder,
        options: &PartTaskOptions,
    ) -> Result<Self, SpladeError> {
        Self::open_in(&Places::default(), folder, encoder, options)
    }

    /// Like [`open`](Self::open), with the caller's handle on the places of inputs and folders.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_in(
        places: &Places,
        folder: &Path,
        encoder: &SparseEncoder,
        options: &PartTaskOptions,
    ) -> Result<Self, SpladeError> {
        let planned = places.folder(folder)?;
        let plan = Plan::load_in(&*planned)?;
        let vectors = settings_of(folder, &plan)?;
        let encoder = match vectors.max_seq_length {
            Some(max_seq_length) => encoder.with_max_seq_length(max_seq_length)?,
            None => encoder.clone(),
        };
        let devices = match options.devices.is_empty() {
            true => vec![encoder.device().clone()],
            false => options.devices.clone(),
        };
        let is_pool = devices.len() > 1 || options.chunk_size.is_some();
        let pool = is_pool.then(|| encoder.start_pool(&devices)).transpose()?;
        let mut call = vectors.encode_options(&encoder)?;
        call.max_batch_tokens = options.max_batch_tokens;
        call.chunk_size = options.chunk_size;
        let settings = vectors.describe(&encoder, &call, plan.input_settings())?;
        let mut windows = Windows::default();
        if let Some(chunk_size) = options.chunk_size {
            windows.max_texts = windows.max_texts.max(chunk_size);
        }
        windows = windows.for_workers(devices.len());
        windows.boundary = NonZeroUsize::try_from(plan.rows_per_part).ok();
        leave_leftovers(folder);
        Ok(Self {
            folder: planned,
            places: places.clone(),
            has_tokens: vectors.tokens || plan.vector_format().needs_tokens(),
            machine: machine(&encoder, &devices, options)?,
            plan,
            encoder,
            pool,
            options: call,
            windows,
            settings,
        })
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The receipt of a unit whose part is there already.
    ///
    /// # Errors
    /// A part that was made with another model or other options; a damaged receipt.
    pub fn find(&self, unit: &Unit) -> Result<Option<Receipt>, SpladeError> {
        let folder = &*self.folder;
        self.plan.check_unit(folder.path(), unit)?;
        let receipt = Receipt::find_in(folder, unit)?;
        if let Some(receipt) = &receipt {
            receipt.check_settings(folder.path(), &self.settings, "this run")?;
        }
        Ok(receipt)
    }

    /// Encodes a unit, unless its part is there: publishes the part, then its receipt, each whole
    /// or not at all. `attempt` is what the caller counts, from 1; the receipt tells it.
    ///
    /// # Errors
    /// [`SpladeError::Unit`] with the unit and the cause: an input that has changed, a text that
    /// cannot be encoded with its location, a folder that cannot be written, ...
    pub fn encode_part(&self, unit: &Unit, attempt: u32) -> Result<Receipt, SpladeError> {
        self.encode_part_until(unit, attempt, None)
    }

    /// Like [`encode_part`](Self::encode_part), until it is cancelled from another thread; then
    /// nothing is left of the part.
    ///
    /// # Errors
    /// As [`encode_part`](Self::encode_part); of the cause, [`SpladeError::Cancelled`].
    pub fn encode_part_until(
        &self,
        unit: &Unit,
        attempt: u32,
        cancel: Option<&CancelHandle>,
    ) -> Result<Receipt, SpladeError> {
        let encode = || match self.find(unit)? {
            Some(receipt) => Ok(receipt),
            None => self.make_part(unit, attempt, cancel),
        };
        encode().map_err(|source: SpladeError| SpladeError::Unit {
            number: unit.number,
            part: unit.part.clone(),
            source: Box::new(source),
        })
    }

    fn make_part(
        &self,
        unit: &Unit,
        attempt: u32,
        cancel: Option<&CancelHandle>,
    ) -> Result<Receipt, SpladeError> {
        let start = Instant::now();
        let vectors: VectorOptions = self.plan.vectors(self.encoder.dimension());
        let folder = &*self.folder;
        let records = UnitReader::open_with(&self.plan, unit, self.places.inputs())?;
        let workbench = folder.workbench().map_err(CorpusError::write(folder.path()))?;
        let mut part = PartWriter::create(&workbench.folder, unit.part.clone(), &vectors)?;
        let mut call = self.options.clone();
        call.cancel = cancel.cloned();
        let mut options = CorpusOptions::default().with_encode(call).with_windows(self.windows);
        if self.has_tokens {
            options = options.with_tokens_of(&self.encoder);
        }
        let encoder: &dyn TextEncoder = match &self.pool {
            Some(pool) => pool,
            None => &self.encoder,
        };
        encode_corpus(encoder, &options, records, &mut part, |_| {})?;
        let part = part.finish()?;
        let published = folder.publish_part(&part, &workbench);
        published.map_err(CorpusError::write(&folder.path().join(&part.file)))?;
        drop(workbench);
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let attempt = Attempt::new(attempt, host, start.elapsed().as_secs_f64(), version);
        let (settings, machine) = (self.settings.clone(), self.machine.clone());
        let receipt =
            Receipt::new(unit.clone(), part, vectors.dimension, settings, machine, attempt);
        match receipt.save_in(folder) {
            Ok(()) => Ok(receipt),
            // Whoever made the same part at the same time was first, where nothing is replaced.
            Err(CorpusError::Write { source, .. }) if source.kind() == ErrorKind::AlreadyExists => {
                self.receipt_of_other(receipt)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The receipt that is there instead of ours: of the same part, or an error.
    fn receipt_of_other(&self, ours: Receipt) -> Result<Receipt, SpladeError> {
        let other = self.find(&ours.unit)?;
        match other.filter(|other| other.part == ours.part) {
            Some(receipt) => Ok(receipt),
            None => {
                let path = Receipt::path(self.folder.path(), &ours.unit);
                Err(CorpusError::Unit(UnitError::other_receipt(path)).into())
            }
        }
    }
}

impl std::fmt::Debug for PartTasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartTasks")
            .field("folder", &self.folder.path())
            .field("encoder", &self.encoder)
            .field("machine", &self.machine)
            .finish_non_exhaustive()
    }
}

/// The settings that a plan keeps; the default ones if it keeps none.
fn settings_of(folder: &Path, plan: &Plan) -> Result<VectorSettings, SpladeError> {
    match &plan.options {
        Value::Null => Ok(VectorSettings::default()),
        options => serde_json::from_value(options.clone())
            .map_err(|source| CorpusError::Unit(UnitError::damaged(folder, source)).into()),
    }
}

/// What of this machine may change the last bits of a vector.
fn machine(
    encoder: &SparseEncoder,
    devices: &[Device],
    options: &PartTaskOptions,
) -> Result<Machine, SpladeError> {
    let instructions = encoder.info()?.instructions.into_iter();
    let instructions: Vec<String> =
        instructions.map(|(precision, name)| format!("{precision}: {name}")).collect();
    let n_threads = encoder.on_threads(rayon::current_num_threads);
    let mut machine = Machine::new(
        options.model.clone(),
        encoder.precision().to_string(),
        instructions.join(", "),
        n_threads as u64,
    );
    machine.isa = encoder.isa().map(|isa| isa.to_string());
    machine.devices = devices.iter().map(ToString::to_string).collect();
    machine.device_kinds = devices.iter().map(device_kind).collect::<Result<_, _>>()?;
    machine.batch_tokens = options.max_batch_tokens.map(|n| n.get() as u64);
    machine.chunk_size = options.chunk_size.map(|n| n.get() as u64);
    Ok(machine)
}

/// The backend of a device and, for a card, its model.
fn device_kind(device: &Device) -> Result<String, SpladeError> {
    let device = backends::resolve(device)?;
    let name = device.to_string();
    let Some((backend, _)) = name.split_once(':') else { return Ok(name) };
    let (cards, _) = backends::cards();
    Ok(match cards.into_iter().find(|card| card.device == device) {
        Some(card) => format!("{backend}: {}", card.name),
        None => backend.to_owned(),
    })
}
