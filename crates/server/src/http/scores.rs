//! `/similarity` and `/rerank`: how well texts go together.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use splade::SimilarityFunction;

use super::app::SharedApp;
use super::body::JsonRequest;
use super::call::CallOptions;
use super::client::Client;
use super::encode::{encode, encode_both};
use super::error::{ApiError, ApiResult};
use super::headers::with_counts;
use super::inputs::Input;

#[derive(Deserialize)]
pub(crate) struct SimilarityRequest {
    inputs: SimilarityInputs,
    #[serde(default)]
    parameters: Option<SimilarityParameters>,
}

#[derive(Deserialize)]
struct SimilarityInputs {
    source_sentence: String,
    sentences: Vec<String>,
}

#[derive(Default, Deserialize)]
struct SimilarityParameters {
    /// `cosine` unless it is said: `dot`, `euclidean`, `manhattan`, or `model` for the model's own.
    function: Option<String>,
    #[serde(flatten)]
    options: CallOptions,
}

/// `/similarity`: the score of one text with each of others.
pub(crate) async fn similarity(
    State(app): State<SharedApp>,
    client: Client,
    JsonRequest { parameters: query, body: request }: JsonRequest<SimilarityRequest>,
) -> ApiResult<Response> {
    let parameters = request.parameters.unwrap_or_default();
    let encoder = &app.model()?.encoder;
    let function = match parameters.function.as_deref() {
        None => SimilarityFunction::Cosine,
        Some("model") => encoder.similarity_function(),
        Some(name) => name.parse().map_err(|error: splade::sparse::SparseError| {
            ApiError::validation(format!("`function`: {error}"))
        })?,
    };
    if request.inputs.sentences.is_empty() {
        return Err(ApiError::empty());
    }
    let texts = std::iter::once(request.inputs.source_sentence).chain(request.inputs.sentences);
    let inputs: Vec<Input> = texts.map(Input::Text).collect();
    let vectors = encode(&app, &client, inputs, &parameters.options.or(query)).await?;
    let n_rows = vectors.embeddings.n_rows();
    let source = vectors.embeddings.select_rows(&[0]);
    let sentences = vectors.embeddings.select_rows(&(1..n_rows).collect::<Vec<_>>());
    let scores = function.similarity(&source, &sentences).row(0).to_vec();
    Ok(with_counts(&app, &vectors.counts, Json(scores).into_response()))
}

#[derive(Deserialize)]
pub(crate) struct RerankRequest {
    query: String,
    texts: Vec<String>,
    /// Scores are dot products either way: a classifier's logit and probability have no
    /// counterpart.
    #[serde(default, rename = "raw_scores")]
    _raw_scores: bool,
    #[serde(default)]
    return_text: bool,
    #[serde(flatten)]
    options: CallOptions,
}

/// A text with its score.
#[derive(Serialize)]
pub(crate) struct Rank {
    index: usize,
    score: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// `/rerank`: texts by their dot product with a query, best first.
pub(crate) async fn rerank(
    State(app): State<SharedApp>,
    client: Client,
    JsonRequest { parameters, body: request }: JsonRequest<RerankRequest>,
) -> ApiResult<Response> {
    if request.texts.is_empty() {
        return Err(ApiError::empty());
    }
    let options = request.options.or(parameters);
    let queries = vec![Input::Text(request.query)];
    let texts = request.texts.iter().cloned().map(Input::Text).collect();
    let (queries, texts) = encode_both(&app, &client, queries, texts, &options).await?;
    let scores = SimilarityFunction::Dot.similarity(&queries.embeddings, &texts.embeddings);
    let mut ranks: Vec<Rank> = scores
        .row(0)
        .iter()
        .enumerate()
        .map(|(index, &score)| {
            let text = request.return_text.then(|| request.texts[index].clone());
            Rank { index, score, text }
        })
        .collect();
    ranks.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
    let counts = queries.counts.and(&texts.counts);
    Ok(with_counts(&app, &counts, Json(ranks).into_response()))
}
