//! Bodies that are told when they are over: a request's, whose rest is read after an early answer,
//! and an answer's.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Version, header};
use axum::response::Response;
use futures_util::StreamExt;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, timeout};

use super::app::{Phase, SharedApp};
use crate::watched::Answering;

/// How long the rest of a body is read after an early answer, all in all and for each piece.
const LINGER: Duration = Duration::from_secs(30);
const LINGER_PIECE: Duration = Duration::from_secs(2);
/// The same when the server ends, from the first piece on that comes then.
const LINGER_AT_END: Duration = Duration::from_millis(500);

/// Has the rest of a request's body read, and thrown away, when it is answered before: a connection
/// that is closed while the client still sends takes the answer with it (413, 401), and the client
/// sees a broken pipe.
pub(crate) fn lingering(app: &SharedApp, request: Request<Body>) -> Request<Body> {
    let is_one = request.version() <= Version::HTTP_11;
    if !is_one || request.body().is_end_stream() {
        return request;
    }
    // It sends no body before it is told to.
    let waits = request.headers().contains_key(header::EXPECT);
    let app = Arc::clone(app);
    request.map(|body| Body::new(Lingering { app, body: Some(body), is_wanted: !waits }))
}

/// A request's body.
struct Lingering {
    app: SharedApp,
    body: Option<Body>,
    /// Whether the client sends it.
    is_wanted: bool,
}

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_wanted = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let rest = self.body.take().filter(|body| self.is_wanted && !body.is_end_stream());
        // Without a runtime the server is gone.
        if let (Some(rest), Ok(runtime)) = (rest, tokio::runtime::Handle::try_current()) {
            runtime.spawn(read_rest(Arc::clone(&self.app), rest));
        }
    }
}

async fn read_rest(app: SharedApp, rest: Body) {
    let mut pieces = rest.into_data_stream();
    let mut until = Instant::now() + LINGER;
    let mut is_ending = false;
    while let Ok(Some(Ok(_))) = timeout(LINGER_PIECE, pieces.next()).await {
        if !is_ending && app.phase() == Phase::Draining {
            is_ending = true;
            until = until.min(Instant::now() + LINGER_AT_END);
        }
        if Instant::now() > until {
            return;
        }
    }
}

/// Drops `held` once the answer is written.
pub(crate) fn holding(response: Response, held: Answering) -> Response {
    response.map(|body| Body::new(Holding { body, _held: held }))
}

/// An answer's body.
struct Holding {
    body: Body,
    _held: Answering,
}

impl HttpBody for Holding {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
