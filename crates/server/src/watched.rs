//! [`Watched`]: a connection's bytes, and whether its client is still there.
//!
//! A client may close its sending side once its request is sent, and still wait for the answer. A
//! client that has left altogether looks the same until something is written to it. So while an
//! answer is being made, the end of what the client sends is held back, and `100 Continue`, which
//! every client of HTTP/1.1 passes over, is written now and then: where nobody reads, it fails, and
//! the request ends.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::http::Version;
use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

const PROBE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// After the end of what a client sends: most answers are there before, and need no probe.
const FIRST_PROBE: Duration = Duration::from_millis(250);
/// By then the first one has come back from a client that is gone.
const SECOND_PROBE: Duration = Duration::from_millis(100);
const NEXT_PROBES: Duration = Duration::from_secs(1);
/// How long a client may take to read what is written to it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(300);

/// What the bytes of a connection are for at the moment.
#[derive(Default)]
pub(crate) struct Exchange {
    state: AtomicU8,
    /// The connection's task, which waits for the answer to be over.
    waker: AtomicWaker,
}

/// No request is under way, or one of HTTP/2, which has its own way of leaving.
const IDLE: u8 = 0;
/// An answer is written, or the client is of HTTP/1.0 and knows no `100 Continue`.
const QUIET: u8 = 1;
/// A request is being answered, and nothing of the answer is written yet.
const PROBED: u8 = 2;

impl Exchange {
    /// A request of one client begins.
    pub(crate) fn begin(&self, version: Version) {
        let state = match version {
            Version::HTTP_11 => PROBED,
            Version::HTTP_09 | Version::HTTP_10 => QUIET,
            _ => IDLE,
        };
        self.state.store(state, Ordering::Release);
    }

    /// Its answer is about to be written. What is returned is dropped once it is.
    pub(crate) fn answer(self: &Arc<Self>) -> Answering {
        let _http_2 =
            self.state.compare_exchange(PROBED, QUIET, Ordering::AcqRel, Ordering::Acquire);
        Answering(Arc::clone(self))
    }
}

/// An answer that is being written.
pub(crate) struct Answering(Arc<Exchange>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.state.store(IDLE, Ordering::Release);
        self.0.waker.wake();
    }
}

/// What a client that sends no more was asked.
struct Ended {
    next: Pin<Box<Sleep>>,
    n_probes: u32,
    /// Whether the request that came last has had its turn to begin.
    is_told: bool,
}

/// A connection's bytes.
pub(crate) struct Watched<I> {
    stream: I,
    exchange: Arc<Exchange>,
    /// The client sends no more: when it is asked next whether it is there.
    ended: Option<Ended>,
    /// Since something could not be written.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<I> Watched<I> {
    pub(crate) fn new(stream: I, exchange: Arc<Exchange>) -> Self {
        Self { stream, exchange, ended: None, stuck: None }
    }
}

impl<I: AsyncWrite + Unpin> Watched<I> {
    /// After the end of what the client sends: ready when the answer is over, or the client gone.
    fn poll_ended(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            self.exchange.waker.register(context.waker());
            let is_stuck = self.stuck.is_some();
            let Some(Ended { next, n_probes, is_told }) = &mut self.ended else {
                return Poll::Ready(Ok(()));
            };
            match self.exchange.state.load(Ordering::Acquire) {
                // The answer to a request before is not out yet; that it cannot be written tells
                // enough.
                PROBED if is_stuck => return Poll::Pending,
                PROBED => ready!(next.as_mut().poll(context)),
                QUIET => return Poll::Pending,
                // The end may be read together with a request, which begins once this returns.
                _ if !*is_told => {
                    *is_told = true;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                _ => return Poll::Ready(Ok(())),
            }
            match Pin::new(&mut self.stream).poll_write(context, PROBE) {
                Poll::Ready(Ok(n)) if n == PROBE.len() => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                // It does not even read so little.
                Poll::Ready(Ok(_)) => return Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => {}
            }
            *n_probes += 1;
            let pause = if *n_probes == 1 { SECOND_PROBE } else { NEXT_PROBES };
            next.as_mut().reset(Instant::now() + pause);
        }
    }

    fn poll_stuck<R>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(WRITE_TIMEOUT)));
        ready!(stuck.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads nothing")))
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncRead for Watched<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ended.is_none() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            if buffer.filled().len() > before || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            let next = Box::pin(sleep(FIRST_PROBE));
            self.ended = Some(Ended { next, n_probes: 0, is_told: false });
        }
        self.poll_ended(context)
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.poll_stuck(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.poll_stuck(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
