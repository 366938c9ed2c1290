//! A request in the queue, and whoever waits for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::Lane;

/// Texts to compute, of one group.
pub(crate) struct Job<T> {
    /// Each with its tokens.
    pub(crate) texts: Vec<(T, usize)>,
    /// Texts of different groups never share a batch: the routes of a model.
    pub(crate) group: usize,
    pub(crate) lane: Lane,
    /// Who asks: clients take turns.
    pub(crate) client: u64,
    /// After this nobody wants the answer.
    pub(crate) deadline: Option<Instant>,
}

/// Why there is no row for a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TextError<E> {
    /// The model's error for this text, computed by itself.
    Compute(E),
    /// The model panicked on this text, computed by itself.
    Panic(String),
    /// The deadline passed before it was computed.
    Expired,
    /// Nothing computes any more.
    Gone,
}

/// Where the time of a request went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timing {
    /// Until its first text was taken.
    pub(crate) queued: Duration,
    /// From then to the last row.
    pub(crate) computed: Duration,
}

/// The rows of a request, or for each text why there is none.
pub(crate) struct Answer<R, E> {
    pub(crate) rows: Vec<Result<R, TextError<E>>>,
    pub(crate) timing: Timing,
}

/// What the texts of a request share.
pub(super) struct Request<R, E> {
    is_abandoned: AtomicBool,
    arrived: Instant,
    state: Mutex<State<R, E>>,
}

struct State<R, E> {
    rows: Vec<Option<Result<R, TextError<E>>>>,
    n_missing: usize,
    started: Option<Instant>,
    answer: Option<oneshot::Sender<Answer<R, E>>>,
}

impl<R, E> Request<R, E> {
    pub(super) fn new(n_texts: usize, arrived: Instant) -> (Arc<Self>, Receiver<R, E>) {
        let (answer, receiver) = oneshot::channel();
        let state = State {
            rows: (0..n_texts).map(|_| None).collect(),
            n_missing: n_texts,
            started: None,
            answer: Some(answer),
        };
        let request = Arc::new(Self {
            is_abandoned: AtomicBool::new(false),
            arrived,
            state: Mutex::new(state),
        });
        if n_texts == 0 {
            request.lock().send(arrived, arrived);
        }
        (request, receiver)
    }

    /// Nobody waits for it any more.
    pub(super) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Relaxed)
    }

    /// Its first text is about to be computed.
    pub(super) fn start(&self, now: Instant) {
        self.lock().started.get_or_insert(now);
    }

    /// Delivers the row of a text; the last one ends the wait.
    pub(super) fn deliver(&self, index: usize, row: Result<R, TextError<E>>, now: Instant) {
        let mut state = self.lock();
        if state.rows[index].is_none() {
            state.rows[index] = Some(row);
            state.n_missing -= 1;
        }
        if state.n_missing == 0 {
            state.send(self.arrived, now);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<R, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R, E> State<R, E> {
    fn send(&mut self, arrived: Instant, now: Instant) {
        let started = self.started.unwrap_or(now);
        let timing = Timing {
            queued: started.saturating_duration_since(arrived),
            computed: now.saturating_duration_since(started),
        };
        let rows = std::mem::take(&mut self.rows);
        let rows = rows.into_iter().map(|row| row.unwrap_or(Err(TextError::Gone))).collect();
        if let Some(answer) = self.answer.take() {
            // Whoever waited may have left.
            let _left = answer.send(Answer { rows, timing });
        }
    }
}

pub(super) type Receiver<R, E> = oneshot::Receiver<Answer<R, E>>;

/// Waits for the rows of a request. Dropping it takes the request's texts out of the queue.
pub(crate) struct Waiting<R, E> {
    receiver: Receiver<R, E>,
    leave: Option<Box<dyn FnOnce() + Send>>,
}

impl<R, E> Waiting<R, E> {
    pub(super) fn new(receiver: Receiver<R, E>, leave: impl FnOnce() + Send + 'static) -> Self {
        Self { receiver, leave: Some(Box::new(leave)) }
    }

    /// The rows, in the order of the texts.
    pub(crate) async fn answer(mut self) -> Answer<R, E> {
        let answer = (&mut self.receiver).await;
        self.leave = None;
        // The sender is dropped without an answer if the batcher's thread is gone.
        answer.unwrap_or_else(|_| Answer { rows: Vec::new(), timing: Timing::default() })
    }

    #[cfg(test)]
    pub(super) fn try_answer(&mut self) -> Option<Answer<R, E>> {
        let answer = self.receiver.try_recv().ok();
        if answer.is_some() {
            self.leave = None;
        }
        answer
    }
}

impl<R, E> Drop for Waiting<R, E> {
    fn drop(&mut self) {
        if let Some(leave) = self.leave.take() {
            leave();
        }
    }
}
