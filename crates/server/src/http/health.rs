//! Whether the server lives, and whether it answers. None of this waits for compute.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::app::{Phase, SharedApp};
use super::error::{ApiError, ApiResult};

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

/// All metrics, for Prometheus.
pub(crate) async fn metrics(State(app): State<SharedApp>) -> impl IntoResponse {
    let load = app.served().map(|served| served.dispatcher.load());
    let text_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, text_type)], app.metrics.text(load))
}
