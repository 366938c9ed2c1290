//! [`Told`]: what log and metrics are told of a request.

use std::time::Instant;

use axum::http::{HeaderValue, Method};
use axum::response::Response;

use super::app::SharedApp;
use super::error::ErrorType;
use super::trace_context::TraceContext;

/// The status, in log and metrics, of a request whose client left before the answer: nginx's.
const LEFT: u16 = 499;

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
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.app.metrics.shed("left");
            self.tell(LEFT, None);
        }
    }
}
