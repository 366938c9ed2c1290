//! [`Told`]: what log and metrics are told of a request.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderValue, Method};
use axum::response::Response;

use super::app::SharedApp;
use super::encode::Counts;
use super::error::ErrorType;
use super::trace_context::TraceContext;

/// The status, in log and metrics, of a request whose client left before the answer: nginx's.
const LEFT: u16 = 499;

/// The target of events from which spans can be made.
const SPANS: &str = "splade_server::spans";

/// A request, as far as it is told: neither a text nor a key.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) route: String,
    pub(crate) id: HeaderValue,
    pub(crate) trace: TraceContext,
    pub(crate) started: Instant,
}

/// Tells what became of a request, also if its client leaves.
pub(crate) struct Told<'a> {
    app: &'a SharedApp,
    asked: Asked,
    is_answered: bool,
}

impl<'a> Told<'a> {
    pub(crate) fn new(app: &'a SharedApp, asked: Asked) -> Self {
        Self { app, asked, is_answered: false }
    }

    pub(crate) fn answered(&mut self, response: &Response) {
        self.is_answered = true;
        let (status, extensions) = (response.status().as_u16(), response.extensions());
        self.tell(status, extensions.get());
        self.tell_span(status, extensions.get::<Counts>());
    }

    fn tell(&self, status: u16, kind: Option<&ErrorType>) {
        let Asked { method, route, id, trace, started } = &self.asked;
        let elapsed = started.elapsed();
        self.app.metrics.request(route, status, elapsed);
        let (id, ms) = (id.to_str().unwrap_or_default(), elapsed.as_millis() as u64);
        let (trace_id, span_id) = (trace.trace_id(), trace.span_id());
        macro_rules! told {
            ($level:ident, $what:literal) => {
                tracing::$level!(%method, route, status, ms, id, trace_id, span_id, $what)
            };
        }
        match (status, kind) {
            (500.., _) | (_, Some(ErrorType::Backend)) => told!(warn, "request failed"),
            (LEFT, _) => told!(info, "client left"),
            (400..500, _) => told!(info, "request refused"),
            _ => told!(debug, "request"),
        }
    }

    /// What a tracing system is told, by whoever listens to this target: all that is known.
    fn tell_span(&self, status: u16, counts: Option<&Counts>) {
        if !tracing::enabled!(target: SPANS, tracing::Level::TRACE) {
            return;
        }
        let Asked { method, route, id, trace, started } = &self.asked;
        let (total, counts) = (started.elapsed(), counts.copied().unwrap_or_default());
        let begun = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        tracing::trace!(
            target: SPANS,
            method = method.as_str(),
            route,
            status,
            id = id.to_str().unwrap_or_default(),
            trace_id = trace.trace_id(),
            span_id = trace.span_id(),
            parent_id = trace.parent_id(),
            is_sampled = trace.is_sampled(),
            started_us = micros(begun.saturating_sub(total)),
            total_us = micros(total),
            tokenized_us = micros(counts.stages.tokenized),
            queued_us = micros(counts.stages.queued),
            computed_us = micros(counts.stages.computed),
            n_texts = counts.n_texts as u64,
            n_tokens = counts.n_tokens as u64,
            n_cut = counts.n_truncated as u64,
        );
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.app.metrics.shed("left");
            self.tell(LEFT, None);
            self.tell_span(LEFT, None);
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
