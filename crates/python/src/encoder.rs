//! [`Encoder`]: the model, with what Python's `SparseEncoder` asks of it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use splade::save::{Existing, SaveOptions};
use splade::tokens::DecodeSpecial;
use splade::{Device, EncodeOptions, Encoded, EncoderPool, Precision, SparseEncoder, SpladeError};

use crate::errors::to_python;
use crate::inputs::Texts;
use crate::matrix::{SparseMatrix, read_function};
use crate::pool::Pool;
use crate::threads::Threads;
use crate::waiting::{self, Watch};
use crate::{errors, options};

/// Token ids of each text, and the segments of the tokens.
type Tokens = (Vec<Vec<u32>>, Vec<Vec<u32>>);

/// A model with its tokenizer. It does not change; `with_` methods return another that shares its
/// weights.
#[pyclass(frozen, module = "splade._splade")]
pub(crate) struct Encoder {
    encoder: SparseEncoder,
    threads: Arc<Threads>,
    source: Source,
}

/// What it takes to load the same encoder again.
#[derive(Clone)]
struct Source {
    folder: PathBuf,
    device: Device,
    precision: Precision,
    n_threads: Option<NonZeroUsize>,
    max_seq_length: Option<usize>,
}

/// Who encodes.
#[derive(Clone, Copy)]
pub(crate) enum Worker<'a> {
    Encoder(&'a SparseEncoder),
    Pool(&'a SparseEncoder, &'a EncoderPool),
}

impl Worker<'_> {
    /// Encodes texts, or pairs of them if `second` is given.
    ///
    /// # Errors
    /// See [`SparseEncoder::encode_with`].
    fn encode(
        self,
        texts: &[&str],
        second: Option<&[&str]>,
        options: &EncodeOptions,
    ) -> Result<Encoded, SpladeError> {
        match (self, second) {
            (Self::Encoder(encoder), None) => encoder.encode_with(texts, options),
            (Self::Pool(_, pool), None) => pool.encode_with(texts, options),
            (Self::Encoder(encoder) | Self::Pool(encoder, _), Some(second)) => {
                let pairs: Vec<_> = texts.iter().zip(second).collect();
                let tokens = encoder.tokenize_pairs(&pairs, options)?;
                match self {
                    Self::Encoder(encoder) => encoder.encode_tokenized(&tokens, options),
                    Self::Pool(_, pool) => pool.encode_tokenized(&tokens, options),
                }
            }
        }
    }

    /// Encodes what Python passed.
    ///
    /// # Errors
    /// Texts or options that cannot be used; a signal; see [`encode`](Self::encode).
    pub(crate) fn run(
        self,
        py: Python<'_>,
        threads: &Threads,
        texts: &Bound<'_, PyAny>,
        second: Option<&Bound<'_, PyAny>>,
        options: Option<&Bound<'_, PyDict>>,
        on_progress: Option<Py<PyAny>>,
    ) -> PyResult<SparseMatrix> {
        let (watch, options) = watched(options, on_progress)?;
        let texts = Texts::read(texts)?;
        let second = second.map(Texts::read).transpose()?;
        let (texts, second) = (texts.slices(), second.as_ref().map(Texts::slices));
        check_pairs(&texts, second.as_deref())?;
        let encode = || self.encode(&texts, second.as_deref(), &options);
        let encoded = waiting::run(py, threads, &watch, encode)?.map_err(to_python)?;
        SparseMatrix::of(py, encoded)
    }
}

/// Options with a handle that cancels, and a count of the texts done.
fn watched(
    options: Option<&Bound<'_, PyDict>>,
    on_progress: Option<Py<PyAny>>,
) -> PyResult<(Watch, EncodeOptions)> {
    let watch = Watch { on_progress, ..Watch::default() };
    let options = options::read(options)?.with_cancel(watch.cancel.clone());
    let n_done = Arc::clone(&watch.n_done);
    let count = move |progress: &splade::EncodeProgress| {
        n_done.store(progress.n_texts, Ordering::Relaxed);
    };
    Ok((watch, options.with_progress(count)))
}

/// # Errors
/// Texts that are not pairs.
fn check_pairs(texts: &[&str], second: Option<&[&str]>) -> PyResult<()> {
    match second {
        Some(second) if second.len() != texts.len() => {
            let (first, second) = (texts.len(), second.len());
            let message = format!("pairs need as many first texts as second: {first}, {second}");
            Err(PyValueError::new_err(message))
        }
        _ => Ok(()),
    }
}

impl Encoder {
    fn with(&self, encoder: SparseEncoder, source: Source) -> Self {
        Self { encoder, threads: Arc::clone(&self.threads), source }
    }

    /// The library's encoder, for other modules.
    pub(crate) fn encoder(&self) -> &SparseEncoder {
        &self.encoder
    }

    pub(crate) fn threads(&self) -> &Arc<Threads> {
        &self.threads
    }
}

#[pymethods]
impl Encoder {
    /// Loads a model's folder onto a device, with threads of its own.
    #[staticmethod]
    #[pyo3(signature = (folder, device = "cpu", precision = "f32", threads = None, max_seq_length = None))]
    fn load(
        py: Python<'_>,
        folder: PathBuf,
        device: &str,
        precision: &str,
        threads: Option<NonZeroUsize>,
        max_seq_length: Option<usize>,
    ) -> PyResult<Self> {
        let device: Device = device.parse().map_err(to_python)?;
        let precision: Precision =
            precision.parse().map_err(|error: splade::errors::UnknownPrecision| {
                PyValueError::new_err(errors::message(&error))
            })?;
        let source = Source { folder, device, precision, n_threads: threads, max_seq_length };
        let threads = Threads::start(threads)?;
        let builder = SparseEncoder::builder().device(source.device.clone()).precision(precision);
        let load = || builder.load(&source.folder);
        let encoder = waiting::run(py, &threads, &Watch::default(), load)?.map_err(to_python)?;
        let loaded = Self { encoder, threads: Arc::new(threads), source };
        match max_seq_length {
            Some(max_seq_length) => loaded.with_max_seq_length(max_seq_length),
            None => Ok(loaded),
        }
    }

    /// The same model with another limit of tokens.
    fn with_max_seq_length(&self, max_seq_length: usize) -> PyResult<Self> {
        let encoder = self.encoder.with_max_seq_length(max_seq_length).map_err(to_python)?;
        let source = Source { max_seq_length: Some(max_seq_length), ..self.source.clone() };
        Ok(self.with(encoder, source))
    }

    /// The same model without a limit on active dimensions of its own: calls pass theirs.
    fn without_max_active_dims(&self) -> Self {
        self.with(self.encoder.with_max_active_dims(None), self.source.clone())
    }

    /// One vector for each text, or for each pair of `texts` and `second`.
    #[pyo3(signature = (texts, second = None, options = None, on_progress = None))]
    fn encode(
        &self,
        py: Python<'_>,
        texts: &Bound<'_, PyAny>,
        second: Option<&Bound<'_, PyAny>>,
        options: Option<&Bound<'_, PyDict>>,
        on_progress: Option<Py<PyAny>>,
    ) -> PyResult<SparseMatrix> {
        let worker = Worker::Encoder(&self.encoder);
        worker.run(py, &self.threads, texts, second, options, on_progress)
    }

    /// One vector for each list of token ids.
    #[pyo3(signature = (ids, options = None, on_progress = None))]
    fn encode_ids(
        &self,
        py: Python<'_>,
        ids: Vec<Vec<u32>>,
        options: Option<&Bound<'_, PyDict>>,
        on_progress: Option<Py<PyAny>>,
    ) -> PyResult<SparseMatrix> {
        let (watch, options) = watched(options, on_progress)?;
        let encode = || {
            let tokens = self.encoder.tokenize_ids(&ids, &options)?;
            self.encoder.encode_tokenized(&tokens, &options)
        };
        let encoded = waiting::run(py, &self.threads, &watch, encode)?.map_err(to_python)?;
        SparseMatrix::of(py, encoded)
    }

    /// The token ids of each text or pair, as the model sees them, and the tokens' segments.
    #[pyo3(signature = (texts, second = None, options = None))]
    fn tokenize(
        &self,
        py: Python<'_>,
        texts: &Bound<'_, PyAny>,
        second: Option<&Bound<'_, PyAny>>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Tokens> {
        let (watch, options) = watched(options, None)?;
        let texts = Texts::read(texts)?;
        let second = second.map(Texts::read).transpose()?;
        let (texts, second) = (texts.slices(), second.as_ref().map(Texts::slices));
        check_pairs(&texts, second.as_deref())?;
        let tokenize = || match &second {
            None => self.encoder.tokenize(&texts, &options),
            Some(second) => {
                let pairs: Vec<_> = texts.iter().zip(second).collect();
                self.encoder.tokenize_pairs(&pairs, &options)
            }
        };
        let tokens = waiting::run(py, &self.threads, &watch, tokenize)?.map_err(to_python)?;
        let ids = tokens.iter().map(|text| text.input_ids.to_vec()).collect();
        Ok((ids, tokens.iter().map(|text| text.token_type_ids.to_vec()).collect()))
    }

    /// Tokens by their ids, as the vocabulary spells them; `[id N]` for an id without a token.
    fn tokens(&self, ids: Vec<u32>) -> Vec<String> {
        ids.into_iter().map(|id| self.encoder.token(id)).collect()
    }

    /// The id of a token as the vocabulary spells it.
    fn token_id(&self, token: &str) -> Option<u32> {
        self.encoder.token_id(token)
    }

    /// Every token with its id, in order of id.
    fn vocabulary(&self) -> Vec<(String, u32)> {
        self.encoder.vocabulary()
    }

    /// Token ids as text, with or without the special tokens.
    #[pyo3(signature = (ids, special = "keep"))]
    fn decode_ids(&self, ids: Vec<u32>, special: &str) -> PyResult<String> {
        let special = match special {
            "keep" => DecodeSpecial::Keep,
            "drop" => DecodeSpecial::Drop,
            _ => return Err(PyValueError::new_err("special is `keep` or `drop`")),
        };
        self.encoder.decode_ids(&ids, special).map_err(to_python)
    }

    /// What the model is made of, as JSON.
    fn info(&self, py: Python<'_>) -> PyResult<String> {
        let info = py.detach(|| self.encoder.info()).map_err(to_python)?;
        serde_json::to_string(&info).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Saves the model into a folder that is empty or does not exist.
    #[pyo3(signature = (folder, prompts, similarity, max_active_dims = None))]
    fn save(
        &self,
        py: Python<'_>,
        folder: PathBuf,
        prompts: BTreeMap<String, String>,
        similarity: &str,
        max_active_dims: Option<NonZeroUsize>,
    ) -> PyResult<()> {
        let mut encoder = self.encoder.with_similarity_function(read_function(similarity)?);
        for (name, prompt) in prompts {
            encoder = encoder.with_prompt(name, prompt);
        }
        let encoder = encoder.with_max_active_dims(max_active_dims);
        let options = SaveOptions::default().with_existing(Existing::Refuse);
        py.detach(|| encoder.save_with(&folder, &options)).map_err(to_python)
    }

    /// Starts a worker for each device.
    fn start_pool(&self, py: Python<'_>, devices: Vec<String>) -> PyResult<Pool> {
        let devices: Result<Vec<Device>, _> = devices.iter().map(|name| name.parse()).collect();
        let devices = devices.map_err(to_python)?;
        let start = || self.encoder.start_pool(&devices);
        let pool = waiting::run(py, &self.threads, &Watch::default(), start)?.map_err(to_python)?;
        Ok(Pool::new(self.encoder.clone(), pool, Arc::clone(&self.threads)))
    }

    /// The folder that it was loaded from.
    #[getter]
    fn folder(&self) -> PathBuf {
        self.encoder.folder().to_owned()
    }

    /// The name of the device that was asked for.
    #[getter]
    fn device(&self) -> String {
        self.source.device.to_string()
    }

    /// The backend that computes.
    #[getter]
    fn backend(&self) -> &'static str {
        self.encoder.backend()
    }

    /// The precision that it computes in.
    #[getter]
    fn precision(&self) -> String {
        self.source.precision.to_string()
    }

    /// Dimension of a vector.
    #[getter]
    fn dimension(&self) -> usize {
        self.encoder.dimension()
    }

    /// Tokens that a text is cut to; None if there is no limit.
    #[getter]
    fn max_seq_length(&self) -> Option<usize> {
        self.encoder.max_seq_length()
    }

    /// The checkpoint's prompts.
    #[getter]
    fn prompts(&self) -> BTreeMap<String, String> {
        let owned = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
        self.encoder.prompts().map(owned).collect()
    }

    /// The tasks that choose a route; empty without a router.
    #[getter]
    fn tasks(&self) -> Vec<String> {
        self.encoder.tasks().map(str::to_owned).collect()
    }

    /// Architecture and sizes in a few words.
    #[getter]
    fn summary(&self) -> String {
        self.encoder.summary()
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.encoder)
    }

    /// It does not change, so it is its own copy.
    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// It does not change, so it is its own copy.
    fn __deepcopy__(slf: Py<Self>, memo: Bound<'_, PyAny>) -> Py<Self> {
        drop(memo);
        slf
    }

    /// The arguments that load it again: weights are not pickled.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let source = &slf.get().source;
        let arguments = (
            &source.folder,
            source.device.to_string(),
            source.precision.to_string(),
            source.n_threads.map(NonZeroUsize::get),
            source.max_seq_length,
        );
        (slf.get_type().getattr("load")?, arguments).into_pyobject(slf.py())
    }
}
