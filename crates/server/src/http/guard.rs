//! What every request passes: its id, the checks of `Host` and key, the log, the metrics.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::app::SharedApp;
use super::bodies::{holding, lingering};
use super::client::KeyId;
use super::dense::{OPENAI_PATHS, openai_error};
use super::error::{ApiError, ErrorType};
use super::held::Held;
use super::told::{Asked, Told};
use super::trace_context::{TRACEPARENT, TraceContext};
use crate::listen::Transport;
use crate::watched::Exchange;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Paths that ask nobody for a key: probes come without one.
const PUBLIC: [&str; 6] = ["/livez", "/readyz", "/startupz", "/health", "/ping", "/"];
/// Paths that ask for one only if the server was started so.
const SEMI_PUBLIC: [&str; 3] = ["/metrics", "/openapi.json", "/api-doc/openapi.json"];
/// Qdrant sends its key in the body: who answers there asks for it.
const KEY_IN_BODY: &str = "/qdrant/infer";

pub(crate) async fn guard(
    State(app): State<SharedApp>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    let trace = TraceContext::of(request.headers());
    let route =
        request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let exchange = request.extensions().get::<Arc<Exchange>>().cloned();
    let checked = check(&app, &mut request);
    // It ends with the answer; a stream of lines keeps its own share.
    let held = Arc::new(Held::new(&app.body_memory));
    request.extensions_mut().insert(Arc::clone(&held));
    let request = lingering(&app, request);
    let mut told = Told::new(&app, Asked { method, route, id: id.clone(), trace, started });
    let mut response = match checked {
        Ok(()) => next.run(request).await,
        Err(error) if OPENAI_PATHS.contains(&request.uri().path()) => openai_error(error),
        Err(error) => error.into_response(),
    };
    // Layers below answer without words.
    if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE && has_no_words(&response) {
        let message = "bodies are taken as they are or compressed by gzip";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        response = ApiError::new(status, ErrorType::Validation, message).into_response();
        response
            .headers_mut()
            .insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, identity"));
    }
    drop(held);
    told.answered(&response);
    response.headers_mut().insert(REQUEST_ID, id);
    if let Some(header) = trace.header() {
        response.headers_mut().insert(TRACEPARENT, header);
    }
    match exchange {
        Some(exchange) => holding(response, exchange.answer()),
        None => response,
    }
}

fn has_no_words(response: &Response) -> bool {
    response.extensions().get::<ErrorType>().is_none()
}

fn check(app: &SharedApp, request: &mut Request) -> Result<(), ApiError> {
    check_host(app, request)?;
    let path = request.uri().path();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let is_page = is_read && PUBLIC.contains(&path);
    let is_semi_public = SEMI_PUBLIC.contains(&path) && !app.options.protect_metrics;
    if let Some(keys) = &app.keys {
        match keys.client(request.headers()) {
            Some(client) => {
                request.extensions_mut().insert(KeyId(client));
            }
            None if is_page || is_semi_public || request.method() == Method::OPTIONS => {}
            None if path == KEY_IN_BODY => {}
            None => return Err(no_key()),
        }
    }
    Ok(())
}

pub(crate) fn no_key() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        ErrorType::Unauthorized,
        "a key is needed: `Authorization: Bearer KEY` or `x-api-key: KEY`",
    )
}

/// On loopback without a key, a web page could have its own name resolve to 127.0.0.1 and ask from
/// a visitor's browser (DNS rebinding): so the name must be one of this machine.
fn check_host(app: &SharedApp, request: &Request) -> Result<(), ApiError> {
    let is_unix = request.extensions().get() == Some(&Transport::Unix);
    if is_unix || !app.checks_host() {
        return Ok(());
    }
    let host = request.headers().get(header::HOST).map(HeaderValue::as_bytes);
    let host =
        host.or_else(|| request.uri().authority().map(|authority| authority.as_str().as_bytes()));
    // HTTP/1.0 has none; browsers always send one.
    let Some(host) = host else { return Ok(()) };
    let host = std::str::from_utf8(host).unwrap_or_default();
    let name = host_name(host);
    let allowed = &app.options.allowed_hosts;
    let is_local = name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok()
        || allowed.iter().any(|known| known.eq_ignore_ascii_case(name));
    match is_local {
        true => Ok(()),
        false => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            ErrorType::Unauthorized,
            "the Host header is not of this machine: allow it with --allowed-host",
        )),
    }
}

/// The name of a `Host` header, without port and brackets.
fn host_name(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// The client's id for the request, if it is short and plain, or a new one.
fn request_id(request: &Request<Body>) -> HeaderValue {
    let given = request.headers().get(&REQUEST_ID).filter(|id| {
        (1..=128).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    if let Some(id) = given {
        return id.clone();
    }
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    HeaderValue::from_str(&format!("{nanos:x}-{count:x}"))
        .unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

/// No such path.
pub(crate) async fn not_found() -> ApiError {
    no_path()
}

pub(crate) fn no_path() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        ErrorType::NotFound,
        "there is no such path: /openapi.json lists those there are",
    )
}

/// No such method on this path.
pub(crate) async fn method_not_allowed() -> ApiError {
    let message = "this path is not for this method: /openapi.json lists them";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorType::NotFound, message)
}

/// What is answered where a handler panicked.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    ApiError::backend("the server panicked on this request").into_response()
}

/// The router's layers, outermost first.
pub(crate) fn layered(router: axum::Router<SharedApp>, app: &SharedApp) -> axum::Router {
    use axum::middleware::from_fn_with_state;
    use tower_http::catch_panic::CatchPanicLayer;
    use tower_http::decompression::RequestDecompressionLayer;

    let router = router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(RequestDecompressionLayer::new().gzip(true))
        .layer(from_fn_with_state(Arc::clone(app), guard));
    let router = match super::cors::layer(&app.options.cors) {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router.with_state(Arc::clone(app))
}
