//! Scales rows to length 1.

use std::path::Path;

use serde::Deserialize;

use super::{check_feature_names, read_config};
use crate::ModelError;

/// Minimum of the divisor: the default of `torch.nn.functional.normalize`.
const EPS: f64 = 1e-12;

/// Each row divided by its Euclidean length: x / max(|x|, 1e-12). Zeros stay zeros.
///
/// # Source
/// `Normalize` of sentence-transformers 6.2.0, `base/modules/normalize.py`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Normalize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    module_input_name: Option<String>,
    module_output_name: Option<String>,
}

impl Normalize {
    /// Reads `config.json` of a module's folder. Older checkpoints have neither.
    ///
    /// # Errors
    /// A configuration that cannot be read, or that names a feature other than
    /// `sentence_embedding`.
    pub fn load(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join("config.json");
        if path.exists() {
            let config: Config = read_config(&path, "Normalize")?;
            check_feature_names(&path, config.module_input_name, config.module_output_name)?;
        }
        Ok(Self)
    }

    /// Normalises the rows in place.
    ///
    /// # Shapes
    /// `x` `[texts, width]`.
    ///
    /// # Panics
    /// If `width` is 0, or if `x` is not whole rows.
    pub fn forward(&self, x: &mut [f32], width: usize) {
        assert!(width > 0 && x.len().is_multiple_of(width), "x is not whole rows");
        for row in x.chunks_exact_mut(width) {
            let length = row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
            let divisor = length.max(EPS);
            row.iter_mut().for_each(|v| *v = (f64::from(*v) / divisor) as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples;

    proptest! {
        #[test]
        fn rows_have_length_1_and_keep_their_direction(
            texts in 0usize..5, width in 1usize..=67, scale in 1e-9f32..1e9, seed in any::<u64>(),
        ) {
            let mut x = samples::noise(texts * width, seed);
            x.iter_mut().for_each(|v| *v *= scale);
            let before = x.clone();
            Normalize.forward(&mut x, width);
            for (row, before) in x.chunks_exact(width).zip(before.chunks_exact(width)) {
                let length = before.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
                for (&found, &v) in row.iter().zip(before) {
                    prop_assert!((f64::from(found) - f64::from(v) / length).abs() < 1e-7);
                }
            }
        }
    }

    #[test]
    fn a_row_of_zeros_stays_so() {
        let mut x = [0.0, 0.0, 3.0, 4.0];
        Normalize.forward(&mut x, 2);
        assert_eq!(x, [0.0, 0.0, 0.6, 0.8]);
    }

    #[test]
    fn a_row_shorter_than_eps_is_divided_by_eps() {
        let mut x = [3e-13];
        Normalize.forward(&mut x, 1);
        assert!((x[0] - 0.3).abs() < 1e-6, "{x:?}");
    }

    #[test]
    fn a_module_without_a_folder_is_the_default() {
        assert_eq!(Normalize::load(Path::new("no/such/2_Normalize")).unwrap(), Normalize);
    }
}
