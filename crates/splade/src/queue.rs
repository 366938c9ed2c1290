//! Numbered items that workers take from one queue, on the current thread pool or on new threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::panics::panic_message;

/// The items `0..n_items`; each is taken once.
struct Queue {
    next: AtomicUsize,
    n_items: usize,
}

/// A worker's results, each with its item; or the item that failed, and why.
type Done<T, E> = Result<Vec<(usize, T)>, (usize, E)>;

impl Queue {
    fn new(n_items: usize) -> Self {
        Self { next: AtomicUsize::new(0), n_items }
    }

    /// Takes items and runs `work` for each until none is left. After a failure, no worker gets
    /// another item.
    fn work_off<T, E>(&self, work: impl Fn(usize) -> Result<T, E>) -> Done<T, E> {
        let mut done = Vec::new();
        loop {
            let item = self.next.fetch_add(1, Ordering::Relaxed);
            if item >= self.n_items {
                return Ok(done);
            }
            match work(item) {
                Ok(result) => done.push((item, result)),
                Err(error) => {
                    self.next.store(self.n_items, Ordering::Relaxed);
                    return Err((item, error));
                }
            }
        }
    }
}

/// All workers' results in the order of the items; if several failed, the failure of the first
/// item.
fn in_order<T, E>(workers: impl IntoIterator<Item = Done<T, E>>) -> Result<Vec<T>, (usize, E)> {
    let (mut all, mut first_failure) = (Vec::new(), None);
    for done in workers {
        match done {
            Ok(done) => all.extend(done),
            Err((item, _)) if first_failure.as_ref().is_some_and(|(first, _)| *first < item) => {}
            Err(failure) => first_failure = Some(failure),
        }
    }
    if let Some(failure) = first_failure {
        return Err(failure);
    }
    all.sort_unstable_by_key(|(item, _)| *item);
    Ok(all.into_iter().map(|(_, result)| result).collect())
}

/// Runs `work` for each of `0..n_items` on the current thread pool, at most `n_at_once` at a time,
/// and returns the results in order. No new item starts after a failure.
///
/// # Errors
/// The failure of an item; of several, that of the first item.
pub(crate) fn run_at_once<T: Send, E: Send>(
    n_at_once: usize,
    n_items: usize,
    work: impl Fn(usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let queue = Queue::new(n_items);
    let done: Vec<Done<T, E>> = match n_at_once.min(n_items) {
        0 | 1 => vec![queue.work_off(work)],
        n => (0..n).into_par_iter().with_max_len(1).map(|_| queue.work_off(&work)).collect(),
    };
    in_order(done).map_err(|(_, error)| error)
}

/// Which worker failed on which item, and why.
#[derive(Debug)]
pub(crate) struct Failure<E> {
    pub(crate) worker: usize,
    pub(crate) item: usize,
    pub(crate) cause: Cause<E>,
}

/// Why a worker failed.
#[derive(Debug)]
pub(crate) enum Cause<E> {
    Error(E),
    /// The message of a panic.
    Panic(String),
}

/// Runs `work` for each of `0..n_items`, on one new thread per worker, and returns the results in
/// order. No new item starts after a failure; items in progress are finished. Where only one worker
/// has something to do, it does it on the caller's thread: starting one takes as long as a small
/// model takes for a query.
///
/// # Errors
/// The failure of an item; of several, that of the first item.
pub(crate) fn share_out<W: Sync, T: Send, E: Send>(
    workers: &[W],
    n_items: usize,
    work: impl Fn(&W, usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, Failure<E>> {
    let queue = Queue::new(n_items);
    let run = |worker: usize| {
        queue.work_off(|item| {
            // Unwind safety: a panic may leave only `work`'s result half-done, and that is dropped.
            let result = catch_unwind(AssertUnwindSafe(|| work(&workers[worker], item)));
            let cause = match result {
                Ok(Ok(result)) => return Ok(result),
                Ok(Err(error)) => Cause::Error(error),
                Err(panic) => Cause::Panic(panic_message(&*panic).to_owned()),
            };
            Err(Failure { worker, item, cause })
        })
    };
    let n_workers = workers.len().min(n_items);
    if n_workers <= 1 {
        let done = if n_workers == 1 { run(0) } else { Ok(Vec::new()) };
        return in_order([done]).map_err(|(_, failure)| failure);
    }
    let done: Vec<_> = std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> =
            (0..n_workers).map(|worker| scope.spawn(move || run(worker))).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.map(|done| done.expect("panics of the work are caught")).collect()
    });
    in_order(done).map_err(|(_, failure)| failure)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_are_in_order_however_many_run_at_once() {
        for n_at_once in [0, 1, 3, 9] {
            let done = run_at_once(n_at_once, 5, |item| Ok::<_, ()>(item * item)).unwrap();
            assert_eq!(done, [0, 1, 4, 9, 16]);
        }
    }

    #[test]
    fn after_a_failure_nothing_is_begun() {
        let begun = AtomicUsize::new(0);
        let failed = run_at_once(1, 5, |item| {
            begun.fetch_add(1, Ordering::Relaxed);
            if item == 2 { Err(item) } else { Ok(()) }
        });
        assert_eq!(failed, Err(2));
        assert_eq!(begun.into_inner(), 3);
    }

    #[test]
    fn of_several_failures_the_first_item_s_is_told() {
        let workers = [Err((7, "seven")), Ok(vec![(0, ())]), Err((3, "three")), Err((9, "nine"))];
        assert_eq!(in_order(workers), Err((3, "three")));
    }

    #[test]
    fn every_item_is_done_once_and_in_order() {
        for n_workers in [1, 2, 5] {
            let workers = vec![(); n_workers];
            let done = share_out(&workers, 100, |(), item| Ok::<_, ()>(item)).unwrap();
            assert_eq!(done, (0..100).collect::<Vec<_>>(), "{n_workers} workers");
        }
        assert!(share_out(&[()], 0, |(), _| Ok::<_, ()>(())).unwrap().is_empty());
    }

    #[test]
    fn a_worker_that_is_alone_runs_on_the_caller_s_thread() {
        let caller = std::thread::current().id();
        for (n_workers, n_items) in [(1, 3), (3, 1)] {
            let workers = vec![(); n_workers];
            let threads =
                share_out(&workers, n_items, |(), _| Ok::<_, ()>(std::thread::current().id()));
            assert!(threads.unwrap().iter().all(|thread| *thread == caller));
        }
    }

    #[test]
    fn a_slow_worker_takes_fewer_items() {
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
    fn an_error_names_worker_and_item_and_stops_the_rest() {
        let begun = AtomicUsize::new(0);
        let failure = share_out(&["a", "b"], 1000, |_, item| {
            begun.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_micros(100));
            if item == 7 { Err("broken") } else { Ok(()) }
        })
        .unwrap_err();
        assert_eq!(failure.item, 7);
        assert!(matches!(failure.cause, Cause::Error("broken")));
        assert!(begun.into_inner() < 1000);
    }

    #[test]
    fn a_panic_is_a_failure_and_no_hang() {
        let failure = share_out(&[(), ()], 50, |(), item| {
            assert_ne!(item, 3, "the device went away");
            Ok::<_, ()>(item)
        })
        .unwrap_err();
        assert_eq!(failure.item, 3);
        let Cause::Panic(message) = failure.cause else { panic!("{failure:?}") };
        assert!(message.contains("the device went away"), "{message}");
    }
}
