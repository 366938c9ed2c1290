//! [`EncoderPool`]: one model on several devices, which share the texts of a call.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use splade_sparse::SparseMatrix;
use tracing::{info_span, trace_span};

use crate::call::Call;
use crate::inputs::Inputs;
use crate::pipeline::{Graph, Rows};
use crate::queue::{self, Cause, Failure};
use crate::settings::Settings;
use crate::tokenized::TokenizedTexts;
use crate::{Device, EncodeOptions, Encoded, SpladeError, TextOptions, backends};

/// A model on several devices, started once and used for many calls; made by
/// [`SparseEncoder::start_pool`](crate::SparseEncoder::start_pool).
///
/// The texts of a call are divided into chunks of [`chunk_size`](EncodeOptions::chunk_size) texts,
/// which the workers take from one queue, so a faster device gets more of them. Rows are returned
/// in the order of the texts, and equal the encoder's own rows up to rounding.
///
/// A pool has the limits and prompts of the handle that it was started from, and accepts the texts
/// that this handle has [tokenised](crate::SparseEncoder::tokenize). It can be used from many
/// threads at once. Clones share the pool; dropping the last one ends it.
#[derive(Clone)]
pub struct EncoderPool {
    workers: Arc<[Worker]>,
    settings: Arc<Settings>,
}

/// A device with its model. Workers on one device share the model's weights.
struct Worker {
    device: Device,
    graph: Graph,
    threads: rayon::ThreadPool,
}

impl EncoderPool {
    /// Loads a model onto devices; `own` is the device that already has it.
    pub(crate) fn start(
        graph: &Graph,
        own: &Device,
        settings: &Arc<Settings>,
        n_threads: usize,
        devices: &[Device],
    ) -> Result<Self, SpladeError> {
        let _span = info_span!("start pool", workers = devices.len()).entered();
        if devices.is_empty() {
            return Err(SpladeError::NoDevices);
        }
        let mut loaded: Vec<(Device, Graph)> = vec![(backends::resolve(own)?, graph.clone())];
        let mut workers = Vec::with_capacity(devices.len());
        for (worker, device) in devices.iter().enumerate() {
            let device = backends::resolve(device)?;
            let known = loaded.iter().find(|(known, _)| *known == device);
            let graph = match known {
                Some((_, graph)) => graph.clone(),
                None => {
                    let graph = graph.on(&device)?;
                    loaded.push((device.clone(), graph.clone()));
                    graph
                }
            };
            let threads = start_threads(share(n_threads, devices.len(), worker))?;
            workers.push(Worker { device, graph, threads });
        }
        Ok(Self { workers: workers.into(), settings: Arc::clone(settings) })
    }

    /// One vector for each text: see [`SparseEncoder::encode`](crate::SparseEncoder::encode).
    ///
    /// # Errors
    /// [`SpladeError::Worker`]: what went wrong, with the device and the texts.
    pub fn encode<T: AsRef<str> + Sync>(&self, texts: &[T]) -> Result<SparseMatrix, SpladeError> {
        Ok(self.encode_with(texts, &EncodeOptions::default())?.embeddings)
    }

    /// Vectors of queries: see [`SparseEncoder::encode_query`](crate::SparseEncoder::encode_query).
    ///
    /// # Errors
    /// See [`encode`](Self::encode).
    pub fn encode_query<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
    ) -> Result<SparseMatrix, SpladeError> {
        Ok(self.encode_with(texts, &EncodeOptions::query())?.embeddings)
    }

    /// Vectors of documents: see
    /// [`SparseEncoder::encode_document`](crate::SparseEncoder::encode_document).
    ///
    /// # Errors
    /// See [`encode`](Self::encode).
    pub fn encode_document<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
    ) -> Result<SparseMatrix, SpladeError> {
        Ok(self.encode_with(texts, &EncodeOptions::document())?.embeddings)
    }

    /// Like [`encode`](Self::encode), with options; also returns counts of texts and tokens.
    ///
    /// # Errors
    /// See [`encode`](Self::encode); a prompt that the model does not know.
    pub fn encode_with<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        options: &EncodeOptions,
    ) -> Result<Encoded, SpladeError> {
        let (graph, settings) = (self.graph(), &self.settings);
        let texts = Inputs::texts(texts);
        self.run(&Call::of_texts(graph, settings, texts, None, options)?, options)
    }

    /// Like [`encode_with`](Self::encode_with), with options per text: see
    /// [`SparseEncoder::encode_each`](crate::SparseEncoder::encode_each).
    ///
    /// # Errors
    /// See [`encode_with`](Self::encode_with); [`SpladeError::TextOptionsCount`].
    pub fn encode_each<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        each: &[TextOptions],
        options: &EncodeOptions,
    ) -> Result<Encoded, SpladeError> {
        let (graph, settings) = (self.graph(), &self.settings);
        let texts = Inputs::texts(texts);
        self.run(&Call::of_texts(graph, settings, texts, Some(each), options)?, options)
    }

    /// Encodes texts that are already tokenised: see
    /// [`SparseEncoder::encode_tokenized`](crate::SparseEncoder::encode_tokenized).
    ///
    /// # Errors
    /// See [`encode`](Self::encode); [`SpladeError::OtherTokens`].
    pub fn encode_tokenized(
        &self,
        texts: &TokenizedTexts,
        options: &EncodeOptions,
    ) -> Result<Encoded, SpladeError> {
        let call = Call::of_tokens(self.graph(), &self.settings, texts, None, options)?;
        self.run(&call, options)
    }

    /// Like [`encode_tokenized`](Self::encode_tokenized), with pruning per text that overrides the
    /// call's.
    ///
    /// # Errors
    /// See [`encode_tokenized`](Self::encode_tokenized); [`SpladeError::TextOptionsCount`].
    pub fn encode_tokenized_each(
        &self,
        texts: &TokenizedTexts,
        each: &[TextOptions],
        options: &EncodeOptions,
    ) -> Result<Encoded, SpladeError> {
        let call = Call::of_tokens(self.graph(), &self.settings, texts, Some(each), options)?;
        self.run(&call, options)
    }

    /// Distributes the texts of a call among the workers.
    fn run(&self, call: &Call<'_>, options: &EncodeOptions) -> Result<Encoded, SpladeError> {
        let (n_texts, n_workers) = (call.n_texts(), self.workers.len());
        let chunk_size =
            options.chunk_size.unwrap_or_else(|| default_chunk_size(n_texts, n_workers)).get();
        let _span =
            info_span!("encode", texts = n_texts, workers = n_workers, chunk_size).entered();
        let tally = call.tally();
        let texts_of = |chunk: usize| chunk * chunk_size..n_texts.min((chunk + 1) * chunk_size);
        let encode = |worker: &Worker, chunk: usize| {
            let _span = trace_span!("chunk", chunk, device = %worker.device).entered();
            worker.threads.install(|| call.run(&worker.graph, texts_of(chunk), &tally))
        };
        let encoded = queue::share_out(&self.workers, n_texts.div_ceil(chunk_size), encode);
        let encoded = encoded.map_err(|failure| {
            let texts = texts_of(failure.item);
            self.name_worker(failure, texts)
        })?;
        Rows::joined(encoded).into_encoded(self.graph().dimension())
    }

    /// The graph of the first worker: all have the same tokenizers and routes.
    fn graph(&self) -> &Graph {
        &self.workers[0].graph
    }

    /// The workers' devices, in order, by their resolved names: `cpu` is `ndarray` or `flex`.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.workers.iter().map(|worker| &worker.device)
    }

    /// Converts a failure to an error that names device, chunk and texts.
    fn name_worker(&self, failure: Failure<SpladeError>, texts: Range<usize>) -> SpladeError {
        let device = self.workers[failure.worker].device.to_string();
        let chunk = failure.item;
        match failure.cause {
            // The worker is not at fault.
            Cause::Error(
                error @ (SpladeError::Cancelled
                | SpladeError::TextTooLong { .. }
                | SpladeError::PromptBeforeIds { .. }),
            ) => error,
            Cause::Error(source) => {
                SpladeError::Worker { device, chunk, texts, source: Box::new(source) }
            }
            Cause::Panic(message) => SpladeError::WorkerPanicked { device, chunk, texts, message },
        }
    }
}

impl std::fmt::Debug for EncoderPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let devices: Vec<String> = self.devices().map(Device::to_string).collect();
        f.debug_struct("EncoderPool").field("devices", &devices).finish_non_exhaustive()
    }
}

/// The reference's formula: ten chunks per worker, each of at most 5000 texts.
///
/// # Source
/// sentence-transformers 6.2, `base/model.py`, `_multi_process`.
fn default_chunk_size(n_texts: usize, n_workers: usize) -> NonZeroUsize {
    let size = n_texts.div_ceil(n_workers * 10).min(5000);
    NonZeroUsize::new(size).unwrap_or(NonZeroUsize::MIN)
}

/// The number of threads of one worker: they are divided evenly, and each worker has at least one.
fn share(n_threads: usize, n_workers: usize, worker: usize) -> NonZeroUsize {
    let more = usize::from(worker < n_threads % n_workers);
    NonZeroUsize::new(n_threads / n_workers + more).unwrap_or(NonZeroUsize::MIN)
}

pub(crate) fn start_threads(threads: NonZeroUsize) -> Result<rayon::ThreadPool, SpladeError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.get())
        .thread_name(|i| format!("splade-{i}"))
        .build()
        .map_err(|source| SpladeError::Threads { threads: threads.get(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_chunk_is_the_reference_s() {
        // max(1, min(ceil(texts / workers / 10), 5000)), computed by Python.
        for (n_texts, n_workers, expected) in
            [(0, 2, 1), (1, 2, 1), (40, 2, 2), (41, 2, 3), (100_001, 2, 5000), (99_999, 3, 3334)]
        {
            assert_eq!(default_chunk_size(n_texts, n_workers).get(), expected, "{n_texts}");
        }
    }

    #[test]
    fn workers_share_the_threads_and_none_is_without() {
        let shares = |n_threads, n_workers| -> Vec<usize> {
            (0..n_workers).map(|worker| share(n_threads, n_workers, worker).get()).collect()
        };
        assert_eq!(shares(16, 3), [6, 5, 5]);
        assert_eq!(shares(2, 2), [1, 1]);
        assert_eq!(shares(2, 3), [1, 1, 1]);
    }
}
