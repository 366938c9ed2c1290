//! The results of one engine in one cell of the matrix: a row of the report.

use serde::Deserialize;

use super::cell::Cell;
use super::worker::Ready;

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) cell: Cell,
    /// Texts per forward pass: the cell's for us, its own for a rival.
    pub(super) batch: usize,
    pub(super) ready: Ready,
    pub(super) seconds: Vec<f64>,
    pub(super) peak_mb: f64,
    pub(super) query_ms: Option<f64>,
    pub(super) rival: Option<Rivalry>,
}

/// A comparison of a rival with us.
#[derive(Debug, Clone)]
pub(super) struct Rivalry {
    /// Its texts per second divided by ours, over alternating rounds.
    pub(super) ratio: f64,
    pub(super) agreement: Option<Agreement>,
}

/// How much the vectors of two engines differ.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Agreement {
    pub(super) max_abs: f64,
    pub(super) mean_cosine: f64,
}

impl Row {
    pub(super) fn is_ours(&self) -> bool {
        self.rival.is_none()
    }

    pub(super) fn texts_per_s(&self) -> f64 {
        self.ready.n_texts as f64 / median(&self.seconds)
    }

    /// The slowest and the fastest round.
    pub(super) fn texts_per_s_spread(&self) -> (f64, f64) {
        let slowest = self.seconds.iter().copied().fold(f64::MIN, f64::max);
        let fastest = self.seconds.iter().copied().fold(f64::MAX, f64::min);
        (self.ready.n_texts as f64 / slowest, self.ready.n_texts as f64 / fastest)
    }

    pub(super) fn tokens_per_s(&self) -> f64 {
        self.ready.n_tokens as f64 / median(&self.seconds)
    }

    pub(super) fn agreement(&self) -> Option<Agreement> {
        self.rival.as_ref().and_then(|rival| rival.agreement)
    }

    pub(super) fn ratio(&self) -> Option<f64> {
        self.rival.as_ref().map(|rival| rival.ratio)
    }

    /// `torch 2.15, transformers 5.24`
    pub(super) fn versions(&self) -> String {
        let versions: Vec<String> =
            self.ready.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        versions.join(", ")
    }
}

/// The middle value, or the mean of the two middle values.
///
/// # Panics
/// If there are no values.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    (values[(n - 1) / 2] + values[n / 2]) / 2.0
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn row(engine: &str, seconds: &[f64], rival: Option<Rivalry>) -> Row {
        Row {
            cell: super::super::cell::tests::cell("bert-base"),
            batch: 0,
            ready: Ready {
                engine: engine.into(),
                versions: [("torch".to_owned(), "2.15, cpu".to_owned())].into(),
                n_texts: 100,
                n_tokens: 2000,
                load_s: 0.25,
                first_vector_s: 0.5,
            },
            seconds: seconds.to_vec(),
            peak_mb: 120.0,
            query_ms: Some(1.25),
            rival,
        }
    }

    #[test]
    fn an_even_number_of_values_has_its_median_between_two() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn rates_are_those_of_the_median_round() {
        let row = row("splade-cpu-f32", &[2.0, 1.0, 4.0], None);
        assert_eq!((row.texts_per_s(), row.tokens_per_s()), (50.0, 1000.0));
        assert_eq!(row.texts_per_s_spread(), (25.0, 100.0));
    }
}
