//! Work that a few lanes take from one queue, on the current thread pool.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::SpladeError;

/// Runs `work` for each of `0..n_items`, at most `n_lanes` at once, and returns the results in order. No new
/// item starts after a failure.
///
/// # Errors
/// An item that failed.
pub(crate) fn in_lanes<T: Send>(
    n_lanes: usize,
    n_items: usize,
    work: impl Fn(usize) -> Result<T, SpladeError> + Sync,
) -> Result<Vec<T>, SpladeError> {
    let next = AtomicUsize::new(0);
    let lane = |_| -> Result<Vec<(usize, T)>, SpladeError> {
        let mut done = Vec::new();
        loop {
            let item = next.fetch_add(1, Ordering::Relaxed);
            if item >= n_items {
                return Ok(done);
            }
            let result = work(item);
            done.push((item, result.inspect_err(|_| next.store(n_items, Ordering::Relaxed))?));
        }
    };
    let mut done: Vec<(usize, T)> = match n_lanes.min(n_items) {
        0 | 1 => lane(0)?,
        n => {
            let lanes = (0..n).into_par_iter().with_max_len(1).map(lane);
            lanes.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()
        }
    };
    done.sort_unstable_by_key(|(item, _)| *item);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_whatever_the_lanes() {
        for n_lanes in [0, 1, 3, 9] {
            assert_eq!(in_lanes(n_lanes, 5, |item| Ok(item * item)).unwrap(), [0, 1, 4, 9, 16]);
        }
    }

    #[test]
    fn after_a_failure_nothing_is_begun() {
        let begun = AtomicUsize::new(0);
        let failed = in_lanes(1, 5, |item| {
            begun.fetch_add(1, Ordering::Relaxed);
            if item == 2 { Err(SpladeError::NoDevices) } else { Ok(()) }
        });
        assert!(failed.is_err());
        assert_eq!(begun.into_inner(), 3);
    }
}
