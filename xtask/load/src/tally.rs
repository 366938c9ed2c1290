//! [`Tally`]: what came of the requests of a run.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;

use crate::client::{Answer, one_line};
use crate::sample::Kept;

/// The longest latency that is told apart, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;
/// Three digits: an error of at most 0.1 %.
const DIGITS: u8 = 3;

/// A run that is over.
pub(crate) struct Run {
    pub(crate) tally: Tally,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    pub(crate) sample: Vec<Kept>,
}

/// A tally and a sample that the tasks of a run share.
#[derive(Default)]
pub(crate) struct Shared(Mutex<(Tally, Vec<Kept>)>);

/// Counts and latencies.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) n_ok: u64,
    /// 429 and 503.
    pub(crate) n_shed: u64,
    /// Requests that the client left.
    pub(crate) n_left: u64,
    /// Everything else, by what went wrong.
    pub(crate) failures: BTreeMap<String, u64>,
    pub(crate) n_bytes: u64,
    /// Of answers with status 200.
    pub(crate) latency: Latencies,
    /// Of those that were shed.
    pub(crate) shed_latency: Latencies,
    /// From when a request should have been sent to when it was: waiting for the generator itself,
    /// or for one of its connections.
    pub(crate) lag: Latencies,
}

/// A histogram of times.
pub(crate) struct Latencies(Histogram<u64>);

impl Shared {
    /// Counts the answer to a request, and keeps its body if there is one.
    pub(crate) fn add(&self, request: usize, answer: Result<Answer>, latency: Duration) {
        let (tally, sample) = &mut *self.lock();
        tally.add(&answer, latency);
        if let Ok(Answer { status: 200, body: Some(body), .. }) = answer {
            sample.push(Kept { request, body });
        }
    }

    /// Counts a request that the client left.
    pub(crate) fn left(&self) {
        self.lock().0.n_left += 1;
    }

    /// Counts how late a request was sent.
    pub(crate) fn lag(&self, lag: Duration) {
        self.lock().0.lag.add(lag);
    }

    /// The run, which is over.
    pub(crate) fn finish(&self, elapsed: Duration) -> Run {
        let (tally, sample) = std::mem::take(&mut *self.lock());
        Run { tally, elapsed, sample }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Tally, Vec<Kept>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    /// Counts the answer to a request.
    fn add(&mut self, answer: &Result<Answer>, latency: Duration) {
        match answer {
            Ok(answer) => {
                self.n_bytes += answer.n_bytes as u64;
                match answer.status {
                    200 => {
                        self.n_ok += 1;
                        self.latency.add(latency);
                    }
                    429 | 503 => {
                        self.n_shed += 1;
                        self.shed_latency.add(latency);
                    }
                    status => *self.failures.entry(format!("status {status}")).or_default() += 1,
                }
            }
            Err(error) => *self.failures.entry(one_line(error)).or_default() += 1,
        }
    }

    pub(crate) fn n_failed(&self) -> u64 {
        self.failures.values().sum()
    }

    pub(crate) fn n_requests(&self) -> u64 {
        self.n_ok + self.n_shed + self.n_left + self.n_failed()
    }
}

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST, DIGITS);
        Self(histogram.expect("the bounds are valid"))
    }
}

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        // What is out of range counts as the bound that is nearest.
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(LONGEST).max(1));
    }

    /// In milliseconds; `None` if nothing was added.
    pub(crate) fn percentile(&self, percent: f64) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.value_at_percentile(percent) as f64 / 1e3)
    }

    pub(crate) fn max(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.max() as f64 / 1e3)
    }

    pub(crate) fn mean(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.mean() / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_latencies() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile(50.0), None);
        for ms in 1..=1000 {
            latencies.add(Duration::from_millis(ms));
        }
        for (percent, ms) in [(50.0, 500.0), (95.0, 950.0), (99.0, 990.0)] {
            let found = latencies.percentile(percent).unwrap();
            assert!((found - ms).abs() <= ms * 1e-3, "{percent}: {found}");
        }
        let max = latencies.max().unwrap();
        assert!((max - 1000.0).abs() <= 1.0, "{max}");
    }

    #[test]
    fn a_time_beyond_the_bounds_is_counted() {
        let mut latencies = Latencies::default();
        latencies.add(Duration::ZERO);
        latencies.add(Duration::MAX);
        assert_eq!(latencies.0.len(), 2);
    }

    #[test]
    fn answers_are_counted_by_what_they_mean() {
        let mut tally = Tally::default();
        let answer = |status| Ok(Answer { status, n_bytes: 10, retry_after: None, body: None });
        for status in [200, 200, 429, 503, 500] {
            tally.add(&answer(status), Duration::from_millis(1));
        }
        tally.add(&Err(anyhow::anyhow!("reset")), Duration::ZERO);
        tally.n_left = 1;
        assert_eq!((tally.n_ok, tally.n_shed, tally.n_failed()), (2, 2, 2));
        assert_eq!((tally.n_requests(), tally.n_bytes), (7, 50));
        assert_eq!(tally.latency.0.len(), 2);
        let told: Vec<&str> = tally.failures.keys().map(String::as_str).collect();
        assert_eq!(told, ["reset", "status 500"]);
    }
}
