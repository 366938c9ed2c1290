//! A matrix whose rows are looked up and which a head multiplies: the vocabulary's embeddings.

use std::borrow::Cow;

use crate::output::entries;
use crate::{Arithmetic, Isa, LinearShape, PackedLinear, Precision};

/// One row per id, held in a precision.
#[derive(Debug)]
pub struct Table {
    rows: usize,
    width: usize,
    weights: TableWeights,
    isa: Isa,
}

/// The numbers of a table.
#[derive(Debug)]
pub(crate) enum TableWeights {
    /// `f32`, row by row.
    Plain(Vec<f32>),
    /// Rounded, as a packed layer: a row of the table is a column of the layer.
    Packed(PackedLinear),
}

impl Table {
    /// Holds a matrix in a precision, for the instructions that may be used: `f32` row by row,
    /// other precisions as packed layers. `arithmetic` is as in [`PackedLinear::new`].
    ///
    /// # Shapes
    /// `weights` `[rows, width]`.
    ///
    /// # Panics
    /// If the length does not match, or is 0.
    #[must_use]
    pub fn new(
        weights: Cow<'_, [f32]>,
        [rows, width]: [usize; 2],
        arithmetic: impl Into<Arithmetic>,
    ) -> Self {
        let arithmetic = arithmetic.into();
        assert!(rows > 0 && width > 0, "a table of size 0");
        assert_eq!(weights.len(), entries(rows, width), "weights are not [rows, width]");
        let weights = match arithmetic.precision {
            Precision::F32 => TableWeights::Plain(weights.into_owned()),
            Precision::Bf16 | Precision::Int8 => {
                let shape = LinearShape { in_features: width, out_features: rows };
                TableWeights::Packed(PackedLinear::new(&weights, None, shape, arithmetic))
            }
        };
        Self { rows, width, weights, isa: arithmetic.isa }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.rows
    }

    /// Numbers per row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The rows of `ids`, as rounded: `[ids, width]`.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn rows(&self, ids: &[u32]) -> Vec<f32> {
        let mut rows = Vec::with_capacity(entries(ids.len(), self.width));
        ids.iter().for_each(|&id| self.push_row(id as usize, &mut rows));
        rows
    }

    /// Appends a row.
    pub(crate) fn push_row(&self, row: usize, out: &mut Vec<f32>) {
        match &self.weights {
            TableWeights::Plain(weights) => {
                out.extend_from_slice(&weights[row * self.width..][..self.width]);
            }
            TableWeights::Packed(layer) => {
                out.resize(out.len() + self.width, 0.0);
                let start = out.len() - self.width;
                layer.column(row, &mut out[start..]);
            }
        }
    }

    /// The best instructions that products with it may use.
    pub(crate) fn isa(&self) -> Isa {
        self.isa
    }

    pub(crate) fn weights(&self) -> &TableWeights {
        &self.weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn rows_are_those_of_the_matrix_as_rounded() {
        let matrix = samples::noise(7 * 5, 1);
        for precision in Precision::ALL {
            let table = Table::new(Cow::Borrowed(&matrix), [7, 5], precision);
            let error = match precision {
                Precision::F32 => 0.0,
                Precision::Bf16 | Precision::Int8 => 0.01,
            };
            let rows = table.rows(&[6, 0, 6]);
            let expected = [&matrix[30..], &matrix[..5], &matrix[30..]].concat();
            assert_eq!(rows.len(), expected.len());
            assert!(rows.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= error), "{precision}");
        }
    }
}
