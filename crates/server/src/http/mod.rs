//! The server's API: routes, and what each reads and answers.

mod app;
mod body;
mod call;
mod client;
pub(crate) mod cors;
mod dense;
mod embed_sparse;
mod encode;
mod error;
mod explain;
mod forms;
mod guard;
mod headers;
mod health;
mod info;
mod inputs;
mod ndjson;
mod playground;
mod qdrant;
mod request;
mod scores;
mod search;
mod tokens;
mod unsupported;
mod vertex;

use axum::Router;
use axum::routing::{get, post};

pub(crate) use self::app::{App, SharedApp};

/// All routes.
pub(crate) fn router(app: &SharedApp) -> Router {
    let embed_sparse = || post(embed_sparse::embed_sparse);
    let routes = Router::new()
        .route("/", get(playground::playground).post(embed_sparse::embed_sparse))
        .route("/embed_sparse", embed_sparse())
        .route("/invocations", embed_sparse())
        .route("/embed", post(dense::embed))
        .route("/embeddings", post(dense::openai))
        .route("/openai", post(dense::openai))
        .route("/v1/embeddings", post(dense::openai))
        .route("/similarity", post(scores::similarity))
        .route("/rerank", post(scores::rerank))
        .route("/tokenize", post(tokens::tokenize))
        .route("/decode", post(tokens::decode))
        .route("/explain", post(explain::explain))
        .route("/search", post(search::search))
        .route("/qdrant/infer", post(qdrant::infer))
        .route("/embed_all", post(unsupported::embed_all))
        .route("/predict", post(unsupported::predict))
        .route("/vertex", post(vertex::vertex))
        .route("/info", get(info::info))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/startupz", get(health::startupz))
        .route("/health", get(health::readyz))
        .route("/ping", get(health::readyz))
        .route("/metrics", get(health::metrics));
    guard::layered(routes, app)
}
