//! `/info`: what is served, with every key that text-embeddings-inference's clients want.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::app::SharedApp;
use super::error::ApiResult;

/// What is served.
#[derive(Serialize)]
pub(crate) struct Info {
    model_id: String,
    model_sha: Option<String>,
    model_dtype: String,
    served_model_name: String,
    model_type: ModelType,
    max_concurrent_requests: usize,
    max_input_length: usize,
    max_batch_tokens: usize,
    max_batch_requests: Option<usize>,
    max_client_batch_size: usize,
    auto_truncate: bool,
    tokenization_workers: usize,
    version: &'static str,
    sha: Option<&'static str>,
    docker_label: Option<&'static str>,
    /// Entries of a vector.
    dimension: usize,
    devices: Vec<String>,
    prompts: Vec<String>,
    default_prompt_name: Option<String>,
    tasks: Vec<String>,
    similarity_function: String,
    max_body_bytes: usize,
}

/// What the model gives.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum ModelType {
    Embedding(Embedding),
}

/// How a text becomes one vector.
#[derive(Serialize)]
struct Embedding {
    pooling: &'static str,
}

pub(crate) async fn info(State(app): State<SharedApp>) -> ApiResult<Json<Info>> {
    let served = app.model()?;
    let (options, encoder) = (&app.options, &served.encoder);
    let limits = &options.limits;
    let batching = &options.batching;
    Ok(Json(Info {
        model_id: options.model_name.clone(),
        model_sha: options.model_revision.clone(),
        model_dtype: encoder.precision().to_string(),
        served_model_name: options.model_name.clone(),
        model_type: ModelType::Embedding(Embedding { pooling: "splade" }),
        max_concurrent_requests: batching.max_queued_texts.map_or(usize::MAX >> 11, Into::into),
        max_input_length: encoder.max_seq_length().unwrap_or(usize::MAX >> 11),
        max_batch_tokens: batching.max_batch_tokens.get(),
        max_batch_requests: batching.max_batch_texts.map(Into::into),
        max_client_batch_size: limits.max_request_texts.get(),
        auto_truncate: options.auto_truncate,
        tokenization_workers: served.n_tokenizing(),
        version: env!("CARGO_PKG_VERSION"),
        sha: None,
        docker_label: None,
        dimension: encoder.dimension(),
        devices: served.devices.clone(),
        prompts: encoder.prompts().map(|(name, _)| name.to_owned()).collect(),
        default_prompt_name: encoder.default_prompt_name().map(str::to_owned),
        tasks: encoder.tasks().map(str::to_owned).collect(),
        similarity_function: encoder.similarity_function().to_string(),
        max_body_bytes: limits.max_body_bytes,
    }))
}
