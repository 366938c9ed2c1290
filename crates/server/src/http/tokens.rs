//! `/tokenize` and `/decode`: texts to tokens and back.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use splade::tokens::{DecodeSpecial, SpecialTokens, TextPiece};
use splade::{EncodeOptions, SparseEncoder, SparseRow};

use super::app::SharedApp;
use super::body::JsonRequest;
use super::encode::{blocking, check_n_texts};
use super::error::{ApiError, ApiResult};
use super::forms::TokenWeight;

#[derive(Deserialize)]
pub(crate) struct TokenizeRequest {
    inputs: Texts,
    #[serde(default = "yes")]
    add_special_tokens: bool,
    prompt_name: Option<String>,
    prompt: Option<String>,
    task: Option<String>,
}

fn yes() -> bool {
    true
}

/// A text, or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub(crate) enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Texts {
    pub(crate) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// A token of a text.
#[derive(Serialize)]
struct SimpleToken {
    id: u32,
    text: String,
    special: bool,
    /// The bytes of the text that it stands for; null for special tokens.
    start: Option<usize>,
    stop: Option<usize>,
}

/// `/tokenize`: the tokens of texts, which are not cut.
pub(crate) async fn tokenize(
    State(app): State<SharedApp>,
    JsonRequest { parameters, body: request }: JsonRequest<TokenizeRequest>,
) -> ApiResult<Response> {
    let mut options = EncodeOptions::default();
    options.task = request.task.or(parameters.task);
    options.prompt_name = request.prompt_name.or(parameters.prompt_name);
    options.prompt = request.prompt.or(parameters.prompt);
    // Without a name there is no prompt here, as in text-embeddings-inference.
    if options.prompt_name.is_none() && options.prompt.is_none() {
        options.prompt = Some(String::new());
    }
    options.special_tokens = Some(match request.add_special_tokens {
        true => SpecialTokens::Add,
        false => SpecialTokens::Leave,
    });
    let texts = request.inputs.into_vec();
    check_n_texts(&app, texts.len())?;
    let app = Arc::clone(&app);
    let tokens = blocking(move || {
        let encoder = &app.model()?.encoder;
        let tokens = texts.iter().map(|text| {
            let pieces = encoder.pieces_uncut(text, &options)?;
            Ok(pieces.into_iter().map(|piece| simple(text, piece)).collect())
        });
        tokens.collect::<ApiResult<Vec<Vec<SimpleToken>>>>()
    });
    Ok(Json(tokens.await?).into_response())
}

fn simple(text: &str, piece: TextPiece) -> SimpleToken {
    let is_in_text = !piece.is_special && !piece.range.is_empty();
    let spelled = text.get(piece.range.clone()).filter(|_| is_in_text);
    SimpleToken {
        id: piece.id,
        text: spelled.map_or(piece.token, str::to_owned),
        special: piece.is_special,
        start: is_in_text.then_some(piece.range.start),
        stop: is_in_text.then_some(piece.range.end),
    }
}

#[derive(Deserialize)]
pub(crate) struct DecodeRequest {
    /// Token ids, to text.
    ids: Option<Ids>,
    #[serde(default = "yes")]
    skip_special_tokens: bool,
    /// Vectors, to tokens with their weights.
    vectors: Option<Vec<Vector>>,
    /// Only the heaviest tokens of a vector.
    top_k: Option<NonZeroUsize>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a list of token ids, or a list of such lists")]
enum Ids {
    One(Vec<u32>),
    Many(Vec<Vec<u32>>),
}

/// A sparse vector, in either of the forms that `/embed_sparse` gives.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a vector: {\"indices\", \"values\"} or [{\"index\", \"value\"}]"
)]
pub(crate) enum Vector {
    Arrays { indices: Vec<u32>, values: Vec<f32> },
    Pairs(Vec<Entry>),
}

#[derive(Deserialize)]
pub(crate) struct Entry {
    index: u32,
    value: f32,
}

impl Vector {
    /// The vector as a row of the model's dimension.
    ///
    /// # Errors
    /// Entries that are twice there, beyond the dimension, or 0 or not finite.
    pub(crate) fn into_row(self, dimension: usize) -> ApiResult<SparseRow> {
        let mut entries: Vec<(u32, f32)> = match self {
            Self::Arrays { indices, values } if indices.len() != values.len() => {
                return Err(ApiError::validation(format!(
                    "a vector has {} indices and {} values",
                    indices.len(),
                    values.len()
                )));
            }
            Self::Arrays { indices, values } => indices.into_iter().zip(values).collect(),
            Self::Pairs(entries) => {
                entries.into_iter().map(|entry| (entry.index, entry.value)).collect()
            }
        };
        entries.sort_by_key(|entry| entry.0);
        entries.retain(|entry| entry.1 != 0.0);
        let (indices, values) = entries.into_iter().unzip();
        SparseRow::from_parts(dimension, indices, values).map_err(|error| {
            ApiError::validation(format!("a vector is not as it should be: {error}"))
        })
    }
}

/// `/decode`: token ids to text, or a vector to its tokens.
pub(crate) async fn decode(
    State(app): State<SharedApp>,
    JsonRequest { body: request, .. }: JsonRequest<DecodeRequest>,
) -> ApiResult<Response> {
    let app = Arc::clone(&app);
    let special = match request.skip_special_tokens {
        true => DecodeSpecial::Drop,
        false => DecodeSpecial::Keep,
    };
    match (request.ids, request.vectors) {
        (Some(ids), None) => {
            let ids = match ids {
                Ids::One(ids) => vec![ids],
                Ids::Many(lists) => lists,
            };
            check_n_texts(&app, ids.len())?;
            let texts = blocking(move || decoded_ids(&app.model()?.encoder, &ids, special));
            Ok(Json(texts.await?).into_response())
        }
        (None, Some(vectors)) => {
            check_n_texts(&app, vectors.len())?;
            let top_k = request.top_k.map(NonZeroUsize::get);
            let tokens = blocking(move || decoded_vectors(&app.model()?.encoder, vectors, top_k));
            Ok(Json(tokens.await?).into_response())
        }
        _ => Err(ApiError::validation("expected either `ids` or `vectors`")),
    }
}

fn decoded_ids(
    encoder: &SparseEncoder,
    ids: &[Vec<u32>],
    special: DecodeSpecial,
) -> ApiResult<Vec<String>> {
    ids.iter().map(|ids| Ok(encoder.decode_ids(ids, special)?)).collect()
}

fn decoded_vectors(
    encoder: &SparseEncoder,
    vectors: Vec<Vector>,
    top_k: Option<usize>,
) -> ApiResult<Vec<Vec<TokenWeight>>> {
    let decode = |vector: Vector| {
        let row = vector.into_row(encoder.dimension())?;
        let tokens = encoder.decode(row.view(), top_k).into_iter();
        Ok(tokens.map(|(token, weight)| TokenWeight { token, weight }).collect())
    };
    vectors.into_iter().map(decode).collect()
}
