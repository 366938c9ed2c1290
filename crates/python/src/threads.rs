//! [`Threads`]: threads of our own for each call, which are started again in a forked process.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Pools of threads, one for each call under way, so that a short call need not wait for a long one
/// of another thread. rayon's global pool is never used: its threads do not survive a fork, and it
/// cannot be started again.
pub(crate) struct Threads {
    n_threads: NonZeroUsize,
    started: Mutex<Started>,
}

/// Pools at most: from here on calls share them.
const MAX_POOLS: usize = 8;

struct Started {
    /// The process that the threads belong to.
    process: u32,
    pools: Vec<Arc<Pool>>,
}

struct Pool {
    threads: ThreadPool,
    n_calls: AtomicUsize,
}

impl Threads {
    /// Starts this many threads, or one per core.
    ///
    /// # Errors
    /// Threads that the system does not start.
    pub(crate) fn start(n_threads: Option<NonZeroUsize>) -> PyResult<Self> {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let n_threads = n_threads.unwrap_or_else(cores);
        let pools = vec![Arc::new(start(n_threads)?)];
        let started = Mutex::new(Started { process: std::process::id(), pools });
        Ok(Self { n_threads, started })
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

    /// Runs `work` with a pool of this process.
    ///
    /// # Errors
    /// Threads that the system does not start; a process that was forked during a call.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&ThreadPool) -> R) -> PyResult<R> {
        let call = self.call()?;
        Ok(work(&call.0.threads))
    }

    /// The pool with the fewest calls; a new one if all have some.
    fn call(&self) -> PyResult<Call> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if started.process != std::process::id() {
            // Calls of the parent hold locks that nobody will release here.
            if started.pools.iter().any(|pool| pool.n_calls.load(Ordering::Acquire) > 0) {
                return Err(PyRuntimeError::new_err(
                    "this process was forked while the encoder was in use, so it cannot be used \
                     here: start workers with the method `spawn`, or load the model in the worker",
                ));
            }
            // The parent's threads do not exist here: dropping their pools would wait for them.
            std::mem::forget(std::mem::take(&mut started.pools));
            started.process = std::process::id();
        }
        let n_calls = |pool: &Pool| pool.n_calls.load(Ordering::Acquire);
        let idlest = started.pools.iter().min_by_key(|pool| n_calls(pool));
        let is_room = started.pools.len() < MAX_POOLS;
        let pool = match idlest {
            Some(pool) if n_calls(pool) == 0 || !is_room => Arc::clone(pool),
            _ => {
                started.pools.push(Arc::new(start(self.n_threads)?));
                Arc::clone(&started.pools[started.pools.len() - 1])
            }
        };
        pool.n_calls.fetch_add(1, Ordering::AcqRel);
        Ok(Call(pool))
    }
}

/// A call on a pool, which counts it until it ends.
struct Call(Arc<Pool>);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.n_calls.fetch_sub(1, Ordering::AcqRel);
    }
}

fn start(n_threads: NonZeroUsize) -> PyResult<Pool> {
    let builder = ThreadPoolBuilder::new().num_threads(n_threads.get());
    let threads = builder.thread_name(|index| format!("splade-{index}")).build();
    let threads = threads.map_err(|error| {
        PyRuntimeError::new_err(format!("cannot start {n_threads} threads: {error}"))
    })?;
    Ok(Pool { threads, n_calls: AtomicUsize::new(0) })
}
