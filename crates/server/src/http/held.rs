//! [`Held`]: the bytes of bodies that requests hold, which all of them together have a limit of.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::error::{ApiError, ApiResult};

/// What all requests hold.
pub(crate) struct BodyMemory {
    max_bytes: usize,
    n_bytes: AtomicUsize,
}

impl BodyMemory {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, n_bytes: AtomicUsize::new(0) }
    }

    pub(crate) fn n_bytes(&self) -> usize {
        self.n_bytes.load(Ordering::Relaxed)
    }
}

/// What one request holds of it, until it is answered.
pub(crate) struct Held {
    all: Arc<BodyMemory>,
    n_bytes: AtomicUsize,
}

impl Held {
    pub(crate) fn new(all: &Arc<BodyMemory>) -> Self {
        Self { all: Arc::clone(all), n_bytes: AtomicUsize::new(0) }
    }

    /// The request has `n_bytes` from now on.
    ///
    /// # Errors
    /// 429, if that is too much together with what other requests hold.
    pub(crate) fn set(&self, n_bytes: usize) -> ApiResult<()> {
        let before = self.n_bytes.load(Ordering::Relaxed);
        if n_bytes > before {
            let more = n_bytes - before;
            let all = self.all.n_bytes.fetch_add(more, Ordering::Relaxed) + more;
            let is_alone = all == n_bytes;
            if all > self.all.max_bytes && !is_alone {
                self.all.n_bytes.fetch_sub(more, Ordering::Relaxed);
                return Err(full());
            }
        } else {
            self.all.n_bytes.fetch_sub(before - n_bytes, Ordering::Relaxed);
        }
        self.n_bytes.store(n_bytes, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.n_bytes.fetch_sub(self.n_bytes.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

fn full() -> ApiError {
    let message = "the server holds as many bytes of bodies as it may (--total-payload-limit)";
    ApiError::overloaded(message, Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn what_others_hold_counts_until_they_are_answered() {
        let all = Arc::new(BodyMemory::new(100));
        let (first, second) = (Held::new(&all), Held::new(&all));
        first.set(60).unwrap();
        second.set(40).unwrap();
        let refused = second.set(41).unwrap_err();
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(refused.retry_after.is_some());
        first.set(59).unwrap();
        second.set(41).unwrap();
        drop(first);
        assert_eq!(all.n_bytes(), 41);
    }

    #[test]
    fn a_request_that_is_alone_may_be_larger() {
        let all = Arc::new(BodyMemory::new(10));
        let only = Held::new(&all);
        only.set(5).unwrap();
        only.set(1000).unwrap();
        assert!(Held::new(&all).set(1).is_err());
        drop(only);
        Held::new(&all).set(1).unwrap();
    }
}
