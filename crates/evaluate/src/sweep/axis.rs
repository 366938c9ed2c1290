//! Positions of values on an axis, and the round values that get a tick.

/// An axis of a chart, linear or logarithmic.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    scale: Scale,
    pub(super) ticks: Vec<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Scale {
    Linear,
    Logarithmic,
}

/// Padding between the outermost values and the ends of the axis, as a share of their distance.
const ROOM: f64 = 0.1;
/// Sizes that differ by at least this factor get a logarithmic axis: settings usually double.
const FAR_APART: f64 = 6.0;
const N_TICKS: f64 = 6.0;

impl Axis {
    /// An axis for finite values, at least one.
    pub(super) fn linear(values: &[f64]) -> Self {
        let (least, most) = bounds(values);
        // A single value gets a padding of about a tenth of itself.
        let span = if most > least { most - least } else { (most.abs() * 0.2).max(0.01) };
        let (low, high) = (least - ROOM * span, most + ROOM * span);
        let (low, high) = if most > least { (low, high) } else { (least - span, most + span) };
        // Nothing measured here is negative, so the axis should not go below zero.
        let low = if least >= 0.0 { low.max(0.0) } else { low };
        let step = round_step((high - low) / N_TICKS);
        let first = (low / step).ceil();
        let n_ticks = ((high / step).floor() - first).max(0.0);
        let ticks = (0..=n_ticks as usize).map(|i| (first + i as f64) * step).collect();
        Self { low, high, scale: Scale::Linear, ticks }
    }

    /// Logarithmic if all values are positive and far apart, else linear.
    pub(super) fn of_sizes(values: &[f64]) -> Self {
        let (least, most) = bounds(values);
        if least <= 0.0 || most / least < FAR_APART {
            return Self::linear(values);
        }
        let room = (most / least).powf(ROOM);
        let (low, high) = (least / room, most * room);
        // Powers of two for ratios up to a few hundred, else of ten.
        let base: f64 = if high / low < 600.0 { 2.0 } else { 10.0 };
        let first = low.log(base).ceil() as i32;
        let last = high.log(base).floor() as i32;
        let ticks = (first..=last).map(|power| base.powi(power)).collect();
        Self { low, high, scale: Scale::Logarithmic, ticks }
    }

    /// 0 at the low end of the axis, 1 at the high end.
    pub(super) fn position(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value / self.low).ln() / (self.high / self.low).ln(),
        }
    }

    /// The ticks as text, with just enough decimals to distinguish neighbours.
    pub(super) fn tick_labels(&self) -> Vec<String> {
        let gap = self.ticks.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        let gap = if gap.is_finite() { gap } else { self.ticks.first().copied().unwrap_or(1.0) };
        let digits = (0..9).find(|digits| is_whole(gap * 10_f64.powi(*digits))).unwrap_or(9);
        self.ticks.iter().map(|tick| short(*tick, digits as usize)).collect()
    }
}

fn is_whole(value: f64) -> bool {
    value.abs() >= 0.5 && (value - value.round()).abs() < 1e-6 * value.abs()
}

/// Large numbers in units of thousands and more.
fn short(value: f64, digits: usize) -> String {
    let units = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    match units.into_iter().find(|(size, _)| value.abs() >= 10.0 * size) {
        Some((size, unit)) => format!("{}{unit}", (value / size * 10.0).round() / 10.0),
        None => format!("{value:.digits$}"),
    }
}

fn bounds(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    (least, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

/// The smallest of 1, 2 and 5 times a power of ten that is at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0]
        .map(|digit| digit * power)
        .into_iter()
        .find(|round| *round >= step * 0.999_999)
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_on_the_axis() {
        let axis = Axis::linear(&[0.312, 0.451]);
        assert_eq!(axis.tick_labels(), ["0.30", "0.35", "0.40", "0.45"]);
        assert!(axis.ticks.iter().all(|tick| (0.0..=1.0).contains(&axis.position(*tick))));
    }

    #[test]
    fn sizes_that_double_have_even_steps() {
        let axis = Axis::of_sizes(&[16.0, 64.0, 256.0]);
        assert_eq!(axis.tick_labels(), ["16", "32", "64", "128", "256"]);
        let step = axis.position(64.0) - axis.position(16.0);
        assert!((axis.position(256.0) - axis.position(64.0) - step).abs() < 1e-12);
    }

    #[test]
    fn one_value_stands_in_the_middle() {
        for value in [0.0, 0.4, 1e-9, 200.0, 5e9] {
            for axis in [Axis::linear(&[value]), Axis::of_sizes(&[value, value])] {
                assert!(!axis.ticks.is_empty(), "{axis:?}");
                assert!((0.0..=0.6).contains(&axis.position(value)), "{axis:?}");
            }
        }
    }

    #[test]
    fn large_ticks_are_short() {
        assert_eq!(short(20_000.0, 0), "20k");
        assert_eq!(short(1.5e9, 0), "1500M");
        assert_eq!(short(9_000.0, 0), "9000");
    }
}
