//! [`Served`]: the model once it is loaded and warm, with its queue.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rayon::ThreadPoolBuilder;
use splade::index::Index;
use splade::info::ModelInfo;
use splade::{EncodeOptions, EncoderPool, SparseEncoder, SpladeError};

use crate::ServerOptions;
use crate::batching::{Batching, Clock, Dispatcher, SystemClock};
use crate::engine::Worker;
use crate::error::ServerError;
use crate::metrics::Metrics;

/// A model that answers.
pub(crate) struct Served {
    pub(crate) encoder: SparseEncoder,
    pub(crate) dispatcher: Dispatcher<Worker>,
    /// Tokenises: not on the threads that compute, so that a query does not wait for a pass to be
    /// over.
    tokenizing: rayon::ThreadPool,
    pub(crate) index: Option<Index>,
    pub(crate) devices: Vec<String>,
}

/// A text for the first passes, some 64 tokens: buffers are allocated and kernels compiled before
/// anybody waits.
const WARM_UP_TEXT: &str = "\
    a sparse vector has a weight for each word that the text contains and for words that it does \
    not contain but that go with it so that a search for one of them finds the text by an \
    inverted index which is how search engines have worked for half a century and why they are \
    fast and can be explained to people who ask";

/// How long warming up goes on after the first pass, at most.
const WARM_UP: Duration = Duration::from_millis(500);

impl Served {
    /// Puts a model onto its devices and warms it up.
    pub(crate) fn start(
        encoder: SparseEncoder,
        options: &ServerOptions,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, ServerError> {
        Self::start_with(encoder, options, metrics, Worker::new, Arc::new(SystemClock))
    }

    /// The same with workers and a clock that tests may choose.
    pub(crate) fn start_with(
        encoder: SparseEncoder,
        options: &ServerOptions,
        metrics: &Arc<Metrics>,
        worker: impl Fn(EncoderPool) -> Worker,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ServerError> {
        let info = encoder.info()?;
        let index = options.index.as_deref().map(|path| open_index(path, &encoder)).transpose()?;
        let n_threads = options.threads.map_or_else(rayon::current_num_threads, NonZeroUsize::get);
        let devices = match options.devices.as_slice() {
            [] => vec![splade::Device::default()],
            devices => devices.to_vec(),
        };
        let mut workers = Vec::with_capacity(devices.len());
        let mut names = Vec::with_capacity(devices.len());
        for (index, device) in devices.iter().enumerate() {
            let more = usize::from(index < n_threads % devices.len());
            let share = (n_threads / devices.len() + more).max(1);
            let pool = threads(share, "share")?
                .install(|| encoder.start_pool(std::slice::from_ref(device)))?;
            names.extend(pool.devices().map(ToString::to_string));
            workers.push(pool);
        }
        let rate = warm_up(&encoder, &workers, &info)?;
        let n_tokenizing = options.tokenization_workers.map_or(n_threads, NonZeroUsize::get);
        let on_batch = {
            let metrics = Arc::clone(metrics);
            Arc::new(move |batch| metrics.batch(batch))
        };
        let dispatcher = Dispatcher::start(
            workers.into_iter().map(worker).collect(),
            info.routes.len().max(1),
            batching(options),
            rate,
            clock,
            on_batch,
        )
        .map_err(ServerError::Threads)?;
        let tokenizing = threads(n_tokenizing, "tokenize")?;
        Ok(Self { encoder, dispatcher, tokenizing, index, devices: names })
    }

    /// Threads that tokenise.
    pub(crate) fn n_tokenizing(&self) -> usize {
        self.tokenizing.current_num_threads()
    }

    /// Runs `work`, which tokenises, where that is done. Blocks.
    pub(crate) fn tokenizing<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.tokenizing.install(work)
    }
}

fn batching(options: &ServerOptions) -> Batching {
    let chosen = &options.batching;
    Batching {
        interactive_target: chosen.interactive_target,
        bulk_target: chosen.bulk_target,
        max_tokens: chosen.max_batch_tokens.get(),
        max_texts: chosen.max_batch_texts.map(NonZeroUsize::get),
        bulk_patience: chosen.bulk_patience,
        max_wait: chosen.max_queue_wait,
        max_queued_texts: chosen.max_queued_texts.map(NonZeroUsize::get),
    }
}

fn open_index(path: &std::path::Path, encoder: &SparseEncoder) -> Result<Index, ServerError> {
    let index = Index::open(path).map_err(SpladeError::from)?;
    if index.dimension() != encoder.dimension() {
        return Err(ServerError::IndexDimension {
            path: path.to_owned(),
            index: index.dimension(),
            model: encoder.dimension(),
        });
    }
    Ok(index)
}

/// Encodes on every device and route until it is warm; returns the tokens per second of the slowest
/// of them.
fn warm_up(
    encoder: &SparseEncoder,
    workers: &[EncoderPool],
    info: &ModelInfo,
) -> Result<f64, SpladeError> {
    let routes: Vec<Option<&str>> = info.routes.iter().map(|route| route.name.as_deref()).collect();
    let mut slowest = f64::INFINITY;
    for route in routes {
        let mut options = EncodeOptions::default().with_prompt("");
        options.task = route.map(str::to_owned);
        let (one, many) = (["a query"].as_slice(), [WARM_UP_TEXT; 8]);
        let (one, many) = (encoder.tokenize(one, &options)?, encoder.tokenize(&many, &options)?);
        for worker in workers {
            worker.encode_tokenized(&one, &options)?;
            worker.encode_tokenized(&many, &options)?;
            let (started, mut n_tokens) = (Instant::now(), 0);
            while n_tokens == 0 || started.elapsed() < WARM_UP / 2 {
                worker.encode_tokenized(&many, &options)?;
                n_tokens += many.n_tokens();
            }
            slowest = slowest.min(n_tokens as f64 / started.elapsed().as_secs_f64());
        }
    }
    Ok(slowest)
}

fn threads(n_threads: usize, name: &'static str) -> Result<rayon::ThreadPool, ServerError> {
    ThreadPoolBuilder::new()
        .num_threads(n_threads)
        .thread_name(move |i| format!("{name}-{i}"))
        .build()
        .map_err(|error| ServerError::Threads(std::io::Error::other(error)))
}
