//! Routes of text-embeddings-inference that are for other kinds of models.

use super::error::ApiError;

/// `/embed_all`: a SPLADE model has one vector for a text.
pub(crate) async fn embed_all() -> ApiError {
    ApiError::backend(
        "the model gives one vector for a text, not one for each token: ask /embed_sparse",
    )
}

/// `/predict`: classifiers only.
pub(crate) async fn predict() -> ApiError {
    ApiError::backend("the model is no classifier: /rerank scores texts for a query")
}
