//! Headers of an answer: how much was computed, and how long it took.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;

use super::app::SharedApp;
use super::encode::Counts;

/// Adds what text-embeddings-inference tells, and how many texts were cut. Times are whole
/// milliseconds.
pub(crate) fn with_counts(app: &SharedApp, counts: &Counts, mut response: Response) -> Response {
    let stages = &counts.stages;
    let total = stages.tokenized + stages.queued + stages.computed;
    let compute_type = app.served().map_or_else(String::new, |served| {
        format!("{}+{}", served.devices.join(","), served.encoder.precision())
    });
    let values = [
        ("x-compute-type", compute_type),
        ("x-compute-time", millis(total)),
        ("x-compute-characters", counts.n_chars.to_string()),
        ("x-compute-tokens", counts.n_tokens.to_string()),
        ("x-total-time", millis(total)),
        ("x-tokenization-time", millis(stages.tokenized)),
        ("x-queue-time", millis(stages.queued)),
        ("x-inference-time", millis(stages.computed)),
        ("x-truncated", counts.n_truncated.to_string()),
    ];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    // For spans.
    response.extensions_mut().insert(*counts);
    response
}

fn millis(time: Duration) -> String {
    time.as_millis().to_string()
}
