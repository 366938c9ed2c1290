//! `/`: a page to try the model on in a browser; for anybody else, whether the server answers.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::app::SharedApp;
use super::error::ApiResult;
use super::explain::accepts_html;

/// One file: no other is loaded, from here or from the network. It asks `/explain`.
const PAGE: &str = include_str!("playground.html");

/// The page runs its own script and asks this server, and nobody else. What `/explain` writes is
/// shown in a frame without scripts.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      connect-src 'self'; frame-src 'self'; img-src data:; form-action 'none'; \
                      base-uri 'none'; frame-ancestors 'none'";

pub(crate) async fn playground(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    if !accepts_html(&headers) {
        // text-embeddings-inference's meaning of this path.
        return app.readiness().map(|()| StatusCode::OK.into_response());
    }
    let mut page = Html(PAGE).into_response();
    let policy = HeaderValue::from_static(POLICY);
    page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    page.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(page)
}
