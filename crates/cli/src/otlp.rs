//! `--otlp-endpoint`: a span for each request, with those of its stages, for a collector of
//! OpenTelemetry. They have counts and times, and neither texts nor keys.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, IdGenerator, RandomIdGenerator, SpanData, SpanEvents, SpanLinks,
    SpanProcessor,
};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::args::ServeArgs;
use crate::error::CliError;

/// The target of the events in which the server tells of each request.
const TARGET: &str = "splade_server::spans";

/// Where a collector takes spans.
const PATH: &str = "/v1/traces";

/// Sends spans, on a thread of its own; [`end`] waits for it.
static PROCESSOR: OnceLock<Arc<BatchSpanProcessor>> = OnceLock::new();

/// Sends what the server tells, if a collector is named.
///
/// # Errors
/// What is named is no address of a collector.
pub(crate) fn layer<S>(args: &ServeArgs) -> Result<Option<impl Layer<S> + use<S>>, CliError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(endpoint) = &args.otlp_endpoint else { return Ok(None) };
    let spans = Spans { processor: processor(endpoint, &args.otlp_service_name)? };
    Ok(Some(spans.with_filter(filter_fn(|event: &Metadata<'_>| event.target() == TARGET))))
}

/// Sends what is not sent yet, once the server has ended.
pub(crate) fn end() {
    if let Some(Err(error)) = PROCESSOR.get().map(|processor| processor.shutdown()) {
        tracing::warn!("the last spans may be lost: {error}");
    }
}

fn processor(endpoint: &str, service: &str) -> Result<Arc<BatchSpanProcessor>, CliError> {
    let refused = |why: String| CliError::Otlp { endpoint: endpoint.to_owned(), why };
    if !["http://", "https://"].iter().any(|scheme| endpoint.starts_with(scheme)) {
        return Err(refused("expected an address like http://localhost:4318".to_owned()));
    }
    let base = endpoint.trim_end_matches('/').trim_end_matches(PATH);
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{base}{PATH}"))
        .build()
        .map_err(|error| refused(error.to_string()))?;
    let mut processor = BatchSpanProcessor::builder(exporter).build();
    processor.set_resource(&Resource::builder().with_service_name(service.to_owned()).build());
    let processor = Arc::new(processor);
    let _first = PROCESSOR.set(Arc::clone(&processor));
    Ok(processor)
}

/// Makes spans of events.
struct Spans {
    processor: Arc<BatchSpanProcessor>,
}

impl<S: Subscriber> Layer<S> for Spans {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut told = Told::default();
        event.record(&mut told);
        for span in spans(&told).into_iter().flatten() {
            self.processor.on_end(span);
        }
    }
}

/// A request's span and those of its stages; none if it is not told as it should be.
fn spans(told: &Told) -> Option<Vec<SpanData>> {
    let trace_id = TraceId::from_hex(told.text("trace_id")?).ok()?;
    let request_id = SpanId::from_hex(told.text("span_id")?).ok()?;
    let parent = told.text("parent_id").and_then(|id| SpanId::from_hex(id).ok());
    let flags = TraceFlags::default().with_sampled(told.number("is_sampled") == 1);
    let span = |span_id, name: String, start_time, end_time| SpanData {
        span_context: SpanContext::new(trace_id, span_id, flags, false, TraceState::default()),
        parent_span_id: request_id,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: name.into(),
        start_time,
        end_time,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("splade").build(),
    };
    let (method, route) = (told.text("method")?, told.text("route")?);
    let started: SystemTime = UNIX_EPOCH + told.micros("started_us");
    let name = format!("{method} {route}");
    let mut request = span(request_id, name, started, started + told.micros("total_us"));
    request.parent_span_id = parent.unwrap_or(SpanId::INVALID);
    request.parent_span_is_remote = parent.is_some();
    request.span_kind = SpanKind::Server;
    let number = |name| i64::try_from(told.number(name)).unwrap_or(i64::MAX);
    request.attributes = vec![
        KeyValue::new("http.request.method", method.to_owned()),
        KeyValue::new("http.route", route.to_owned()),
        KeyValue::new("http.response.status_code", number("status")),
        KeyValue::new("splade.request_id", told.text("id").unwrap_or_default().to_owned()),
        KeyValue::new("splade.texts", number("n_texts")),
        KeyValue::new("splade.tokens", number("n_tokens")),
        KeyValue::new("splade.cut_texts", number("n_cut")),
    ];
    if told.number("status") >= 500 {
        request.status = Status::error("");
    }
    let mut spans = vec![request];
    if told.number("n_texts") > 0 {
        let mut start = started;
        for (name, time) in
            [("tokenise", "tokenized_us"), ("queue", "queued_us"), ("compute", "computed_us")]
        {
            let end = start + told.micros(time);
            spans.push(span(RandomIdGenerator::default().new_span_id(), name.into(), start, end));
            start = end;
        }
    }
    Some(spans)
}

/// The fields of an event.
#[derive(Default)]
struct Told {
    texts: HashMap<&'static str, String>,
    numbers: HashMap<&'static str, u64>,
}

impl Told {
    fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    fn number(&self, name: &str) -> u64 {
        self.numbers.get(name).copied().unwrap_or(0)
    }

    fn micros(&self, name: &str) -> Duration {
        Duration::from_micros(self.number(name))
    }
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.texts.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.texts.insert(field.name(), value.to_owned());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.numbers.insert(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.numbers.insert(field.name(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_follow_each_other_within_their_request() {
        let texts = [
            ("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("span_id", "00f067aa0ba902b7"),
            ("parent_id", "00f067aa0ba902b8"),
            ("method", "POST"),
            ("route", "/embed"),
        ];
        let numbers = [
            ("started_us", 1_000_000),
            ("total_us", 700),
            ("tokenized_us", 100),
            ("queued_us", 200),
            ("computed_us", 300),
            ("n_texts", 2),
            ("n_tokens", 19),
            ("status", 503),
            ("is_sampled", 1),
        ];
        let told = Told {
            texts: texts.map(|(name, text)| (name, text.to_owned())).into(),
            numbers: numbers.into(),
        };
        let spans = spans(&told).unwrap();
        let micros = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_micros();
        let shown: Vec<_> = spans
            .iter()
            .map(|span| (span.name.as_ref(), micros(span.start_time), micros(span.end_time)))
            .collect();
        let expected = [
            ("POST /embed", 1_000_000, 1_000_700),
            ("tokenise", 1_000_000, 1_000_100),
            ("queue", 1_000_100, 1_000_300),
            ("compute", 1_000_300, 1_000_600),
        ];
        assert_eq!(shown, expected);
        assert_eq!(spans[0].parent_span_id.to_string(), "00f067aa0ba902b8");
        assert!(spans[0].attributes.contains(&KeyValue::new("splade.tokens", 19)));
        assert!(matches!(spans[0].status, Status::Error { .. }));
        for stage in &spans[1..] {
            assert_eq!(stage.parent_span_id, spans[0].span_context.span_id());
            assert_eq!(stage.span_context.trace_id(), spans[0].span_context.trace_id());
        }
    }

    #[test]
    fn a_request_without_texts_has_no_stages() {
        let texts = [
            ("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("span_id", "00f067aa0ba902b7"),
            ("method", "GET"),
            ("route", "/info"),
        ];
        let texts = texts.map(|(name, text)| (name, text.to_owned())).into();
        let spans = spans(&Told { texts, ..Told::default() }).unwrap();
        assert_eq!(spans.len(), 1);
        assert_eq!(spans[0].parent_span_id, SpanId::INVALID);
        assert!(!spans[0].span_context.is_sampled());
    }
}
