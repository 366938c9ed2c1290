//! [`Dispatcher`]: the queue that requests are submitted to, and the threads that compute it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::batcher::run_batch;
use super::scheduler::{Batch, Scheduler};
use super::{Batching, Clock, Compute, Job, Lane, Shed, Unit, Waiting};

/// Takes jobs from any thread; a thread for each device computes them.
pub(crate) struct Dispatcher<C: Compute> {
    shared: Arc<Shared<C>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What is told of each batch: tokens, texts, and how long it took.
pub(crate) type OnBatch = Arc<dyn Fn(BatchReport) + Send + Sync>;

/// A batch that was computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchReport {
    pub(crate) n_texts: usize,
    pub(crate) n_tokens: usize,
    pub(crate) elapsed: Duration,
}

/// How full the queue is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) queued_texts: usize,
    pub(crate) interactive_tokens: usize,
    pub(crate) bulk_tokens: usize,
    pub(crate) tokens_per_second: f64,
    /// How long nothing has moved though something should.
    pub(crate) stalled: Duration,
}

struct Shared<C: Compute> {
    scheduler: Mutex<Scheduler<C::Text, C::Row, C::Error>>,
    /// Something was queued, or the queue was closed.
    changed: Condvar,
    clock: Arc<dyn Clock>,
    on_batch: OnBatch,
}

impl<C: Compute> Dispatcher<C> {
    /// Starts a thread for each of `units`; `rate` is what one is assumed to compute, in tokens per
    /// second, before anything is measured.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(
        units: Vec<C>,
        n_groups: usize,
        batching: Batching,
        rate: f64,
        clock: Arc<dyn Clock>,
        on_batch: OnBatch,
    ) -> std::io::Result<Self> {
        let scheduler = Scheduler::new(batching, units.len(), n_groups, rate);
        let shared = Arc::new(Shared {
            scheduler: Mutex::new(scheduler),
            changed: Condvar::new(),
            clock,
            on_batch,
        });
        let mut threads = Vec::with_capacity(units.len());
        for (unit, compute) in units.into_iter().enumerate() {
            let shared = Arc::clone(&shared);
            let name = format!("batcher-{unit}");
            threads.push(
                std::thread::Builder::new().name(name).spawn(move || shared.run(unit, &compute))?,
            );
        }
        Ok(Self { shared, threads: Mutex::new(threads) })
    }

    /// Whether a job would be taken if it came now: asked before its texts are tokenised, so that
    /// those that are shed cost little.
    ///
    /// # Errors
    /// It would wait too long, or the server ends.
    pub(crate) fn admit(
        &self,
        lane: Lane,
        deadline: Option<Instant>,
        n_texts: usize,
    ) -> Result<(), Shed> {
        self.shared.lock().admit(lane, deadline, n_texts, self.shared.clock.now())
    }

    /// Queues a job.
    ///
    /// # Errors
    /// It would wait too long, or the server ends.
    pub(crate) fn submit(&self, job: Job<C::Text>) -> Result<Waiting<C::Row, C::Error>, Shed> {
        let now = self.shared.clock.now();
        let (request, receiver) = self.shared.lock().push(job, now)?;
        // All: a request may have texts for every device.
        self.shared.changed.notify_all();
        let shared = Arc::clone(&self.shared);
        Ok(Waiting::new(receiver, move || {
            request.abandon();
            shared.lock().remove_abandoned();
            // Threads that wait for the queue to be empty look again.
            shared.changed.notify_all();
        }))
    }

    pub(crate) fn load(&self) -> Load {
        let scheduler = self.shared.lock();
        Load {
            queued_texts: scheduler.n_texts(),
            interactive_tokens: scheduler.n_tokens(Lane::Interactive),
            bulk_tokens: scheduler.n_tokens(Lane::Bulk),
            tokens_per_second: scheduler.tokens_per_second(),
            stalled: scheduler.stalled(self.shared.clock.now()),
        }
    }

    /// Takes nothing new; what waits is still computed, and then the threads end.
    pub(crate) fn close(&self) {
        self.shared.lock().close();
        self.shared.changed.notify_all();
    }

    /// Ends the wait of all that is not begun.
    pub(crate) fn drop_queued(&self) {
        self.shared.lock().drop_queued(self.shared.clock.now());
        self.shared.changed.notify_all();
    }

    /// Waits for the threads, after [`close`](Self::close), but not for a model that hangs.
    pub(crate) fn join(&self, limit: Duration) {
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let until = Instant::now() + limit;
        for thread in threads {
            while !thread.is_finished() {
                if Instant::now() >= until {
                    tracing::warn!("a batch was being computed when the server ended");
                    return;
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            // A batcher catches what a model panics with.
            let _panicked = thread.join();
        }
    }
}

impl<C: Compute> Shared<C> {
    fn lock(&self) -> MutexGuard<'_, Scheduler<C::Text, C::Row, C::Error>> {
        self.scheduler.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a batcher's thread does: takes a batch, computes it, delivers it, until the queue is
    /// closed and empty.
    fn run(&self, unit: Unit, compute: &C) {
        while let Some(batch) = self.next(unit) {
            self.compute(unit, compute, batch);
        }
    }

    fn next(&self, unit: Unit) -> Option<Batch<C::Text, C::Row, C::Error>> {
        let mut scheduler = self.lock();
        loop {
            if let Some(batch) = scheduler.take(unit, self.clock.now()) {
                return Some(batch);
            }
            if scheduler.is_closed() {
                return None;
            }
            scheduler = self.changed.wait(scheduler).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn compute(&self, unit: Unit, compute: &C, batch: Batch<C::Text, C::Row, C::Error>) {
        let started = self.clock.now();
        let texts: Vec<&C::Text> = batch.texts.iter().map(|taken| &taken.text).collect();
        let rows = run_batch(compute, &texts);
        let now = self.clock.now();
        let elapsed = now.saturating_duration_since(started);
        self.lock().finished(unit, batch.group, batch.n_tokens, elapsed, now);
        for (taken, row) in batch.texts.iter().zip(rows) {
            taken.request.deliver(taken.index, row, now);
        }
        let (n_texts, n_tokens) = (batch.texts.len(), batch.n_tokens);
        (self.on_batch)(BatchReport { n_texts, n_tokens, elapsed });
    }
}

#[cfg(test)]
impl<C: Compute> Dispatcher<C> {
    /// One without threads, whose batches tests compute one by one.
    pub(super) fn by_hand(
        n_units: usize,
        n_groups: usize,
        batching: Batching,
        rate: f64,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let scheduler = Mutex::new(Scheduler::new(batching, n_units, n_groups, rate));
        let shared =
            Shared { scheduler, changed: Condvar::new(), clock, on_batch: Arc::new(|_| ()) };
        Self { shared: Arc::new(shared), threads: Mutex::default() }
    }

    /// Computes one batch, if any text waits.
    pub(super) fn step(&self, unit: Unit, compute: &C) -> bool {
        let batch = self.shared.lock().take(unit, self.shared.clock.now());
        let is_some = batch.is_some();
        if let Some(batch) = batch {
            self.shared.compute(unit, compute, batch);
        }
        is_some
    }
}
