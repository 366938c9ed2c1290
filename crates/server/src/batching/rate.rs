//! [`Rate`]: how many tokens a device computes per second, as measured.

use std::time::Duration;

/// Seconds of compute after which a measurement counts half.
const HALF_LIFE: f64 = 2.0;

/// Tokens per second: a moving average over time spent computing, so that short batches, which are
/// mostly overhead, weigh as little as they cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    tokens: f64,
    seconds: f64,
}

impl Rate {
    /// Before anything was measured; what it says weighs as much as a tenth of a second of compute.
    pub(super) fn assumed(tokens_per_second: f64) -> Self {
        Self { tokens: tokens_per_second * 0.1, seconds: 0.1 }
    }

    pub(super) fn measured(&mut self, n_tokens: usize, elapsed: Duration) {
        let seconds = elapsed.as_secs_f64();
        let decay = 0.5f64.powf(seconds / HALF_LIFE);
        self.tokens = self.tokens * decay + n_tokens as f64;
        self.seconds = self.seconds * decay + seconds;
    }

    /// Never 0 and never infinite.
    pub(super) fn tokens_per_second(&self) -> f64 {
        (self.tokens / self.seconds.max(1e-9)).clamp(1.0, 1e12)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_follows_what_is_measured() {
        let mut rate = Rate::assumed(1e6);
        for _ in 0..100 {
            rate.measured(500, Duration::from_millis(250));
        }
        assert!((rate.tokens_per_second() - 2000.0).abs() < 20.0, "{rate:?}");
    }

    #[test]
    fn short_batches_weigh_little() {
        let mut rate = Rate::assumed(1e3);
        for _ in 0..20 {
            rate.measured(2000, Duration::from_secs(1));
        }
        for _ in 0..10 {
            rate.measured(2, Duration::from_millis(4));
        }
        assert!(rate.tokens_per_second() > 1900.0, "{rate:?}");
    }

    #[test]
    fn a_batch_that_took_no_time_is_no_infinite_rate() {
        let mut rate = Rate::assumed(0.0);
        rate.measured(0, Duration::ZERO);
        assert!(rate.tokens_per_second() >= 1.0);
        rate.measured(usize::MAX, Duration::ZERO);
        assert!(rate.tokens_per_second() <= 1e12);
    }
}
