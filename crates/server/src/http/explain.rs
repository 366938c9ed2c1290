//! `/explain`: texts with their tokens and expansion, queries with each document's terms; as JSON
//! or as the page of `splade explain`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use splade::export::{ReadTexts, Reading};
use splade::sparse::SparseRowView;
use splade::{SparseEncoder, SparseMatrix};

use super::app::SharedApp;
use super::body::JsonRequest;
use super::call::CallOptions;
use super::client::Client;
use super::embed_sparse::json_response;
use super::encode::{blocking, encode_both};
use super::error::{ApiError, ApiResult};
use super::forms::TokenWeight;
use super::headers::with_counts;
use super::inputs::Input;
use super::tokens::Texts;

/// The most texts of a page, and the most pairs of a query and a document.
const MAX_TEXTS: usize = 64;

#[derive(Deserialize)]
pub(crate) struct ExplainRequest {
    #[serde(default, alias = "query")]
    queries: Option<Texts>,
    #[serde(default, alias = "texts", alias = "inputs")]
    documents: Option<Texts>,
    #[serde(flatten)]
    options: CallOptions,
}

#[derive(Serialize)]
struct ExplainAnswer {
    queries: Vec<ExplainedText>,
    documents: Vec<ExplainedText>,
    /// Each query with each document.
    scores: Vec<ExplainedScore>,
}

#[derive(Serialize)]
struct ExplainedText {
    /// The text, with its prompt before it.
    text: String,
    /// Whether its end was cut off.
    truncated: bool,
    tokens: Vec<ExplainedToken>,
    /// Tokens that the text does not contain, heaviest first.
    expansion: Vec<TokenWeight>,
}

/// A token of the text.
#[derive(Serialize)]
struct ExplainedToken {
    token: String,
    /// The bytes of the text that it stands for.
    start: usize,
    stop: usize,
    /// Its weight in the vector; 0 if it has none.
    weight: f32,
}

#[derive(Serialize)]
struct ExplainedScore {
    query: usize,
    document: usize,
    /// The dot product.
    score: f32,
    /// What it is the sum of, largest first.
    terms: Vec<Term>,
}

#[derive(Serialize)]
struct Term {
    token: String,
    query: f32,
    document: f32,
    product: f32,
    /// Of the score, from 0 to 1.
    share: f32,
}

pub(crate) async fn explain(
    State(app): State<SharedApp>,
    client: Client,
    headers: HeaderMap,
    JsonRequest { parameters, body: request }: JsonRequest<ExplainRequest>,
) -> ApiResult<Response> {
    let texts = |texts: Option<Texts>| texts.map_or_else(Vec::new, Texts::into_vec);
    let (queries, documents) = (texts(request.queries), texts(request.documents));
    let n_texts = queries.len() + documents.len();
    if n_texts == 0 {
        return Err(ApiError::empty());
    }
    if n_texts > MAX_TEXTS {
        return Err(ApiError::too_large(format!(
            "batch size {n_texts} > maximum allowed batch size {MAX_TEXTS} of an explanation"
        )));
    }
    let options = request.options.or(parameters);
    let inputs = |texts: &[String]| texts.iter().cloned().map(Input::Text).collect();
    let (query_vectors, document_vectors) =
        encode_both(&app, &client, inputs(&queries), inputs(&documents), &options).await?;
    let counts = query_vectors.counts.and(&document_vectors.counts);
    let wants_page = accepts_html(&headers);
    let shared = Arc::clone(&app);
    let response = blocking(move || {
        let encoder = &shared.model()?.encoder;
        let auto_truncate = shared.options.auto_truncate;
        let read = |texts: &[String], embeddings: SparseMatrix, task: &str| {
            let options = options.for_task(task).encode_options(auto_truncate);
            encoder.read_encoded(texts, embeddings, &options)
        };
        let queries = read(&queries, query_vectors.embeddings, "query")?;
        let documents = read(&documents, document_vectors.embeddings, "document")?;
        match wants_page {
            true => page(encoder, &shared.options.model_name, &queries, &documents),
            false => serde_json::to_vec(&answer(encoder, &queries, &documents))
                .map(json_response)
                .map_err(ApiError::backend),
        }
    });
    Ok(with_counts(&app, &counts, response.await?))
}

/// Whether a browser asks.
pub(crate) fn accepts_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

fn page(
    encoder: &SparseEncoder,
    title: &str,
    queries: &ReadTexts,
    documents: &ReadTexts,
) -> ApiResult<Response> {
    let mut html = Vec::new();
    encoder
        .explanation()
        .with_title(title)
        .with_queries(queries.explained())
        .with_documents(documents.explained())
        .write_html(&mut html)
        .map_err(|error| ApiError::validation(super::error::with_causes(&error)))?;
    let html = String::from_utf8(html).map_err(ApiError::backend)?;
    Ok(with_policy(Html(html).into_response()))
}

/// A page that loads nothing from anywhere and runs no script.
fn with_policy(mut response: Response) -> Response {
    let policy =
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; img-src data:");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

fn answer(encoder: &SparseEncoder, queries: &ReadTexts, documents: &ReadTexts) -> ExplainAnswer {
    let mut scores = Vec::new();
    for (query, query_row) in queries.embeddings.rows().enumerate() {
        for (document, document_row) in documents.embeddings.rows().enumerate() {
            scores.push(score(encoder, (query, query_row), (document, document_row)));
        }
    }
    ExplainAnswer { queries: texts(encoder, queries), documents: texts(encoder, documents), scores }
}

fn texts(encoder: &SparseEncoder, read: &ReadTexts) -> Vec<ExplainedText> {
    let texts = read.texts.iter().zip(&read.tokens).zip(&read.readings).zip(read.embeddings.rows());
    let explained = texts.map(|(((text, tokens), reading), row)| {
        let weight = |id: u32| row.iter().find(|entry| entry.0 == id).map_or(0.0, |entry| entry.1);
        let own = tokens.iter().map(|token| token.index).collect::<std::collections::BTreeSet<_>>();
        let mut expansion: Vec<(u32, f32)> =
            row.iter().filter(|(id, _)| !own.contains(id)).collect();
        expansion.sort_by(|a, b| b.1.total_cmp(&a.1));
        let expansion = expansion
            .into_iter()
            .map(|(id, weight)| TokenWeight { token: encoder.token(id), weight });
        ExplainedText {
            text: text.clone(),
            truncated: matches!(reading, Reading::Cut),
            tokens: tokens
                .iter()
                .map(|token| ExplainedToken {
                    token: encoder.token(token.index),
                    start: token.range.start,
                    stop: token.range.end,
                    weight: weight(token.index),
                })
                .collect(),
            expansion: expansion.collect(),
        }
    });
    explained.collect()
}

fn score(
    encoder: &SparseEncoder,
    (query, query_row): (usize, SparseRowView<'_>),
    (document, document_row): (usize, SparseRowView<'_>),
) -> ExplainedScore {
    let weights: std::collections::BTreeMap<u32, f32> = document_row.iter().collect();
    let shared = query_row.iter().filter_map(|(id, query)| Some((id, query, *weights.get(&id)?)));
    let mut terms: Vec<Term> = shared
        .map(|(id, query, document)| Term {
            token: encoder.token(id),
            query,
            document,
            product: query * document,
            share: 0.0,
        })
        .collect();
    terms.sort_by(|a, b| b.product.total_cmp(&a.product));
    let score: f32 = terms.iter().map(|term| term.product).sum();
    if score != 0.0 {
        for term in &mut terms {
            term.share = term.product / score;
        }
    }
    ExplainedScore { query, document, score, terms }
}
