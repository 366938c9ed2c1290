//! `/embed` and `/v1/embeddings`: sparse vectors written out in full, for clients that know no
//! others.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::app::SharedApp;
use super::body::JsonRequest;
use super::call::CallOptions;
use super::client::Client;
use super::embed_sparse::json_response;
use super::encode::{Vectors, blocking, encode};
use super::error::{ApiError, ApiResult};
use super::forms::{Arrays, Usage};
use super::headers::with_counts;
use super::inputs::Inputs;

/// The most numbers of an answer: each text has one for each vocabulary entry, nearly all of them
/// 0.
const MAX_VALUES: usize = 1 << 22;

#[derive(Deserialize)]
pub(crate) struct DenseRequest {
    inputs: Inputs,
    dimensions: Option<usize>,
    #[serde(flatten)]
    options: CallOptions,
}

/// `/embed`: `[[0.0, 0.81, ...]]`.
pub(crate) async fn embed(
    State(app): State<SharedApp>,
    client: Client,
    JsonRequest { parameters, body: request }: JsonRequest<DenseRequest>,
) -> ApiResult<Response> {
    let options = request.options.or(parameters);
    check(&app, request.inputs.0.len(), request.dimensions)?;
    let vectors = encode(&app, &client, request.inputs.0, &options).await?;
    let counts = vectors.counts;
    let json = blocking(move || {
        let rows: Vec<Vec<f32>> = vectors.embeddings.rows().map(|row| row.to_dense()).collect();
        serde_json::to_vec(&rows).map_err(ApiError::backend)
    });
    Ok(with_counts(&app, &counts, json_response(json.await?)))
}

fn check(app: &SharedApp, n_texts: usize, dimensions: Option<usize>) -> ApiResult<()> {
    if n_texts == 0 {
        return Err(ApiError::empty());
    }
    let dimension = app.model()?.encoder.dimension();
    if let Some(asked) = dimensions.filter(|&asked| asked != dimension) {
        return Err(ApiError::validation(format!(
            "`dimensions` is {asked}, and vectors of this model have {dimension}: their entries are words, which \
             cannot be left out"
        )));
    }
    let max_texts = (MAX_VALUES / dimension).max(1);
    if n_texts > max_texts {
        return Err(ApiError::too_large(format!(
            "batch size {n_texts} > maximum allowed batch size {max_texts} of vectors with all {dimension} entries: \
             ask /embed_sparse"
        )));
    }
    Ok(())
}

/// A request in OpenAI's form.
#[derive(Deserialize)]
pub(crate) struct OpenAiRequest {
    input: Inputs,
    encoding_format: Option<EncodingFormat>,
    dimensions: Option<usize>,
    #[serde(flatten)]
    options: CallOptions,
}

/// How a vector is written.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EncodingFormat {
    Float,
    /// Little-endian f32.
    Base64,
    /// Ours: indices and values instead of all entries.
    Sparse,
}

#[derive(Serialize)]
struct OpenAiAnswer {
    object: &'static str,
    data: Vec<OpenAiEmbedding>,
    model: String,
    usage: Usage,
}

#[derive(Serialize)]
struct OpenAiEmbedding {
    object: &'static str,
    embedding: OpenAiVector,
    index: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OpenAiVector {
    Float(Vec<f32>),
    Base64(String),
    Sparse(Arrays),
}

/// `/v1/embeddings`, with errors in OpenAI's form.
pub(crate) async fn openai(
    State(app): State<SharedApp>,
    client: ApiResult<Client>,
    request: ApiResult<JsonRequest<OpenAiRequest>>,
) -> Response {
    openai_answer(&app, client, request).await.unwrap_or_else(openai_error)
}

async fn openai_answer(
    app: &SharedApp,
    client: ApiResult<Client>,
    request: ApiResult<JsonRequest<OpenAiRequest>>,
) -> ApiResult<Response> {
    let client = client?;
    let JsonRequest { parameters, body: request } = request?;
    let format = request.encoding_format.unwrap_or(EncodingFormat::Float);
    match format {
        EncodingFormat::Sparse if request.input.0.is_empty() => return Err(ApiError::empty()),
        EncodingFormat::Sparse => {}
        _ => check(app, request.input.0.len(), request.dimensions)?,
    }
    let options = request.options.or(parameters);
    let vectors = encode(app, &client, request.input.0, &options).await?;
    let counts = vectors.counts;
    let shared = Arc::clone(app);
    let json = blocking(move || openai_json(&shared, &vectors, format));
    Ok(with_counts(app, &counts, json_response(json.await?)))
}

fn openai_json(app: &SharedApp, vectors: &Vectors, format: EncodingFormat) -> ApiResult<Vec<u8>> {
    let data = vectors.embeddings.rows().enumerate().map(|(index, row)| {
        let embedding = match format {
            EncodingFormat::Float => OpenAiVector::Float(row.to_dense()),
            EncodingFormat::Base64 => {
                let bytes = row.to_dense().into_iter().flat_map(f32::to_le_bytes);
                OpenAiVector::Base64(STANDARD.encode(bytes.collect::<Vec<u8>>()))
            }
            EncodingFormat::Sparse => OpenAiVector::Sparse(row.into()),
        };
        OpenAiEmbedding { object: "embedding", embedding, index }
    });
    let answer = OpenAiAnswer {
        object: "list",
        data: data.collect(),
        model: app.options.model_name.clone(),
        usage: Usage::of(vectors.counts.n_tokens),
    };
    serde_json::to_vec(&answer).map_err(ApiError::backend)
}

/// An error as OpenAI's clients read it.
#[derive(Serialize)]
struct OpenAiErrorBody {
    message: String,
    code: u16,
    #[serde(rename = "type")]
    kind: super::error::ErrorType,
    /// OpenAI's own clients look for an object of this name.
    error: OpenAiErrorDetail,
    error_type: super::error::ErrorType,
}

#[derive(Serialize)]
struct OpenAiErrorDetail {
    message: String,
    code: u16,
    #[serde(rename = "type")]
    kind: super::error::ErrorType,
}

/// The paths whose errors are in OpenAI's form. `/openai` is what text-embeddings-inference called
/// it in 2023.
pub(crate) const OPENAI_PATHS: [&str; 3] = ["/embeddings", "/openai", "/v1/embeddings"];

pub(crate) fn openai_error(error: ApiError) -> Response {
    let (message, code, kind) = (error.message.clone(), error.status.as_u16(), error.error_type);
    let detail = OpenAiErrorDetail { message: message.clone(), code, kind };
    let body = OpenAiErrorBody { message, code, kind, error: detail, error_type: kind };
    // Its headers are those of any error.
    let mut response = error.into_response();
    *response.body_mut() = Json(body).into_response().into_body();
    response
}
