//! The epilogue of a product, applied while its rows are in cache.

use crate::layer_norm::{add_norm_rows, add_rows};
use crate::{Activation, SimdLevel};

/// The epilogue of a product.
#[derive(Clone, Copy, Debug)]
pub enum Finish<'a> {
    /// `activation(y)`.
    Activate(Activation),
    /// `y + residual`, of the shape of `y`.
    Add(&'a [f32]),
    /// `layer_norm(y + residual)`: see [`layer_norm`](crate::layer_norm).
    AddNorm {
        /// Of the shape of `y`.
        residual: &'a [f32],
        /// `[out_features]`.
        gamma: &'a [f32],
        /// `[out_features]`.
        beta: &'a [f32],
        /// Added to the variance.
        eps: f32,
    },
}

impl Finish<'_> {
    pub(crate) fn activation(&self) -> Activation {
        match self {
            Self::Activate(activation) => *activation,
            Self::Add(_) | Self::AddNorm { .. } => Activation::Linear,
        }
    }

    pub(crate) fn check(&self, rows: usize, width: usize) {
        match self {
            Self::Activate(_) => {}
            Self::Add(residual) => {
                assert_eq!(residual.len(), rows * width, "residual does not have the shape of y")
            }
            Self::AddNorm { residual, gamma, beta, .. } => {
                assert_eq!(residual.len(), rows * width, "residual does not have the shape of y");
                assert_eq!((gamma.len(), beta.len()), (width, width), "gamma or beta is not [out]");
            }
        }
    }

    /// Applies the part that needs a whole row `y`.
    pub(crate) fn row(&self, level: SimdLevel, row: usize, y: &mut [f32]) {
        let own = row * y.len()..(row + 1) * y.len();
        match self {
            Self::Activate(_) => {}
            Self::Add(residual) => add_rows(level, y, &residual[own]),
            Self::AddNorm { residual, gamma, beta, eps } => {
                add_norm_rows(level, y, &residual[own], gamma, beta, *eps);
            }
        }
    }
}
