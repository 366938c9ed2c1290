//! When requests arrive in an open loop: a Poisson process.

use std::time::Duration;

/// The times of arrival within `duration`, ascending: the gaps between them are exponential with
/// mean `1 / rate`.
pub(crate) fn poisson(rate: f64, duration: Duration, seed: u64) -> Vec<Duration> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut at = 0.0;
    let mut times = Vec::new();
    loop {
        // 1 - f64() is above 0, so the logarithm is finite.
        at -= (1.0 - random.f64()).ln() / rate;
        // A rate of 0 may give 0 / 0.
        if at.is_nan() || at >= duration.as_secs_f64() {
            return times;
        }
        times.push(Duration::from_secs_f64(at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DURATION: Duration = Duration::from_secs(200);

    #[test]
    fn arrivals_have_the_rate_asked_for_and_depend_on_the_seed_only() {
        let times = poisson(50.0, DURATION, 1);
        // Five deviations of a Poisson number with mean 10,000.
        assert!((9500..=10_500).contains(&times.len()), "{}", times.len());
        assert!(times.is_sorted());
        assert_eq!(times, poisson(50.0, DURATION, 1));
        assert_ne!(times, poisson(50.0, DURATION, 2));
    }

    #[test]
    fn gaps_are_exponential() {
        let times = poisson(50.0, DURATION, 3);
        let gaps = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64());
        let longer = gaps.filter(|gap| *gap > 1.0 / 50.0).count() as f64;
        let share = longer / (times.len() - 1) as f64;
        // exp(-1) of the gaps are longer than the mean.
        assert!((share - 0.368).abs() < 0.03, "{share}");
    }

    #[test]
    fn no_rate_is_no_arrival() {
        assert_eq!(poisson(0.0, DURATION, 1).len(), 0);
        assert_eq!(poisson(10.0, Duration::ZERO, 1).len(), 0);
    }
}
