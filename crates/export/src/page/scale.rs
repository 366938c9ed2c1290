//! The colour scale, which maps weights to shades.

/// Number of steps per sign. The style sheet has a colour for each, `--p1` to `--p7` and `--n1` to
/// `--n7`.
pub(crate) const N_STEPS: usize = 7;

/// Steps of equal width, from 0 to the largest magnitude among the texts that share a legend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    max: f64,
    has_negative: bool,
}

impl Scale {
    /// The scale of these weights.
    pub(crate) fn new(weights: impl Iterator<Item = f32>) -> Self {
        let start = Self { max: 0.0, has_negative: false };
        weights.map(f64::from).fold(start, |scale, weight| Self {
            max: scale.max.max(weight.abs()),
            has_negative: scale.has_negative || weight < 0.0,
        })
    }

    /// The largest magnitude; 0 without weights.
    pub(crate) fn max(self) -> f64 {
        self.max
    }

    /// Whether any weight is negative.
    pub(crate) fn has_negative(self) -> bool {
        self.has_negative
    }

    /// The step of a weight, from 1, as a class in the style sheet: `p3`, `n7`.
    pub(crate) fn class(self, weight: f32) -> String {
        let sign = if weight < 0.0 { 'n' } else { 'p' };
        let step = (f64::from(weight).abs() / self.max * N_STEPS as f64).ceil();
        // For the largest weight, the division may round to beyond the last step.
        format!("{sign}{}", step.clamp(1.0, N_STEPS as f64))
    }

    /// The largest magnitude in a step, from 1.
    pub(crate) fn upper(self, step: usize) -> f64 {
        self.max * step as f64 / N_STEPS as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: &str = include_str!("style.css");

    #[test]
    fn steps_are_of_equal_width() {
        let scale = Scale::new([0.5, 7.0, -3.5].into_iter());
        let classes = [0.001, 1.0, 1.01, 6.99, 7.0, -7.0].map(|weight| scale.class(weight));
        assert_eq!(classes, ["p1", "p1", "p2", "p7", "p7", "n7"]);
        assert!(scale.has_negative());
    }

    /// Relative luminance of a colour `#rrggbb`.
    ///
    /// # Source
    /// Web Content Accessibility Guidelines 2.2, "relative luminance".
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = u8::from_str_radix(&colour[at..at + 2], 16).unwrap();
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// The values of a variable in the style sheet, for the light and the dark scheme.
    fn colours(variable: &str) -> Vec<&'static str> {
        let start = format!("{variable}:");
        STYLE.match_indices(&start).map(|(at, _)| STYLE[at + start.len()..][..8].trim()).collect()
    }

    #[test]
    fn every_shade_leaves_its_text_legible() {
        let ink = colours("--ink");
        let shades =
            ["p", "n"].map(|sign| (1..=N_STEPS).map(move |step| format!("--{sign}{step}")));
        for variable in shades.into_iter().flatten().chain(["--paper".into()]) {
            let found = colours(&variable);
            assert_eq!(found.len(), 2, "{variable} in light and dark");
            for (ink, shade) in ink.iter().zip(found) {
                let ratio = contrast(ink, shade);
                assert!(ratio >= 4.5, "{ink} on {variable} {shade}: {ratio:.2}");
            }
        }
    }

    #[test]
    fn shades_grow_away_from_the_paper() {
        for sign in ["p", "n"] {
            for scheme in 0..2 {
                let paper = colours("--paper")[scheme];
                let steps: Vec<f64> = (1..=N_STEPS)
                    .map(|step| contrast(colours(&format!("--{sign}{step}"))[scheme], paper))
                    .collect();
                assert!(steps.is_sorted_by(|a, b| a < b), "{sign} {scheme}: {steps:.2?}");
            }
        }
    }

    #[test]
    fn small_print_is_legible() {
        for (muted, paper) in colours("--muted").iter().zip(colours("--paper")) {
            assert!(contrast(muted, paper) >= 4.5, "{muted} on {paper}");
        }
    }
}
