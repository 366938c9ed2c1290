//! `/embed_sparse`: sparse vectors, in the form that the client reads.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::app::SharedApp;
use super::body;
use super::call::{CallOptions, Dots, Format};
use super::client::Client;
use super::encode::{Vectors, blocking, encode};
use super::error::{ApiError, ApiResult};
use super::forms::{self, Arrays};
use super::headers::with_counts;
use super::held::Held;
use super::ndjson::{self, is_ndjson};
use super::request::{Dialect, SparseRequest};

/// What Chroma's client reads.
#[derive(Serialize)]
struct ChromaAnswer {
    embeddings: Vec<ChromaVector>,
    num_tokens: usize,
}

#[derive(Serialize)]
struct ChromaVector {
    #[serde(flatten)]
    vector: Arrays,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<String>>,
}

/// The header that Chroma's client sends whatever else it sends.
const CHROMA_HEADER: &str = "x-chroma-embedding-model";

pub(crate) async fn embed_sparse(
    State(app): State<SharedApp>,
    client: Client,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    Extension(held): Extension<Arc<Held>>,
    request: Body,
) -> ApiResult<Response> {
    let query = CallOptions::from_query(query.as_deref())?;
    if is_ndjson(&headers) {
        return ndjson::stream(app, client, query, held, request).await;
    }
    body::expect_json(&headers)?;
    let limits = &app.options.limits;
    let mut request: SparseRequest = body::read_json(request, limits, &held).await?;
    if request.dialect == Dialect::OpenSearch && headers.contains_key(CHROMA_HEADER) {
        request.dialect = Dialect::Chroma;
    }
    let options = request.options.or(query);
    if request.inputs.0.is_empty() {
        return Err(ApiError::empty());
    }
    let vectors = encode(&app, &client, request.inputs.0, &options).await?;
    let counts = vectors.counts;
    let (dialect, fetch_tokens) = (request.dialect, request.fetch_tokens);
    let shared = Arc::clone(&app);
    let json = blocking_if(vectors.embeddings.nnz() > 4096, move || {
        written(&shared, &vectors, dialect, fetch_tokens, &options)
    })
    .await?;
    Ok(with_counts(&app, &counts, json_response(json)))
}

fn written(
    app: &SharedApp,
    vectors: &Vectors,
    dialect: Dialect,
    fetch_tokens: bool,
    options: &CallOptions,
) -> ApiResult<Vec<u8>> {
    let encoder = &app.model()?.encoder;
    let format = options.format.or(match dialect {
        Dialect::Tei => Some(Format::Pairs),
        Dialect::OpenSearch => Some(Format::Tokens),
        Dialect::Chroma => None,
    });
    let json = match format {
        Some(format) => forms::write(encoder, vectors, format, options.dots.unwrap_or(Dots::Keep)),
        None => {
            let embeddings = vectors.embeddings.rows().map(|row| ChromaVector {
                vector: row.into(),
                labels: fetch_tokens.then(|| row.iter().map(|(id, _)| encoder.token(id)).collect()),
            });
            let (embeddings, num_tokens) = (embeddings.collect(), vectors.counts.n_tokens);
            serde_json::to_vec(&ChromaAnswer { embeddings, num_tokens })
        }
    };
    json.map_err(ApiError::backend)
}

/// Runs `work` on a thread of its own if it is `long`.
pub(crate) async fn blocking_if<R: Send + 'static>(
    long: bool,
    work: impl FnOnce() -> ApiResult<R> + Send + 'static,
) -> ApiResult<R> {
    match long {
        true => blocking(work).await,
        false => work(),
    }
}

/// JSON that is written already.
pub(crate) fn json_response(json: Vec<u8>) -> Response {
    let json_type = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json_type)], json).into_response()
}
