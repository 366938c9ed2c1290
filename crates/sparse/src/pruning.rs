//! Which entries of a row are worth keeping.

use std::num::NonZeroUsize;

use crate::{SparseError, SparseRow, SparseRowView};

/// How to shorten rows. The default keeps everything.
///
/// The stages apply in the order of the fields, each to the result of the previous one, and compare
/// magnitudes. Of equal magnitudes, the lower index is kept.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Pruning {
    minimum_weight: Option<f32>,
    max_ratio: Option<f32>,
    mass_share: Option<f32>,
    max_active_dims: Option<NonZeroUsize>,
}

impl Pruning {
    /// First stage: keep weights of at least this magnitude.
    ///
    /// # Errors
    /// [`SparseError::PruningOption`] if it is negative or not finite.
    pub fn with_minimum_weight(mut self, minimum_weight: f32) -> Result<Self, SparseError> {
        if !(minimum_weight.is_finite() && minimum_weight >= 0.0) {
            return Err(SparseError::PruningOption {
                option: "minimum_weight",
                value: minimum_weight,
                expected: "a finite number of at least 0",
            });
        }
        self.minimum_weight = Some(minimum_weight);
        Ok(self)
    }

    /// Second stage: keep weights of at least this ratio of the row's largest.
    ///
    /// # Errors
    /// [`SparseError::PruningOption`] if it is not in 0..=1.
    pub fn with_max_ratio(mut self, max_ratio: f32) -> Result<Self, SparseError> {
        self.max_ratio = Some(check_share("max_ratio", max_ratio)?);
        Ok(self)
    }

    /// Third stage: keep the largest weights until their sum reaches this share of the row's sum of
    /// magnitudes. 1 keeps all, 0 keeps none.
    ///
    /// # Errors
    /// [`SparseError::PruningOption`] if it is not in 0..=1.
    pub fn with_mass_share(mut self, mass_share: f32) -> Result<Self, SparseError> {
        self.mass_share = Some(check_share("mass_share", mass_share)?);
        Ok(self)
    }

    /// Last stage: keep this many of the largest weights.
    #[must_use]
    pub fn with_max_active_dims(mut self, max_active_dims: NonZeroUsize) -> Self {
        self.max_active_dims = Some(max_active_dims);
        self
    }

    /// The smallest magnitude to keep; `None` keeps all.
    #[must_use]
    pub fn minimum_weight(&self) -> Option<f32> {
        self.minimum_weight
    }

    /// The smallest ratio of the row's largest magnitude to keep; `None` keeps all.
    #[must_use]
    pub fn max_ratio(&self) -> Option<f32> {
        self.max_ratio
    }

    /// The share of the row's sum of magnitudes to keep; `None` keeps all.
    #[must_use]
    pub fn mass_share(&self) -> Option<f32> {
        self.mass_share
    }

    /// The number of largest weights to keep; `None` keeps all.
    #[must_use]
    pub fn max_active_dims(&self) -> Option<NonZeroUsize> {
        self.max_active_dims
    }

    /// Applies the stages to one row.
    pub(crate) fn apply(&self, row: SparseRowView<'_>) -> SparseRow {
        let magnitude = |position: usize| f64::from(row.values()[position].abs());
        let mut positions: Vec<usize> = (0..row.nnz()).collect();
        if let Some(minimum_weight) = self.minimum_weight {
            positions.retain(|&position| magnitude(position) >= f64::from(minimum_weight));
        }
        if let Some(max_ratio) = self.max_ratio {
            let largest = positions.iter().map(|&position| magnitude(position)).fold(0.0, f64::max);
            positions.retain(|&position| magnitude(position) >= f64::from(max_ratio) * largest);
        }
        // A share of 1 skips the stage: a rounded sum that absorbs its smallest terms would drop
        // them.
        if let Some(mass_share) = self.mass_share.filter(|&share| share < 1.0) {
            positions.sort_unstable_by(|&a, &b| row.compare_magnitude(a, b));
            let total: f64 = positions.iter().map(|&position| magnitude(position)).sum();
            let wanted = f64::from(mass_share) * total;
            let mut kept = 0.0;
            let end = positions.iter().position(|&position| {
                let reached = kept >= wanted;
                kept += magnitude(position);
                reached
            });
            positions.truncate(end.unwrap_or(positions.len()));
        }
        if let Some(max_active_dims) = self.max_active_dims {
            row.keep_largest(&mut positions, max_active_dims);
        }
        row.select(positions)
    }
}

fn check_share(option: &'static str, value: f32) -> Result<f32, SparseError> {
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(SparseError::PruningOption { option, value, expected: "a number in 0..=1" })
    }
}
