//! Chunks of work that workers take from one queue.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Which worker failed on which chunk, and why.
#[derive(Debug)]
pub(crate) struct Failure<E> {
    pub(crate) worker: usize,
    pub(crate) chunk: usize,
    pub(crate) cause: Cause<E>,
}

/// Why a worker failed.
#[derive(Debug)]
pub(crate) enum Cause<E> {
    Error(E),
    /// The message of a panic.
    Panic(String),
}

/// Runs `work` once for each chunk, on one thread per worker, and returns the results in the order of the
/// chunks.
///
/// No new chunk starts after a failure; those under way are finished.
///
/// # Errors
/// A chunk that failed; of several, the one that comes first.
pub(crate) fn share_out<W: Sync, T: Send, E: Send>(
    workers: &[W],
    n_chunks: usize,
    work: impl Fn(&W, usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, Failure<E>> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let first_failure: Mutex<Option<Failure<E>>> = Mutex::new(None);
    let run = |worker: usize| {
        let mut done = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            if chunk >= n_chunks {
                break;
            }
            // Unwind safety: what a panic may have left half-done, `work`'s result, is dropped.
            let cause = match catch_unwind(AssertUnwindSafe(|| work(&workers[worker], chunk))) {
                Ok(Ok(result)) => {
                    done.push((chunk, result));
                    continue;
                }
                Ok(Err(error)) => Cause::Error(error),
                Err(panic) => Cause::Panic(message(&*panic)),
            };
            failed.store(true, Ordering::Relaxed);
            let mut first = first_failure.lock().expect("nothing panics while it is held");
            if first.as_ref().is_none_or(|first| chunk < first.chunk) {
                *first = Some(Failure { worker, chunk, cause });
            }
        }
        done
    };
    let mut done: Vec<(usize, T)> = std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> =
            (0..workers.len()).map(|worker| scope.spawn(move || run(worker))).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.flat_map(|done| done.expect("panics of the work are caught")).collect()
    });
    if let Some(failure) = first_failure.into_inner().expect("nothing panics while it is held") {
        return Err(failure);
    }
    done.sort_unstable_by_key(|(chunk, _)| *chunk);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_chunk_is_done_once_and_in_order() {
        for n_workers in [1, 2, 5] {
            let workers = vec![(); n_workers];
            let done = share_out(&workers, 100, |(), chunk| Ok::<_, ()>(chunk)).unwrap();
            assert_eq!(done, (0..100).collect::<Vec<_>>(), "{n_workers} workers");
        }
        assert!(share_out(&[()], 0, |(), _| Ok::<_, ()>(())).unwrap().is_empty());
    }

    #[test]
    fn a_slow_worker_takes_fewer_chunks() {
        let counts = [AtomicUsize::new(0), AtomicUsize::new(0)];
        share_out(&[20, 1], 40, |millis, _| {
            counts[usize::from(*millis == 1)].fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(*millis));
            Ok::<_, ()>(())
        })
        .unwrap();
        let [slow, fast] = counts.map(AtomicUsize::into_inner);
        assert!(slow < fast, "slow {slow}, fast {fast}");
    }

    #[test]
    fn an_error_names_worker_and_chunk_and_stops_the_rest() {
        let begun = AtomicUsize::new(0);
        let failure = share_out(&["a", "b"], 1000, |_, chunk| {
            begun.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_micros(100));
            if chunk == 7 { Err("broken") } else { Ok(()) }
        })
        .unwrap_err();
        assert_eq!(failure.chunk, 7);
        assert!(matches!(failure.cause, Cause::Error("broken")));
        assert!(begun.into_inner() < 1000);
    }

    #[test]
    fn a_panic_is_a_failure_and_no_hang() {
        let failure = share_out(&[(), ()], 50, |(), chunk| {
            assert_ne!(chunk, 3, "the device went away");
            Ok::<_, ()>(chunk)
        })
        .unwrap_err();
        assert_eq!(failure.chunk, 3);
        let Cause::Panic(message) = failure.cause else { panic!("{failure:?}") };
        assert!(message.contains("the device went away"), "{message}");
    }
}
