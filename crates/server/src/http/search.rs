//! `/search`: the documents of the index that a text, or a vector, finds.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use splade::index::Index;
use splade::{SparseEncoder, SparseRow, SpladeError};

use super::app::SharedApp;
use super::body::JsonRequest;
use super::call::CallOptions;
use super::client::Client;
use super::encode::{Counts, blocking, encode};
use super::error::{ApiError, ApiResult, ErrorType};
use super::headers::with_counts;
use super::inputs::Input;
use super::tokens::Vector;

/// The most documents of an answer.
const MAX_HITS: usize = 10_000;

#[derive(Deserialize)]
pub(crate) struct SearchRequest {
    /// A text to search for, or a vector.
    query: Option<String>,
    vector: Option<Vector>,
    #[serde(default = "ten")]
    top_k: NonZeroUsize,
    /// Whether each hit says which tokens it shares with the query.
    #[serde(default)]
    explain: bool,
    #[serde(flatten)]
    options: CallOptions,
}

fn ten() -> NonZeroUsize {
    NonZeroUsize::new(10).expect("not 0")
}

#[derive(Serialize)]
struct SearchAnswer {
    hits: Vec<Hit>,
}

#[derive(Serialize)]
struct Hit {
    id: String,
    score: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<Vec<Shared>>,
}

/// A token that query and document share; the products of all are the score.
#[derive(Serialize)]
struct Shared {
    token: String,
    query: f32,
    document: f32,
    product: f64,
}

pub(crate) async fn search(
    State(app): State<SharedApp>,
    client: Client,
    JsonRequest { parameters, body: request }: JsonRequest<SearchRequest>,
) -> ApiResult<Response> {
    let served = app.model()?;
    if served.index.is_none() {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            ErrorType::NotFound,
            "there is no index: start the server with --index",
        ));
    }
    if request.top_k.get() > MAX_HITS {
        return Err(ApiError::validation(format!("`top_k` is at most {MAX_HITS}")));
    }
    let (row, counts) = match (request.query, request.vector) {
        (Some(text), None) => {
            let options = request.options.or(parameters).for_task("query");
            let vectors = encode(&app, &client, vec![Input::Text(text)], &options).await?;
            (vectors.embeddings.row(0).to_row(), vectors.counts)
        }
        (None, Some(vector)) => (vector.into_row(served.encoder.dimension())?, Counts::default()),
        _ => return Err(ApiError::validation("expected either `query` or `vector`")),
    };
    let shared = Arc::clone(&app);
    let (top_k, explain) = (request.top_k, request.explain);
    let hits = blocking(move || {
        let served = shared.model()?;
        let index = served.index.as_ref().ok_or_else(super::guard::no_path)?;
        found(index, &served.encoder, &row, top_k, explain)
            .map_err(|error| ApiError::from(SpladeError::from(error)))
    });
    let answer = SearchAnswer { hits: hits.await? };
    Ok(with_counts(&app, &counts, Json(answer).into_response()))
}

fn found(
    index: &Index,
    encoder: &SparseEncoder,
    query: &SparseRow,
    top_k: NonZeroUsize,
    explain: bool,
) -> Result<Vec<Hit>, splade::index::IndexError> {
    let mut hits = Vec::new();
    for hit in index.search(query.view(), top_k)? {
        let tokens = match explain {
            true => {
                Some(index.explain(query.view(), hit.doc_idx)?.into_iter().map(|term| Shared {
                    token: encoder.token(term.term),
                    query: term.query_weight,
                    document: term.document_weight,
                    product: term.product,
                }))
            }
            false => None,
        };
        let id = index.id(hit.doc_idx)?.to_owned();
        hits.push(Hit { id, score: hit.score, tokens: tokens.map(Iterator::collect) });
    }
    Ok(hits)
}
