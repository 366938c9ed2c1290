//! Which web pages may call the server from a browser.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::error::ServerError;
use crate::options::Cors;

/// Checks that each origin is one.
pub(crate) fn check(cors: &Cors) -> Result<(), ServerError> {
    let Cors::Origins(origins) = cors else { return Ok(()) };
    let is_origin = |origin: &String| {
        let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        rest.is_some_and(|host| !host.is_empty() && !host.contains('/'))
            && HeaderValue::from_str(origin).is_ok()
    };
    match origins.iter().find(|origin| !is_origin(origin)) {
        Some(origin) => Err(ServerError::Origin { origin: origin.clone() }),
        None => Ok(()),
    }
}

/// Headers that pages may send: a key among them.
const REQUEST_HEADERS: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-request-timeout-ms"),
    HeaderName::from_static("x-priority"),
];

pub(crate) fn layer(cors: &Cors) -> Option<CorsLayer> {
    let origins = match cors {
        Cors::Off => return None,
        Cors::Any => AllowOrigin::any(),
        Cors::Origins(origins) => AllowOrigin::list(
            origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()),
        ),
    };
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(REQUEST_HEADERS)
        .expose_headers([HeaderName::from_static("x-truncated"), header::RETRY_AFTER])
        .max_age(Duration::from_secs(3600));
    Some(layer)
}
