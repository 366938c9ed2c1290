//! [`Threads`]: threads of our own, which are started again in a forked process.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// A pool of threads. rayon's global pool is never used: its threads do not survive a fork, and it
/// cannot be started again.
pub(crate) struct Threads {
    n_threads: NonZeroUsize,
    started: Mutex<Started>,
    n_running: AtomicUsize,
}

struct Started {
    /// The process that the threads belong to.
    process: u32,
    pool: Arc<ThreadPool>,
}

impl Threads {
    /// Starts this many threads, or one per core.
    ///
    /// # Errors
    /// Threads that the system does not start.
    pub(crate) fn start(n_threads: Option<NonZeroUsize>) -> PyResult<Self> {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let n_threads = n_threads.unwrap_or_else(cores);
        let started = Mutex::new(start(n_threads)?);
        Ok(Self { n_threads, started, n_running: AtomicUsize::new(0) })
    }

    /// Threads for what belongs to no encoder: scores, search, measures.
    ///
    /// # Errors
    /// See [`start`](Self::start).
    pub(crate) fn shared() -> PyResult<&'static Self> {
        static SHARED: OnceLock<Threads> = OnceLock::new();
        if SHARED.get().is_none() {
            _ = SHARED.set(Self::start(None)?);
        }
        Ok(SHARED.get().expect("set above, or by another thread"))
    }

    /// Runs `work` with the pool of this process.
    ///
    /// # Errors
    /// Threads that the system does not start; a process that was forked during a call.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&ThreadPool) -> R) -> PyResult<R> {
        let pool = self.pool()?;
        self.n_running.fetch_add(1, Ordering::AcqRel);
        let _running = Running(&self.n_running);
        Ok(work(&pool))
    }

    fn pool(&self) -> PyResult<Arc<ThreadPool>> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if started.process != std::process::id() {
            // Calls of the parent hold locks that nobody will release here.
            if self.n_running.load(Ordering::Acquire) > 0 {
                return Err(PyRuntimeError::new_err(
                    "this process was forked while the encoder was in use, so it cannot be used \
                     here: start workers with the method `spawn`, or load the model in the worker",
                ));
            }
            // The parent's threads do not exist here: dropping their pool would wait for them.
            let old = std::mem::replace(&mut *started, start(self.n_threads)?);
            std::mem::forget(old);
        }
        Ok(Arc::clone(&started.pool))
    }
}

/// Counts a call until it ends.
struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn start(n_threads: NonZeroUsize) -> PyResult<Started> {
    let builder = ThreadPoolBuilder::new().num_threads(n_threads.get());
    let pool = builder.thread_name(|index| format!("splade-{index}")).build();
    let pool = pool.map_err(|error| {
        PyRuntimeError::new_err(format!("cannot start {n_threads} threads: {error}"))
    })?;
    Ok(Started { process: std::process::id(), pool: Arc::new(pool) })
}
