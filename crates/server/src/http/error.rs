//! [`ApiError`]: what a client is told when there is no answer, in text-embeddings-inference's
//! form.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use splade::SpladeError;
use splade::errors::{ErrorKind as SpladeErrorKind, TokenizerError};

use crate::batching::{Shed, TextError};

/// The kind of an error, as clients compare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum ErrorType {
    /// The server loads its model, or ends.
    Unhealthy,
    /// The model failed.
    Backend,
    /// Too much waits.
    Overloaded,
    /// The request is not as it should be.
    Validation,
    /// The text cannot be tokenised.
    Tokenizer,
    /// There are no texts.
    Empty,
    /// The deadline passed.
    Timeout,
    /// No key, or one that is not known.
    Unauthorized,
    /// There is no such path or method.
    NotFound,
}

/// The body of an answer that is none.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ErrorBody {
    /// What is wrong, and what to do.
    pub(crate) error: String,
    pub(crate) error_type: ErrorType,
}

impl From<ApiError> for ErrorBody {
    fn from(error: ApiError) -> Self {
        Self { error: error.message, error_type: error.error_type }
    }
}

/// Why a request has no answer.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) error_type: ErrorType,
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
}

pub(crate) type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    pub(crate) fn new(status: StatusCode, kind: ErrorType, message: impl Into<String>) -> Self {
        Self { status, error_type: kind, message: message.into(), retry_after: None }
    }

    /// 400: there are no texts.
    pub(crate) fn empty() -> Self {
        let message = "Input validation error: `inputs` cannot be empty";
        Self::new(StatusCode::BAD_REQUEST, ErrorType::Empty, message)
    }

    /// 422: what was asked for cannot be done.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorType::Validation, message)
    }

    /// 413: too long, too many, too large. Elasticsearch halves its texts on this status.
    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorType::Validation, message)
    }

    /// 503: the server does not compute yet, or no more.
    pub(crate) fn unhealthy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorType::Unhealthy, message)
    }

    /// 429: the same request may be answered later.
    pub(crate) fn overloaded(message: impl Into<String>, retry_after: Duration) -> Self {
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorType::Overloaded, message);
        Self { retry_after: Some(retry_after), ..error }
    }

    /// 504.
    pub(crate) fn timeout() -> Self {
        let message = "the deadline of the request passed before its texts were computed";
        Self::new(StatusCode::GATEWAY_TIMEOUT, ErrorType::Timeout, message)
    }

    /// 424: the model failed.
    pub(crate) fn backend(message: impl std::fmt::Display) -> Self {
        let message = format!("Backend error: {message}");
        Self::new(StatusCode::FAILED_DEPENDENCY, ErrorType::Backend, message)
    }
}

impl From<SpladeError> for ApiError {
    fn from(error: SpladeError) -> Self {
        match &error {
            SpladeError::TextTooLong { n_tokens, max_seq_length, .. } => {
                return Self::too_large(format!(
                    "Input validation error: `inputs` must have less than {max_seq_length} tokens. \
                     Given: {n_tokens}"
                ));
            }
            // Clients read the list that this ends in.
            SpladeError::UnknownPrompt { name, known, .. } => {
                return Self::validation(format!(
                    "Prompt name `{name}` not found. Available prompts: {known:?}"
                ));
            }
            SpladeError::Tokenizer(
                TokenizerError::Encode { .. } | TokenizerError::UnknownId { .. },
            ) => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                return Self::new(status, ErrorType::Tokenizer, with_causes(&error));
            }
            _ => {}
        }
        match error.kind() {
            SpladeErrorKind::Caller => Self::validation(with_causes(&error)),
            SpladeErrorKind::Machine => Self::unhealthy(with_causes(&error)),
            _ => Self::backend(with_causes(&error)),
        }
    }
}

impl From<TextError<Box<SpladeError>>> for ApiError {
    fn from(error: TextError<Box<SpladeError>>) -> Self {
        match error {
            TextError::Compute(error) => (*error).into(),
            TextError::Panic(message) => Self::backend(message),
            TextError::Expired => Self::timeout(),
            TextError::Gone => Self::unhealthy("the server ends"),
        }
    }
}

impl From<Shed> for ApiError {
    fn from(shed: Shed) -> Self {
        match shed {
            Shed::Overloaded { retry_after } => {
                Self::overloaded("Model is overloaded", retry_after)
            }
            Shed::Closing => Self::unhealthy("the server ends"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, error_type, retry_after) = (self.status, self.error_type, self.retry_after);
        let mut response = (status, Json(ErrorBody::from(self))).into_response();
        if let Some(after) = retry_after {
            let seconds = after.as_millis().div_ceil(1000).max(1);
            if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
        }
        if error_type == ErrorType::Unauthorized {
            let value = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        // For the log and the metrics.
        response.extensions_mut().insert(error_type);
        response
    }
}

/// An error with what caused it, in one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        source = cause.source();
    }
    message
}
