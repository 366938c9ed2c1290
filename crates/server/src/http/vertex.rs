//! `/vertex`: Vertex AI's envelope around requests to `/embed_sparse`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::app::SharedApp;
use super::body::JsonRequest;
use super::call::{Dots, Format};
use super::client::Client;
use super::encode::{Counts, blocking, check_n_texts, encode};
use super::error::{ApiError, ApiResult};
use super::headers::with_counts;
use super::request::SparseRequest;

#[derive(Deserialize)]
pub(crate) struct VertexRequest {
    instances: Vec<SparseRequest>,
}

#[derive(Serialize)]
struct VertexAnswer {
    predictions: Vec<Box<RawValue>>,
}

pub(crate) async fn vertex(
    State(app): State<SharedApp>,
    client: Client,
    JsonRequest { parameters, body: request }: JsonRequest<VertexRequest>,
) -> ApiResult<Response> {
    let n_texts: usize = request.instances.iter().map(|instance| instance.inputs.0.len()).sum();
    check_n_texts(&app, n_texts)?;
    // Together: they share batches.
    let encoded =
        futures_util::future::try_join_all(request.instances.into_iter().map(|instance| {
            let options = instance.options.or(parameters.clone());
            let (app, client) = (&app, &client);
            async move {
                let vectors = encode(app, client, instance.inputs.0, &options).await?;
                Ok::<_, ApiError>((vectors, options))
            }
        }))
        .await?;
    let counts = encoded.iter().fold(Counts::default(), |all, (one, _)| all.and(&one.counts));
    let shared = std::sync::Arc::clone(&app);
    let predictions = blocking(move || {
        let encoder = &shared.model()?.encoder;
        let predictions = encoded.iter().map(|(vectors, options)| {
            let format = options.format.unwrap_or(Format::Pairs);
            let dots = options.dots.unwrap_or(Dots::Keep);
            let json = super::forms::write(encoder, vectors, format, dots)?;
            serde_json::from_slice::<Box<RawValue>>(&json)
        });
        predictions.collect::<Result<Vec<_>, serde_json::Error>>().map_err(ApiError::backend)
    });
    let answer = VertexAnswer { predictions: predictions.await? };
    Ok(with_counts(&app, &counts, Json(answer).into_response()))
}
