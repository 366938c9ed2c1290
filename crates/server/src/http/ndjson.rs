//! `/embed_sparse` with lines of JSON: a corpus in one request, in bounded memory.
//!
//! Lines come in, are encoded a window at a time, and go out in the same order, one for each. The
//! socket is the back pressure: while windows wait to be read by the client, nothing more is read
//! from it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use splade::SparseMatrix;
use tokio::sync::mpsc;

use super::app::{Phase, SharedApp};
use super::body::{self, Patience};
use super::call::CallOptions;
use super::client::Client;
use super::encode::{RowResult, blocking, encode_each};
use super::error::{ApiError, ApiResult, ErrorBody};
use super::forms::Arrays;
use super::held::Held;
use super::inputs::Input;
use crate::batching::Lane;

/// Texts that are encoded together, and their bytes at most: a window.
const WINDOW_TEXTS: usize = 256;
const WINDOW_BYTES: usize = 1 << 20;
/// With texts in hand, no more than this is waited for the next ones: a client may wait for answers
/// before it sends more.
const LINGER: Duration = Duration::from_millis(20);
/// Windows under way: one is computed while the next is read.
const WINDOWS: usize = 2;

/// Whether a body is lines of JSON.
pub(crate) fn is_ndjson(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    content_type.is_some_and(|value| {
        let media_type = value.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        [&b"application/x-ndjson"[..], b"application/jsonl", b"application/x-jsonlines"]
            .iter()
            .any(|known| media_type.eq_ignore_ascii_case(known))
    })
}

/// A line that comes in as an object; it may also be a text alone.
#[derive(Deserialize)]
struct Line {
    id: Option<serde_json::Value>,
    #[serde(alias = "inputs")]
    text: String,
}

/// A line that goes out.
#[derive(Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<serde_json::Value>,
    /// Which line it answers, from 1.
    line: u64,
    #[serde(flatten)]
    result: Outcome,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Vector {
        #[serde(flatten)]
        vector: Arrays,
        n_tokens: usize,
        truncated: bool,
    },
    Error(ErrorBody),
}

/// A line before it is encoded.
struct Waiting {
    id: Option<serde_json::Value>,
    line: u64,
    /// What is wrong with the line, if anything.
    text: Result<String, ApiError>,
}

pub(crate) async fn stream(
    app: SharedApp,
    client: Client,
    options: CallOptions,
    held: Arc<Held>,
    request: Body,
) -> ApiResult<Response> {
    // What concerns all lines is told at once, with a status.
    options.text_options()?;
    app.model()?;
    let client = Client { lane: client.lane.or(Some(Lane::Bulk)), ..client };
    let (sender, receiver) = mpsc::channel::<Bytes>(1);
    tokio::spawn(async move {
        if let Err(error) =
            copy(&app, &client, &options, Lines::new(&app, held, request), &sender).await
        {
            // The status is sent already: the last line says why there are no more.
            if let Ok(mut line) = serde_json::to_vec(&ErrorBody::from(error)) {
                line.push(b'\n');
                let _client_left = sender.send(line.into()).await;
            }
        }
    });
    let lines = futures_util::stream::unfold(receiver, |mut receiver| async {
        let bytes = receiver.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), receiver))
    });
    let content_type = HeaderValue::from_static("application/x-ndjson");
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, content_type)], Body::from_stream(lines))
        .into_response())
}

/// Reads windows, has them encoded, and sends their answers in order.
async fn copy(
    app: &SharedApp,
    client: &Client,
    options: &CallOptions,
    mut lines: Lines,
    sender: &mpsc::Sender<Bytes>,
) -> ApiResult<()> {
    let mut under_way: VecDeque<AbortOnDrop<ApiResult<Vec<u8>>>> = VecDeque::new();
    let (mut is_ended, mut broken) = (false, None);
    while !is_ended || !under_way.is_empty() {
        let takes_more = !is_ended && under_way.len() < WINDOWS;
        let first = async {
            match under_way.front_mut() {
                Some(task) => (&mut task.0).await,
                None => std::future::pending().await,
            }
        };
        // Whichever comes first: a client may wait for answers before it sends more.
        tokio::select! {
            answers = first => {
                under_way.pop_front();
                let answers = answers.map_err(ApiError::backend)??;
                if sender.send(answers.into()).await.is_err() {
                    // The client has left: what is under way is dropped with this.
                    app.metrics.shed("left");
                    return Ok(());
                }
            }
            next = lines.window(app), if takes_more => {
                let window;
                (window, broken) = next;
                is_ended = window.is_empty() || broken.is_some();
                if !window.is_empty() {
                    let (app, client, options) = (Arc::clone(app), *client, options.clone());
                    let task = async move { encoded(&app, &client, window, &options).await };
                    under_way.push_back(AbortOnDrop(tokio::spawn(task)));
                }
            }
        }
    }
    // What was read before has its answers by now.
    broken.map_or(Ok(()), Err)
}

/// A task that ends when nobody waits for it any more.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The answers of a window, as lines.
async fn encoded(
    app: &SharedApp,
    client: &Client,
    window: Vec<Waiting>,
    options: &CallOptions,
) -> ApiResult<Vec<u8>> {
    let texts = window.iter().filter_map(|line| line.text.as_ref().ok());
    let inputs: Vec<Input> = texts.map(|text| Input::Text(text.clone())).collect();
    let rows: Vec<Result<RowResult, ApiError>> =
        match admitted(app, client, inputs.clone(), options).await {
            Ok(rows) => rows.into_iter().map(Ok).collect(),
            Err(error) if concerns_a_text(&error) && inputs.len() > 1 => {
                let mut rows = Vec::with_capacity(inputs.len());
                for input in inputs {
                    let row = admitted(app, client, vec![input], options).await;
                    rows.push(row.map(|mut rows| rows.remove(0)));
                }
                rows
            }
            Err(error) if concerns_a_text(&error) => vec![Err(error)],
            Err(error) => return Err(error),
        };
    let normalize = options.normalize == Some(true);
    blocking(move || written(window, rows, normalize)).await
}

/// Whether an error may be one text's own.
fn concerns_a_text(error: &ApiError) -> bool {
    matches!(error.status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY)
}

/// Encodes; while the server is full, it waits: a stream has begun, and is not sent again.
async fn admitted(
    app: &SharedApp,
    client: &Client,
    inputs: Vec<Input>,
    options: &CallOptions,
) -> ApiResult<Vec<RowResult>> {
    loop {
        match encode_each(app, client, inputs.clone(), options).await {
            Ok((rows, _)) => return Ok(rows),
            Err(error) if error.status == StatusCode::TOO_MANY_REQUESTS => {
                // What waits may leave sooner.
                let pause = error.retry_after.unwrap_or_default();
                tokio::time::sleep(pause.min(Duration::from_secs(1))).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn written(
    window: Vec<Waiting>,
    rows: Vec<Result<RowResult, ApiError>>,
    normalize: bool,
) -> ApiResult<Vec<u8>> {
    let mut rows = rows.into_iter();
    let mut out = Vec::new();
    for Waiting { id, line, text } in window {
        let row = match text {
            Ok(_) => rows.next().unwrap_or_else(|| Err(ApiError::backend("a row is missing"))),
            Err(error) => Err(error),
        };
        let row = row.and_then(|row| row.map_err(ApiError::from));
        let result = match row {
            Ok(row) => {
                let (n_tokens, truncated) = (row.length.n_tokens, row.length.is_cut());
                let (dimension, weights) = (row.weights.dimension(), row.weights);
                let vector = match normalize {
                    false => weights.view().into(),
                    true => SparseMatrix::from_rows(dimension, &[weights])
                        .map_err(ApiError::backend)?
                        .normalized()
                        .row(0)
                        .into(),
                };
                Outcome::Vector { vector, n_tokens, truncated }
            }
            Err(error) => Outcome::Error(error.into()),
        };
        serde_json::to_writer(&mut out, &Answer { id, line, result }).map_err(ApiError::backend)?;
        out.push(b'\n');
    }
    Ok(out)
}

/// The lines of a body.
struct Lines {
    stream: BodyDataStream,
    /// Bytes that were read, of which those before `start` have been taken.
    buffer: Vec<u8>,
    start: usize,
    /// Up to here there is no end of a line behind `start`.
    searched: usize,
    n_lines: u64,
    is_ended: bool,
    /// Lines that were taken for the next window, and their bytes.
    window: Vec<Waiting>,
    window_bytes: usize,
    patience: Patience,
    /// The buffer's share of what requests may hold.
    held: Arc<Held>,
}

impl Lines {
    fn new(app: &SharedApp, held: Arc<Held>, request: Body) -> Self {
        Self {
            stream: request.into_data_stream(),
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            n_lines: 0,
            is_ended: false,
            window: Vec::new(),
            window_bytes: 0,
            patience: Patience::new(app.options.limits.body_timeout),
            held,
        }
    }

    /// The next lines: as many as are there, up to a window, but at least one. Empty at the end;
    /// with an error if there are no more because of it. Dropped before it is done, it has lost
    /// nothing.
    async fn window(&mut self, app: &SharedApp) -> (Vec<Waiting>, Option<ApiError>) {
        let limits = &app.options.limits;
        loop {
            while !self.is_full() {
                let Some(line) = self.next_whole() else { break };
                self.patience = Patience::new(limits.body_timeout);
                self.window_bytes += line.len();
                self.n_lines += 1;
                self.window.extend(parsed(&line, self.n_lines));
            }
            if self.is_full() || self.is_ended {
                return (self.take_window(), None);
            }
            if self.buffer.len() - self.start > limits.max_body_bytes {
                let (line, most) = (self.n_lines + 1, limits.max_body_bytes);
                let error = ApiError::too_large(format!("line {line} has more than {most} bytes"));
                return (self.take_window(), Some(error));
            }
            if app.phase() == Phase::Draining {
                let line = self.n_lines + 1;
                let error = format!("the server ends: send what comes from line {line} on again");
                return (self.take_window(), Some(ApiError::unhealthy(error)));
            }
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
            let next = body::next(&mut self.stream, &mut self.patience);
            let piece = match self.window.is_empty() {
                true => next.await,
                false => match tokio::time::timeout(LINGER, next).await {
                    Ok(piece) => piece,
                    Err(_) => return (self.take_window(), None),
                },
            };
            match piece {
                Ok(Some(piece)) => {
                    if let Err(mut error) = self.held.set(self.buffer.len() + piece.len()) {
                        let line = self.n_lines + 1;
                        error.message += &format!(": send what comes from line {line} on again");
                        return (self.take_window(), Some(error));
                    }
                    self.buffer.extend_from_slice(&piece);
                }
                Ok(None) => self.is_ended = true,
                Err(error) => return (self.take_window(), Some(error)),
            }
        }
    }

    fn is_full(&self) -> bool {
        self.window.len() >= WINDOW_TEXTS || self.window_bytes >= WINDOW_BYTES
    }

    fn take_window(&mut self) -> Vec<Waiting> {
        self.window_bytes = 0;
        std::mem::take(&mut self.window)
    }

    fn next_whole(&mut self) -> Option<Vec<u8>> {
        let end = self.buffer[self.searched..].iter().position(|&byte| byte == b'\n');
        let (line, next) = match end {
            Some(end) => (self.start..self.searched + end, self.searched + end + 1),
            // The last line may lack its end.
            None if self.is_ended && self.start < self.buffer.len() => {
                (self.start..self.buffer.len(), self.buffer.len())
            }
            None => {
                self.searched = self.buffer.len();
                return None;
            }
        };
        let line = self.buffer[line].to_vec();
        (self.start, self.searched) = (next, next);
        Some(line)
    }
}

/// A line; a blank one is none.
fn parsed(line: &[u8], number: u64) -> Option<Waiting> {
    if line.trim_ascii().is_empty() {
        return None;
    }
    let parsed = match line.trim_ascii_start().first() {
        Some(b'"') => body::parse_json(line).map(|text| Line { id: None, text }),
        _ => body::parse_json(line),
    };
    let waiting = match parsed {
        Ok(Line { id, text }) => Waiting { id, line: number, text: Ok(text) },
        Err(error) => Waiting { id: None, line: number, text: Err(error) },
    };
    Some(waiting)
}
