//! The server's API: routes, and what each reads and answers.

mod app;
mod bodies;
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
mod held;
mod info;
mod inputs;
mod ndjson;
mod openapi;
mod playground;
mod qdrant;
mod request;
mod scores;
mod search;
mod tokens;
mod told;
mod trace_context;
mod unsupported;
mod vertex;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::routing::{MethodRouter, get, post};

pub(crate) use self::app::{App, SharedApp};

/// All routes: paths, and what answers there. openapi.json describes them.
fn routes() -> Vec<(&'static str, MethodRouter<SharedApp>)> {
    let embed_sparse = || post(embed_sparse::embed_sparse);
    vec![
        ("/", get(playground::playground).post(embed_sparse::embed_sparse)),
        ("/embed_sparse", embed_sparse()),
        ("/invocations", embed_sparse()),
        ("/embed", post(dense::embed)),
        ("/embeddings", post(dense::openai)),
        ("/openai", post(dense::openai)),
        ("/v1/embeddings", post(dense::openai)),
        ("/similarity", post(scores::similarity)),
        ("/rerank", post(scores::rerank)),
        ("/tokenize", post(tokens::tokenize)),
        ("/decode", post(tokens::decode)),
        ("/explain", post(explain::explain)),
        ("/search", post(search::search)),
        ("/qdrant/infer", post(qdrant::infer)),
        ("/embed_all", post(unsupported::embed_all)),
        ("/predict", post(unsupported::predict)),
        ("/vertex", post(vertex::vertex)),
        ("/info", get(info::info)),
        ("/livez", get(health::livez)),
        ("/readyz", get(health::readyz)),
        ("/startupz", get(health::startupz)),
        ("/health", get(health::readyz)),
        ("/ping", get(health::readyz)),
        ("/metrics", get(health::metrics)),
        ("/openapi.json", get(openapi::openapi)),
        ("/api-doc/openapi.json", get(openapi::openapi)),
    ]
}

pub(crate) fn router(app: &SharedApp) -> Router {
    let routes = routes();
    let routes = routes
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| router.route(path, methods));
    guard::layered(routes, app)
}
