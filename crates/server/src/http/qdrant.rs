//! `/qdrant/infer`: what a Qdrant server asks when its configuration names an inference service.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::app::SharedApp;
use super::body;
use super::call::CallOptions;
use super::client::Client;
use super::embed_sparse::empty;
use super::encode::encode;
use super::error::{ApiError, ApiResult};
use super::headers::with_counts;
use super::inputs::Input;
use super::scores::for_task;

#[derive(Deserialize)]
struct InferRequest {
    inputs: Vec<InferInput>,
    inference: Inference,
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
    embeddings: Vec<InferVector>,
    usage: Option<()>,
}

#[derive(Serialize)]
struct InferVector {
    indices: Vec<u32>,
    values: Vec<f32>,
}

pub(crate) async fn infer(
    State(app): State<SharedApp>,
    client: Client,
    headers: HeaderMap,
    request: Body,
) -> ApiResult<Response> {
    body::expect_json(&headers)?;
    let request: InferRequest =
        body::parse(body::read(request, &app.options.limits).await?).await?;
    let mut inputs = Vec::with_capacity(request.inputs.len());
    let mut options: Option<CallOptions> = None;
    for (index, input) in request.inputs.into_iter().enumerate() {
        let serde_json::Value::String(text) = input.data else {
            return Err(ApiError::validation(format!("input {index}: `data` is no text")));
        };
        if input.data_type != "text" {
            return Err(ApiError::validation(format!(
                "input {index}: `data_type` is `{}`, and only text can be encoded",
                input.data_type
            )));
        }
        let own = input.options.unwrap_or_default();
        if options.as_ref().is_some_and(|first| *first != own) {
            return Err(ApiError::validation(format!(
                "input {index}: its `options` are not those of the first input: ask for it by itself"
            )));
        }
        options = Some(own);
        inputs.push(Input::Text(text));
    }
    if inputs.is_empty() {
        return Err(empty());
    }
    let task = match request.inference {
        Inference::Update => "document",
        Inference::Search => "query",
    };
    let options = for_task(task, &options.unwrap_or_default());
    let vectors = encode(&app, &client, inputs, &options).await?;
    let embeddings = vectors
        .embeddings
        .rows()
        .map(|row| InferVector { indices: row.indices().to_vec(), values: row.values().to_vec() });
    let answer = InferAnswer { embeddings: embeddings.collect(), usage: None };
    Ok(with_counts(&app, &vectors.counts, Json(answer).into_response()))
}
