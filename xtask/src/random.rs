//! Reproducible pseudo-random numbers: SplitMix64 (Steele, Lea, Flood 2014).

/// A stream of numbers determined by its seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A separate stream for each name.
    pub(crate) fn named(seed: u64, name: &str) -> Self {
        let start = Self(seed).next_u64();
        // FNV-1a.
        Self(
            name.bytes().fold(start, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            }),
        )
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 (inclusive) to 1 (exclusive).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number below `n`, which must not be 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }

    /// A number from N(0, 1), truncated at two deviations.
    pub(crate) fn truncated_normal(&mut self) -> f64 {
        loop {
            // Box-Muller.
            let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
            let number = radius * (std::f64::consts::TAU * self.unit()).cos();
            if number.abs() <= 2.0 {
                return number;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_the_numbers_and_each_name_has_its_own() {
        // The first number of seed 0 in the reference implementation.
        assert_eq!(Random::new(0).next_u64(), 0xe220_a839_7b1d_cdaf);
        let first = |name| Random::named(1, name).next_u64();
        assert_eq!(first("a"), first("a"));
        assert_ne!(first("a"), first("b"));
    }

    #[test]
    fn normal_numbers_have_no_tail() {
        let mut random = Random::new(7);
        let numbers: Vec<f64> = (0..20_000).map(|_| random.truncated_normal()).collect();
        assert!(numbers.iter().all(|number| number.abs() <= 2.0));
        let mean = numbers.iter().sum::<f64>() / 20_000.0;
        let variance = numbers.iter().map(|number| number * number).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03, "{mean}");
        // The variance of the normal distribution truncated at two deviations is 0.774.
        assert!((variance - 0.774).abs() < 0.03, "{variance}");
    }
}
