//! [`Client`]: who asks, and how urgently.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::error::ApiError;
use crate::batching::Lane;
use crate::listen::ConnectionId;

/// A client's key, if keys are asked for: the middleware puts it into the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyId(pub(crate) u64);

/// Who asks, and how urgently.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    /// Its key, or else its connection: clients take turns.
    pub(crate) id: u64,
    /// The lane that the header `x-priority` names.
    pub(crate) lane: Option<Lane>,
    /// The time that the header `x-request-timeout-ms` gives.
    pub(crate) timeout: Option<Duration>,
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let key = parts.extensions.get::<KeyId>().map(|key| key.0);
        let connection = parts.extensions.get::<ConnectionId>().map_or(0, |id| id.0);
        let lane = match header(&parts.headers, "x-priority")? {
            None => None,
            Some("interactive") => Some(Lane::Interactive),
            Some("bulk") => Some(Lane::Bulk),
            Some(other) => {
                return Err(ApiError::validation(format!(
                    "header x-priority: expected interactive or bulk, found `{other}`"
                )));
            }
        };
        let timeout = header(&parts.headers, "x-request-timeout-ms")?.map(|text| {
            text.parse().map(Duration::from_millis).map_err(|_| {
                ApiError::validation(format!(
                    "header x-request-timeout-ms: expected milliseconds, found `{text}`"
                ))
            })
        });
        Ok(Self { id: key.unwrap_or(connection), lane, timeout: timeout.transpose()? })
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ApiError> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    value
        .to_str()
        .map(Some)
        .map_err(|_| ApiError::validation(format!("header {name} has characters beyond ASCII")))
}
