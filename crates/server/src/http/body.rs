//! Bodies of requests: read within limits of size and time, and parsed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use super::app::SharedApp;
use super::call::CallOptions;
use super::encode::blocking;
use super::error::{ApiError, ApiResult, ErrorType};
use super::held::Held;
use crate::options::Limits;

/// Bodies above this are parsed on a thread of their own.
const LARGE: usize = 64 << 10;

/// Reads a body whole.
///
/// # Errors
/// 413 above the limit, 429 when requests hold too much together, 408 when the next piece does not
/// come in time, 400 when the body breaks off or cannot be decompressed.
pub(crate) async fn read(body: Body, limits: &Limits, held: &Held) -> ApiResult<Bytes> {
    // What the client says of it, or the part that is there.
    if body.size_hint().lower() > limits.max_body_bytes as u64 {
        return Err(too_large(limits.max_body_bytes));
    }
    let mut stream = body.into_data_stream();
    let mut whole = Vec::new();
    let mut patience = Patience::new(limits.body_timeout);
    while let Some(piece) = next(&mut stream, &mut patience).await? {
        if whole.len() + piece.len() > limits.max_body_bytes {
            return Err(too_large(limits.max_body_bytes));
        }
        held.set(whole.len() + piece.len())?;
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}

pub(crate) fn too_large(max_bytes: usize) -> ApiError {
    ApiError::too_large(format!(
        "the body has more than {max_bytes} bytes: send the texts in pieces"
    ))
}

/// Bytes per second below which a body is too slow, if it is also late.
const SLOWEST: f64 = 1000.0;

/// How long a body, or a line of one, is waited for: for each piece so long, and for all of them so
/// long and what they take at the slowest rate. A byte now and then would hold a connection for
/// ever.
pub(crate) struct Patience {
    timeout: Duration,
    left: Duration,
}

impl Patience {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { timeout, left: timeout }
    }
}

/// The next piece of a body.
pub(crate) async fn next(
    stream: &mut axum::body::BodyDataStream,
    patience: &mut Patience,
) -> ApiResult<Option<Bytes>> {
    let started = Instant::now();
    let next = tokio::time::timeout(patience.left.min(patience.timeout), stream.next()).await;
    patience.left = patience.left.saturating_sub(started.elapsed());
    match next {
        Ok(None) => Ok(None),
        Ok(Some(Ok(piece))) => {
            patience.left += Duration::from_secs_f64(piece.len() as f64 / SLOWEST);
            Ok(Some(piece))
        }
        Ok(Some(Err(error))) => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            ErrorType::Validation,
            format!("the body cannot be read: {}", super::error::with_causes(&error)),
        )),
        Err(_) => Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            ErrorType::Timeout,
            format!("no more of the body came within {} s", patience.timeout.as_secs_f64()),
        )),
    }
}

/// A request in JSON: its body, and what its query parameters choose.
pub(crate) struct JsonRequest<T> {
    pub(crate) parameters: CallOptions,
    pub(crate) body: T,
}

impl<T: DeserializeOwned + Send + 'static> FromRequest<SharedApp> for JsonRequest<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &SharedApp) -> ApiResult<Self> {
        expect_json(request.headers())?;
        let parameters = CallOptions::from_query(request.uri().query())?;
        let held = request.extensions().get::<Arc<Held>>().cloned();
        let held = held.ok_or_else(|| ApiError::backend("the request has passed no guard"))?;
        let body = read_json(request.into_body(), &app.options.limits, &held).await?;
        Ok(Self { parameters, body })
    }
}

/// Reads a body whole, and parses it.
///
/// # Errors
/// See [`read`] and [`parse`].
pub(crate) async fn read_json<T: DeserializeOwned + Send + 'static>(
    body: Body,
    limits: &Limits,
    held: &Held,
) -> ApiResult<T> {
    parse(read(body, limits, held).await?).await
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

/// What serde says, with JSON's names of types instead of Rust's.
pub(crate) fn in_words(error: &serde_json::Error) -> String {
    let told = error.to_string();
    let Some((found, expected)) = told.rsplit_once("expected ") else { return told };
    let (names, place) = match expected.split_once(" at line ") {
        Some((names, place)) => (names, format!(" at line {place}")),
        None => (expected, String::new()),
    };
    let words = match names {
        "a nonzero usize" => "a whole number above 0",
        "usize" | "u64" | "u32" => "a whole number",
        "f32" => "a number",
        "a sequence" => "a list",
        name if name.starts_with("struct ") => "an object",
        name => name,
    };
    format!("{found}expected {words}{place}")
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
        let message = format!("the body is not as it should be: {of_field}{}", in_words(&error));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_types_of_json() {
        #[derive(Debug, serde::Deserialize)]
        #[allow(dead_code, reason = "it is only parsed")]
        struct Fields {
            count: Option<std::num::NonZeroUsize>,
            weight: Option<f32>,
            list: Option<Vec<String>>,
        }
        for (json, told) in [
            (
                r#"{"count": 0}"#,
                "`count`: invalid value: integer `0`, expected a whole number above 0 at line 1",
            ),
            (
                r#"{"count": "many"}"#,
                "invalid type: string \"many\", expected a whole number above 0",
            ),
            (r#"{"weight": "expected f32"}"#, "string \"expected f32\", expected a number"),
            (r#"{"list": 1}"#, "invalid type: integer `1`, expected a list"),
            ("1", "invalid type: integer `1`, expected an object"),
            ("{", "EOF while parsing"),
        ] {
            let error = parse_json::<Fields>(json.as_bytes()).unwrap_err();
            assert!(error.message.contains(told), "{json}: {}", error.message);
        }
    }
}
