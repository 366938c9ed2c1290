//! What is counted, for Prometheus.

use std::sync::Mutex;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::batching::{BatchReport, Load};

/// A request, by what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    /// The route, not the path: no client chooses the labels.
    path: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PathLabels {
    path: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LaneLabels {
    lane: &'static str,
}

/// All metrics of a server, in a registry of their own.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<RequestLabels, Counter>,
    duration: Family<PathLabels, Histogram, fn() -> Histogram>,
    texts: Counter,
    tokens: Counter,
    cut_texts: Counter,
    active_dims: Histogram,
    queued: Histogram,
    tokenized: Histogram,
    computed: Histogram,
    batch_tokens: Histogram,
    batch_texts: Histogram,
    batch_seconds: Histogram,
    shed: Family<ReasonLabels, Counter>,
    queue_tokens: Family<LaneLabels, Gauge>,
    queue_texts: Gauge,
    tokens_per_second: Gauge,
    body_bytes: Gauge,
    connections: Gauge,
    refused_connections: Counter,
}

/// Where a request's vectors took their time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stages {
    pub(crate) tokenized: Duration,
    pub(crate) queued: Duration,
    pub(crate) computed: Duration,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("splade");
        let metrics = Self {
            registry: Mutex::default(),
            requests: Family::default(),
            duration: Family::new_with_constructor(seconds as fn() -> Histogram),
            texts: Counter::default(),
            tokens: Counter::default(),
            cut_texts: Counter::default(),
            active_dims: Histogram::new(exponential_buckets(1.0, 2.0, 16)),
            queued: seconds(),
            tokenized: seconds(),
            computed: seconds(),
            batch_tokens: Histogram::new(exponential_buckets(1.0, 2.0, 18)),
            batch_texts: Histogram::new(exponential_buckets(1.0, 2.0, 14)),
            batch_seconds: seconds(),
            shed: Family::default(),
            queue_tokens: Family::default(),
            queue_texts: Gauge::default(),
            tokens_per_second: Gauge::default(),
            body_bytes: Gauge::default(),
            connections: Gauge::default(),
            refused_connections: Counter::default(),
        };
        let m = &metrics;
        let r = &mut registry;
        let s = || Unit::Seconds;
        r.register("requests", "Requests by route and status", m.requests.clone());
        r.register_with_unit(
            "request_duration",
            "From the headers to the answer",
            s(),
            m.duration.clone(),
        );
        r.register("texts", "Texts that were encoded", m.texts.clone());
        r.register("tokens", "Tokens of these texts, special tokens counted", m.tokens.clone());
        r.register(
            "cut_texts",
            "Texts that were longer than the model takes and were cut",
            m.cut_texts.clone(),
        );
        r.register("active_dims", "Weights of a text that are not zero", m.active_dims.clone());
        r.register_with_unit(
            "tokenization_duration",
            "Tokenising the texts of a request",
            s(),
            m.tokenized.clone(),
        );
        r.register_with_unit(
            "queue_duration",
            "From tokens to the first text that is computed",
            s(),
            m.queued.clone(),
        );
        r.register_with_unit(
            "inference_duration",
            "From then to the last vector",
            s(),
            m.computed.clone(),
        );
        r.register("batch_tokens", "Tokens that were computed together", m.batch_tokens.clone());
        r.register("batch_texts", "Texts that were computed together", m.batch_texts.clone());
        r.register_with_unit("batch_duration", "Computing a batch", s(), m.batch_seconds.clone());
        r.register("shed", "Requests that were not computed, by the reason", m.shed.clone());
        r.register("queue_tokens", "Tokens that wait, by lane", m.queue_tokens.clone());
        r.register("queue_texts", "Texts that wait", m.queue_texts.clone());
        r.register(
            "tokens_per_second",
            "What the devices compute, as measured",
            m.tokens_per_second.clone(),
        );
        r.register_with_unit(
            "bodies",
            "What the bodies of requests under way take",
            Unit::Bytes,
            m.body_bytes.clone(),
        );
        r.register("connections", "Open connections", m.connections.clone());
        r.register(
            "refused_connections",
            "Connections beyond the limit",
            m.refused_connections.clone(),
        );
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        r.register("build", "The program", Info::new(version));
        Self { registry: Mutex::new(registry), ..metrics }
    }

    /// Says what model is served, once it is loaded.
    pub(crate) fn model_loaded(&self, model: &str, device: &str, precision: &str) {
        let labels = [("model", model), ("device", device), ("precision", precision)];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        self.lock().register("model", "The model that is served", Info::new(labels));
    }

    pub(crate) fn request(&self, route: &str, status: u16, elapsed: Duration) {
        let path = route.to_owned();
        self.requests.get_or_create(&RequestLabels { path: path.clone(), status }).inc();
        self.duration.get_or_create(&PathLabels { path }).observe(elapsed.as_secs_f64());
    }

    /// A request whose texts have their vectors.
    pub(crate) fn encoded(&self, n_texts: usize, n_tokens: usize, n_cut: usize, stages: &Stages) {
        self.texts.inc_by(n_texts as u64);
        self.tokens.inc_by(n_tokens as u64);
        self.cut_texts.inc_by(n_cut as u64);
        self.tokenized.observe(stages.tokenized.as_secs_f64());
        self.queued.observe(stages.queued.as_secs_f64());
        self.computed.observe(stages.computed.as_secs_f64());
    }

    pub(crate) fn row(&self, nnz: usize) {
        self.active_dims.observe(nnz as f64);
    }

    pub(crate) fn batch(&self, batch: BatchReport) {
        self.batch_tokens.observe(batch.n_tokens as f64);
        self.batch_texts.observe(batch.n_texts as f64);
        self.batch_seconds.observe(batch.elapsed.as_secs_f64());
    }

    /// A request that was let go: `overloaded`, `expired`, `left`.
    pub(crate) fn shed(&self, reason: &'static str) {
        self.shed.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// What the bodies of requests under way take.
    pub(crate) fn bodies(&self, n_bytes: usize) {
        self.body_bytes.set(i64::try_from(n_bytes).unwrap_or(i64::MAX));
    }

    pub(crate) fn connected(&self) {
        self.connections.inc();
    }

    pub(crate) fn disconnected(&self) {
        self.connections.dec();
    }

    pub(crate) fn connection_refused(&self) {
        self.refused_connections.inc();
    }

    /// All metrics in the text form of OpenMetrics.
    pub(crate) fn text(&self, load: Option<Load>) -> String {
        if let Some(load) = load {
            let as_gauge = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
            for (lane, tokens) in
                [("interactive", load.interactive_tokens), ("bulk", load.bulk_tokens)]
            {
                self.queue_tokens.get_or_create(&LaneLabels { lane }).set(as_gauge(tokens));
            }
            self.queue_texts.set(as_gauge(load.queued_texts));
            self.tokens_per_second.set(load.tokens_per_second as i64);
        }
        let mut text = String::new();
        // Writing to a string does not fail.
        let _fails_never = prometheus_client::encoding::text::encode(&mut text, &self.lock());
        text
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// From a tenth of a millisecond to a minute and a half.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(1e-4, 1.8, 24))
}
