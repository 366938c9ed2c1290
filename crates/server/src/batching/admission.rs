//! Who is let in: a request that would wait too long is shed at once, with the time after which to
//! try again.

use std::time::Duration;

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shed {
    /// It would wait longer than it may.
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The server ends, and takes nothing new.
    Closing,
}

/// What of the queue decides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admission {
    /// The longest that a request may wait before its first text is computed.
    pub(super) max_wait: Duration,
    /// The most texts that may wait, if limited.
    pub(super) max_texts: Option<usize>,
}

impl Admission {
    /// Admits `n_texts` more behind `n_waiting` texts that need `wait`; `patience` is what is left
    /// of the request's own deadline.
    pub(super) fn decide(
        &self,
        wait: Duration,
        patience: Option<Duration>,
        n_waiting: usize,
        n_texts: usize,
    ) -> Result<(), Shed> {
        let longest = patience.map_or(self.max_wait, |patience| patience.min(self.max_wait));
        let is_full = self.max_texts.is_some_and(|max| n_waiting > 0 && n_waiting + n_texts > max);
        if wait <= longest && !is_full {
            return Ok(());
        }
        // After this time what waits now is down to what would be let in, if nobody else comes.
        let retry_after = wait.saturating_sub(longest).max(Duration::from_secs(1));
        Err(Shed::Overloaded { retry_after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADMISSION: Admission =
        Admission { max_wait: Duration::from_secs(10), max_texts: Some(100) };

    #[test]
    fn a_short_wait_is_admitted() {
        assert_eq!(ADMISSION.decide(Duration::from_secs(10), None, 50, 50), Ok(()));
    }

    #[test]
    fn a_long_wait_is_shed_with_the_time_to_try_again() {
        let shed = ADMISSION.decide(Duration::from_millis(12_500), None, 1, 1);
        assert_eq!(shed, Err(Shed::Overloaded { retry_after: Duration::from_millis(2500) }));
    }

    #[test]
    fn a_request_that_would_miss_its_deadline_is_shed_at_once() {
        let patience = Some(Duration::from_millis(50));
        let shed = ADMISSION.decide(Duration::from_millis(80), patience, 1, 1);
        assert_eq!(shed, Err(Shed::Overloaded { retry_after: Duration::from_secs(1) }));
    }

    #[test]
    fn texts_beyond_the_limit_are_shed_but_never_the_only_request() {
        assert!(ADMISSION.decide(Duration::ZERO, None, 99, 2).is_err());
        assert_eq!(ADMISSION.decide(Duration::ZERO, None, 0, 1000), Ok(()));
    }
}
