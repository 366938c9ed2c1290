//! HTTP/1.1 connections, and one request on one of them.

use std::time::Duration;

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::target::{Socket, Target};

pub(crate) struct Client {
    target: Target,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// A connection, which is closed when it is dropped.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    task: JoinHandle<()>,
}

/// What is looked at of an answer while the clock runs.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) n_bytes: usize,
    /// When to try again, if the server says so.
    pub(crate) retry_after: Option<Duration>,
    /// Only if it was asked for.
    pub(crate) body: Option<Vec<u8>>,
}

/// Whether the body of an answer is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Nothing,
    Body,
}

impl Keep {
    /// Keeps the answer to every `n`-th request.
    pub(crate) fn every(n: usize, request: usize) -> Self {
        if request.is_multiple_of(n) { Self::Body } else { Self::Nothing }
    }
}

impl Client {
    /// # Errors
    /// Not an address of a server.
    pub(crate) fn new(url: &str, headers: Vec<(HeaderName, HeaderValue)>) -> Result<Self> {
        Ok(Self { target: Target::parse(url)?, headers })
    }

    /// # Errors
    /// Nobody answers.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        match &self.target.socket {
            Socket::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await;
                let stream = stream.with_context(|| format!("cannot connect to {host}:{port}"))?;
                stream.set_nodelay(true).context("cannot set a socket's options")?;
                Connection::new(TokioIo::new(stream)).await
            }
            #[cfg(unix)]
            Socket::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await;
                let context = || format!("cannot connect to {}", path.display());
                Connection::new(TokioIo::new(stream.with_context(context)?)).await
            }
            #[cfg(not(unix))]
            Socket::Unix(_) => anyhow::bail!("this system has no Unix sockets"),
        }
    }

    fn request(&self, body: Bytes) -> Result<Request<Full<Bytes>>> {
        let mut request = Request::post(self.target.path.as_str())
            .header(HOST, self.target.host.as_str())
            .header(CONTENT_TYPE, "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(body)).context("a request cannot be made")
    }
}

impl Connection {
    async fn new<S>(stream: TokioIo<S>) -> Result<Self>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = handshake(stream).await?;
        // What goes wrong on the connection is told to the request that is on it.
        let task = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, task })
    }

    /// Whether the server, or an error, has closed it.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends a request and reads its answer whole.
    ///
    /// # Errors
    /// The connection breaks off.
    pub(crate) async fn post(
        &mut self,
        client: &Client,
        body: Bytes,
        keep: Keep,
    ) -> Result<Answer> {
        self.sender.ready().await?;
        let mut answer = self.sender.send_request(client.request(body)?).await?;
        let mut n_bytes = 0;
        let mut kept = (keep == Keep::Body).then(Vec::new);
        while let Some(frame) = answer.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            n_bytes += data.len();
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(&data);
            }
        }
        let retry_after = answer
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| Some(Duration::from_secs(value.to_str().ok()?.parse().ok()?)));
        Ok(Answer { status: answer.status().as_u16(), n_bytes, retry_after, body: kept })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One line for an error with its causes.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    format!("{error:#}")
}
