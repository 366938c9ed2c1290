//! Bodies of requests: read within limits of size and time, and parsed.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use super::encode::blocking;
use super::error::{ApiError, ApiResult, ErrorType};
use crate::options::Limits;

/// Bodies above this are parsed on a thread of their own.
const LARGE: usize = 64 << 10;

/// Reads a body whole.
///
/// # Errors
/// 413 above the limit, 408 when the next piece does not come in time, 400 when the body breaks off
/// or cannot be decompressed.
pub(crate) async fn read(body: Body, limits: &Limits) -> ApiResult<Bytes> {
    let mut stream = body.into_data_stream();
    let mut whole = Vec::new();
    while let Some(piece) = next(&mut stream, limits.body_timeout).await? {
        if whole.len() + piece.len() > limits.max_body_bytes {
            return Err(too_large(limits.max_body_bytes));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}

pub(crate) fn too_large(max_bytes: usize) -> ApiError {
    ApiError::too_large(format!(
        "the body has more than {max_bytes} bytes: send the texts in pieces"
    ))
}

/// The next piece of a body.
pub(crate) async fn next(
    stream: &mut axum::body::BodyDataStream,
    timeout: Duration,
) -> ApiResult<Option<Bytes>> {
    match tokio::time::timeout(timeout, stream.next()).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(piece))) => Ok(Some(piece)),
        Ok(Some(Err(error))) => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            ErrorType::Validation,
            format!("the body cannot be read: {}", super::error::with_causes(&error)),
        )),
        Err(_) => Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            ErrorType::Timeout,
            format!("no more of the body came within {} s", timeout.as_secs_f64()),
        )),
    }
}

/// Parses JSON.
///
/// # Errors
/// 400 for what is no JSON, 422 for JSON of another form.
pub(crate) async fn parse<T: DeserializeOwned + Send + 'static>(body: Bytes) -> ApiResult<T> {
    match body.len() > LARGE {
        true => blocking(move || parse_json(&body)).await,
        false => parse_json(&body),
    }
}

pub(crate) fn parse_json<T: DeserializeOwned>(body: &[u8]) -> ApiResult<T> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut json);
    let parsed = parsed.map_err(|error| {
        let path = error.path().to_string();
        (Some(path).filter(|path| path != "."), error.into_inner())
    });
    let whole = parsed.and_then(|parsed| match json.end() {
        Ok(()) => Ok(parsed),
        Err(error) => Err((None, error)),
    });
    whole.map_err(|(path, error)| {
        let of_field = path.map_or_else(String::new, |path| format!("`{path}`: "));
        let message = format!("the body is not as it should be: {of_field}{error}");
        match error.is_data() {
            true => ApiError::validation(message),
            false => ApiError::new(StatusCode::BAD_REQUEST, ErrorType::Validation, message),
        }
    })
}

/// Checks that a body says that it is JSON.
///
/// # Errors
/// 415.
pub(crate) fn expect_json(headers: &HeaderMap) -> ApiResult<()> {
    let content_type =
        headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let media_type =
        content_type.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    let media_type = media_type.to_ascii_lowercase();
    match media_type == b"application/json" || media_type.ends_with(b"+json") {
        true => Ok(()),
        false => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorType::Validation,
            "expected `content-type: application/json`",
        )),
    }
}
