//! A borrowed sparse row, and what can be computed from it.

use std::cmp::Ordering;
use std::num::NonZeroUsize;

use crate::{Pruning, SparseRow};

/// A sparse row borrowed from a [`SparseRow`] or a [`SparseMatrix`](crate::SparseMatrix).
///
/// Products of `f32` are exact in `f64`, and are summed in `f64` by ascending index, so that every
/// score in this crate with the meaning of the same dot product is the same number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparseRowView<'a> {
    dimension: usize,
    indices: &'a [u32],
    values: &'a [f32],
}

impl<'a> SparseRowView<'a> {
    /// Borrows entries whose invariants are known to hold.
    pub(crate) fn from_checked_slices(
        dimension: usize,
        indices: &'a [u32],
        values: &'a [f32],
    ) -> Self {
        Self { dimension, indices, values }
    }

    /// Length of the row when written densely: the size of the vocabulary.
    #[must_use]
    pub fn dimension(self) -> usize {
        self.dimension
    }

    /// Number of stored entries.
    #[must_use]
    pub fn nnz(self) -> usize {
        self.indices.len()
    }

    /// Indices of the stored entries, strictly increasing.
    #[must_use]
    pub fn indices(self) -> &'a [u32] {
        self.indices
    }

    /// Values of the stored entries, in the order of [`indices`](Self::indices).
    #[must_use]
    pub fn values(self) -> &'a [f32] {
        self.values
    }

    /// The stored entries as `(index, value)`, by ascending index.
    pub fn iter(self) -> impl ExactSizeIterator<Item = (u32, f32)> + 'a {
        self.indices.iter().copied().zip(self.values.iter().copied())
    }

    /// The row as an owned row.
    #[must_use]
    pub fn to_row(self) -> SparseRow {
        SparseRow::from_checked_parts(self.dimension, self.indices.to_vec(), self.values.to_vec())
    }

    /// The row in dense form.
    ///
    /// # Shapes
    /// Returns `[dimension]`.
    #[must_use]
    pub fn to_dense(self) -> Vec<f32> {
        let mut dense = vec![0.0; self.dimension];
        for (index, value) in self.iter() {
            dense[index as usize] = value;
        }
        dense
    }

    /// Keeps the `k` entries of largest magnitude, with their signs.
    ///
    /// Of equal magnitudes, the lower index is kept. (The reference leaves this to `torch.topk`.) A
    /// row with fewer than `k` entries is unchanged.
    #[must_use]
    pub fn top_k(self, k: NonZeroUsize) -> SparseRow {
        let mut positions: Vec<usize> = (0..self.nnz()).collect();
        self.keep_largest(&mut positions, k);
        self.select(positions)
    }

    /// Keeps the entries that survive the stages of `pruning`.
    #[must_use]
    pub fn prune(self, pruning: &Pruning) -> SparseRow {
        pruning.apply(self)
    }

    /// The dot product: exact products, summed in `f64` by ascending index, rounded once.
    ///
    /// # Panics
    /// If the dimensions differ.
    #[must_use]
    pub fn dot(self, other: SparseRowView<'_>) -> f32 {
        self.check_same_dimension(other);
        let sum: f64 = self.union(other).map(|(_, a, b)| f64::from(a) * f64::from(b)).sum();
        // -0.0, the sum of no terms, becomes 0.0.
        sum as f32 + 0.0
    }

    /// Sum of squares, in `f64`.
    pub(crate) fn squared_norm(self) -> f64 {
        self.values.iter().map(|&value| f64::from(value) * f64::from(value)).sum()
    }

    /// Sum of magnitudes, in `f64`.
    pub(crate) fn l1_norm(self) -> f64 {
        self.values.iter().map(|&value| f64::from(value.abs())).sum()
    }

    /// `(index, a, b)` for each index stored in either row, by ascending index; a missing entry is
    /// 0.0.
    pub(crate) fn union(self, other: SparseRowView<'_>) -> impl Iterator<Item = (u32, f32, f32)> {
        let (mut i, mut j) = (0, 0);
        std::iter::from_fn(move || {
            let (left, right) = (self.indices.get(i), other.indices.get(j));
            let index = match (left, right) {
                (Some(&left), Some(&right)) => left.min(right),
                (Some(&only), None) | (None, Some(&only)) => only,
                (None, None) => return None,
            };
            let (mut a, mut b) = (0.0, 0.0);
            if left == Some(&index) {
                a = self.values[i];
                i += 1;
            }
            if right == Some(&index) {
                b = other.values[j];
                j += 1;
            }
            Some((index, a, b))
        })
    }

    /// Orders positions by descending magnitude, then by index.
    pub(crate) fn compare_magnitude(self, a: usize, b: usize) -> Ordering {
        self.values[b].abs().total_cmp(&self.values[a].abs()).then(a.cmp(&b))
    }

    /// Reduces `positions` to the `k` of largest magnitude, in no particular order.
    pub(crate) fn keep_largest(self, positions: &mut Vec<usize>, k: NonZeroUsize) {
        if k.get() < positions.len() {
            positions.select_nth_unstable_by(k.get(), |&a, &b| self.compare_magnitude(a, b));
            positions.truncate(k.get());
        }
    }

    /// The row with only the entries at `positions`, which are distinct and in any order.
    pub(crate) fn select(self, mut positions: Vec<usize>) -> SparseRow {
        positions.sort_unstable();
        SparseRow::from_checked_parts(
            self.dimension,
            positions.iter().map(|&position| self.indices[position]).collect(),
            positions.iter().map(|&position| self.values[position]).collect(),
        )
    }

    pub(crate) fn check_same_dimension(self, other: SparseRowView<'_>) {
        assert_eq!(self.dimension, other.dimension, "both rows must have the same dimension");
    }
}

/// The elementwise product of two rows, keeping entries above zero: the terms that two texts share,
/// and how much each contributes to their dot product.
///
/// Products are rounded to `f32`; one that is too large becomes `f32::MAX`, and one that is too
/// small is dropped.
///
/// # Panics
/// If the dimensions differ.
///
/// # Source
/// `SparseEncoder.intersection` of sentence-transformers 6.2.0, `sparse_encoder/model.py`.
#[must_use]
pub fn intersection(a: SparseRowView<'_>, b: SparseRowView<'_>) -> SparseRow {
    a.check_same_dimension(b);
    let (indices, values) = a
        .union(b)
        .map(|(index, a, b)| (index, (a * b).min(f32::MAX)))
        .filter(|&(_, product)| product > 0.0)
        .unzip();
    SparseRow::from_checked_parts(a.dimension(), indices, values)
}
