//! Running work without the GIL, while the calling thread watches for signals and moves a bar.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use splade::CancelHandle;
use splade::errors::panic_message;

use crate::threads::Threads;

/// How often signals are checked and the bar is moved.
const INTERVAL: Duration = Duration::from_millis(100);

/// What the calling thread does while it waits.
#[derive(Default)]
pub(crate) struct Watch {
    /// Cancels the work on a signal.
    pub(crate) cancel: CancelHandle,
    /// The number of texts done so far, written by the work.
    pub(crate) n_done: Arc<AtomicUsize>,
    /// Called with the number of texts done so far.
    pub(crate) on_progress: Option<Py<PyAny>>,
}

impl Watch {
    fn look(&self) -> PyResult<()> {
        Python::attach(|py| {
            py.check_signals()?;
            if let Some(on_progress) = &self.on_progress {
                on_progress.call1(py, (self.n_done.load(Ordering::Relaxed),))?;
            }
            Ok(())
        })
    }
}

/// Runs `work` on `threads`, without the GIL. A signal's exception (Ctrl-C) cancels the work, and
/// is raised once the work has ended.
///
/// # Errors
/// An exception of a signal or of the callback; a panic of `work`; see [`Threads::with`].
pub(crate) fn run<R: Send>(
    py: Python<'_>,
    threads: &Threads,
    watch: &Watch,
    work: impl FnOnce() -> R + Send,
) -> PyResult<R> {
    py.detach(|| {
        threads.with(|pool| {
            let (sender, receiver) = sync_channel(1);
            pool.in_place_scope(|scope| {
                scope.spawn(move |_| {
                    let ended = catch_unwind(AssertUnwindSafe(work));
                    sender.send(ended).expect("the receiver outlives the scope");
                });
                let mut interrupted = None;
                loop {
                    match receiver.recv_timeout(INTERVAL) {
                        Ok(ended) => {
                            return match interrupted {
                                Some(error) => Err(error),
                                None => ended.map_err(panicked),
                            };
                        }
                        Err(RecvTimeoutError::Timeout) if interrupted.is_none() => {
                            interrupted = watch.look().err();
                            if interrupted.is_some() {
                                watch.cancel.cancel();
                            }
                        }
                        Err(RecvTimeoutError::Timeout) => {}
                        Err(RecvTimeoutError::Disconnected) => {
                            let message = "the work ended without a result";
                            return Err(PyRuntimeError::new_err(message));
                        }
                    }
                }
            })
        })
    })?
}

fn panicked(payload: Box<dyn Any + Send>) -> PyErr {
    let message = panic_message(&*payload);
    PyRuntimeError::new_err(format!("splade panicked, which is a bug: {message}"))
}
