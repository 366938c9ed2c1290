//! `/qdrant/infer`: what a Qdrant server asks when its configuration names an inference service.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::app::SharedApp;
use super::body;
use super::call::CallOptions;
use super::client::{Client, KeyId};
use super::encode::{Counts, check_n_texts, encode};
use super::error::{ApiError, ApiResult};
use super::forms::Arrays;
use super::guard::no_key;
use super::headers::with_counts;
use super::held::Held;
use super::inputs::Input;

/// The largest body that is read of a client whose key stands in the body.
const MAX_UNKNOWN_BYTES: usize = 4 << 20;

#[derive(Deserialize)]
struct InferRequest {
    inputs: Vec<InferInput>,
    inference: Inference,
    /// What Qdrant's configuration says: a key, if the server asks for one.
    #[serde(default)]
    token: Option<String>,
}

#[derive(Deserialize)]
struct InferInput {
    data: serde_json::Value,
    data_type: String,
    #[serde(default)]
    options: Option<CallOptions>,
}

/// What Qdrant wants vectors for.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Inference {
    /// To store: documents.
    Update,
    /// To search: queries.
    Search,
}

#[derive(Serialize)]
struct InferAnswer {
    embeddings: Vec<Arrays>,
    usage: Option<()>,
}

pub(crate) async fn infer(
    State(app): State<SharedApp>,
    mut client: Client,
    key: Option<Extension<KeyId>>,
    Extension(held): Extension<Arc<Held>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    request: Body,
) -> ApiResult<Response> {
    let query = CallOptions::from_query(query.as_deref()).map_err(shown)?;
    let request = read(&app, &mut client, key.is_some(), &headers, &held, request).await;
    answer(&app, client, query, request.map_err(shown)?).await.map_err(shown)
}

/// Qdrant tells its user what is wrong with a request only where the status is 400.
fn shown(mut error: ApiError) -> ApiError {
    if matches!(error.status, StatusCode::UNPROCESSABLE_ENTITY | StatusCode::PAYLOAD_TOO_LARGE) {
        error.status = StatusCode::BAD_REQUEST;
    }
    error
}

/// Reads a request, whose body has the key of a client that sends none in its headers.
async fn read(
    app: &SharedApp,
    client: &mut Client,
    is_known: bool,
    headers: &HeaderMap,
    held: &Held,
    request: Body,
) -> ApiResult<InferRequest> {
    body::expect_json(headers)?;
    let mut limits = app.options.limits.clone();
    let keys = app.keys.as_ref().filter(|_| !is_known);
    if keys.is_some() {
        limits.max_body_bytes = limits.max_body_bytes.min(MAX_UNKNOWN_BYTES);
    }
    let bytes = body::read(request, &limits, held).await?;
    let parsed = body::parse::<InferRequest>(bytes).await;
    if let Some(keys) = keys {
        let token = parsed.as_ref().ok().and_then(|request| request.token.as_deref());
        client.id = token.and_then(|token| keys.known(token.as_bytes())).ok_or_else(no_key)?;
    }
    parsed
}

async fn answer(
    app: &SharedApp,
    client: Client,
    query: CallOptions,
    request: InferRequest,
) -> ApiResult<Response> {
    let task = match request.inference {
        Inference::Update => "document",
        Inference::Search => "query",
    };
    let groups = grouped(request.inputs)?;
    let n_texts: usize = groups.iter().map(|group| group.texts.len()).sum();
    check_n_texts(app, n_texts)?;
    // Together: they share batches.
    let client = &client;
    let encoded = try_join_all(groups.into_iter().map(|group| {
        let options = group.options.or(query.clone()).for_task(task);
        async move {
            let inputs = group.texts.into_iter().map(Input::Text).collect();
            let vectors = encode(app, client, inputs, &options).await?;
            Ok::<_, ApiError>((vectors, group.indices))
        }
    }))
    .await?;
    let counts = encoded.iter().fold(Counts::default(), |all, (one, _)| all.and(&one.counts));
    let mut embeddings: Vec<Arrays> = (0..n_texts).map(|_| Arrays::default()).collect();
    for (vectors, indices) in &encoded {
        for (row, &index) in vectors.embeddings.rows().zip(indices) {
            embeddings[index] = row.into();
        }
    }
    let answer = InferAnswer { embeddings, usage: None };
    Ok(with_counts(app, &counts, Json(answer).into_response()))
}

/// Texts with the same options, and which inputs they are.
struct Group {
    options: CallOptions,
    texts: Vec<String>,
    indices: Vec<usize>,
}

/// # Errors
/// An input that is no text.
fn grouped(inputs: Vec<InferInput>) -> ApiResult<Vec<Group>> {
    let mut groups: Vec<Group> = Vec::new();
    for (index, input) in inputs.into_iter().enumerate() {
        if input.data_type != "text" {
            return Err(ApiError::validation(format!(
                "input {index}: `data_type` is `{}`, and only text can be encoded",
                input.data_type
            )));
        }
        let serde_json::Value::String(text) = input.data else {
            return Err(ApiError::validation(format!("input {index}: `data` is no text")));
        };
        let options = input.options.unwrap_or_default();
        let group = groups.iter().position(|group| group.options == options).unwrap_or_else(|| {
            groups.push(Group { options, texts: Vec::new(), indices: Vec::new() });
            groups.len() - 1
        });
        groups[group].texts.push(text);
        groups[group].indices.push(index);
    }
    Ok(groups)
}
