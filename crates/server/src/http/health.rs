//! Whether the server lives, and whether it answers. None of this waits for compute.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;

use super::app::{Phase, SharedApp};
use super::error::{ApiError, ApiResult};
use crate::old_metrics::from_openmetrics;

/// 200 from the moment that the server listens.
pub(crate) async fn livez() -> StatusCode {
    StatusCode::OK
}

/// 200 once the model is loaded and warm, and until the server ends.
pub(crate) async fn readyz(State(app): State<SharedApp>) -> ApiResult<StatusCode> {
    app.readiness().map(|()| StatusCode::OK)
}

/// 200 once the model is loaded, whatever comes later.
pub(crate) async fn startupz(State(app): State<SharedApp>) -> ApiResult<StatusCode> {
    match (app.phase(), app.served()) {
        (Phase::Loading, _) | (_, None) => Err(ApiError::unhealthy("the model is being loaded")),
        _ => Ok(StatusCode::OK),
    }
}

/// All metrics, for Prometheus: OpenMetrics for who accepts it, otherwise the older text format.
pub(crate) async fn metrics(State(app): State<SharedApp>, headers: HeaderMap) -> impl IntoResponse {
    let load = app.served().map(|served| served.dispatcher.load());
    app.metrics.bodies(app.body_memory.n_bytes());
    let text = app.metrics.text(load);
    let accepted = headers.get_all(header::ACCEPT).iter();
    let is_new = accepted
        .filter_map(|value| value.to_str().ok())
        .any(|accept| accept.contains("application/openmetrics-text"));
    match is_new {
        true => {
            let text_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, text_type)], text)
        }
        false => {
            let text_type = "text/plain; version=0.0.4; charset=utf-8";
            ([(header::CONTENT_TYPE, text_type)], from_openmetrics(&text))
        }
    }
}
