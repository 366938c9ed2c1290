//! A sparse row that owns its entries.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};
use sprs::CsVecI;

use crate::check::{check_dimension, check_lengths, check_row};
use crate::gather::gather_nonzeros;
use crate::serial::RowParts;
use crate::{Pruning, SparseError, SparseRowView};

/// A sparse vector: the embedding of one text.
///
/// Indices strictly increase and are below the dimension; stored values are finite and not zero.
/// Serialised as `{dimension, indices, values}`, and checked again when deserialised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RowParts", into = "RowParts")]
pub struct SparseRow(CsVecI<f32, u32>);

impl SparseRow {
    /// Takes ownership of indices and values.
    ///
    /// # Errors
    /// A variant of [`SparseError`] for each invariant, with the offending position.
    pub fn from_parts(
        dimension: usize,
        indices: Vec<u32>,
        values: Vec<f32>,
    ) -> Result<Self, SparseError> {
        check_dimension(dimension)?;
        check_lengths(&indices, &values)?;
        check_row(0, dimension, &indices, &values)?;
        Ok(Self::from_checked_parts(dimension, indices, values))
    }

    /// The non-zeros of a dense row; zeros of either sign are dropped.
    ///
    /// # Errors
    /// [`SparseError::NonFiniteValue`] with the index of a NaN or infinity;
    /// [`SparseError::DimensionTooLarge`].
    pub fn from_dense(dense: &[f32]) -> Result<Self, SparseError> {
        check_dimension(dense.len())?;
        let (mut indices, mut values) = (Vec::new(), Vec::new());
        gather_nonzeros(0, dense, &mut indices, &mut values)?;
        Ok(Self::from_checked_parts(dense.len(), indices, values))
    }

    /// Wraps entries whose invariants are known to hold.
    pub(crate) fn from_checked_parts(
        dimension: usize,
        indices: Vec<u32>,
        values: Vec<f32>,
    ) -> Self {
        debug_assert!(check_row(0, dimension, &indices, &values).is_ok());
        Self(CsVecI::new(dimension, indices, values))
    }

    /// The row, borrowed. Everything that can be computed from a row is a method of the view.
    #[must_use]
    pub fn view(&self) -> SparseRowView<'_> {
        SparseRowView::from_checked_slices(self.0.dim(), self.0.indices(), self.0.data())
    }

    /// Length of the row when written densely: the size of the vocabulary.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.0.dim()
    }

    /// Number of stored entries.
    #[must_use]
    pub fn nnz(&self) -> usize {
        self.0.nnz()
    }

    /// Indices of the stored entries, strictly increasing.
    #[must_use]
    pub fn indices(&self) -> &[u32] {
        self.0.indices()
    }

    /// Values of the stored entries, in the order of [`indices`](Self::indices).
    #[must_use]
    pub fn values(&self) -> &[f32] {
        self.0.data()
    }

    /// The stored entries as `(index, value)`, by ascending index.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, f32)> {
        self.view().iter()
    }

    /// The row in dense form.
    ///
    /// # Shapes
    /// Returns `[dimension]`.
    #[must_use]
    pub fn to_dense(&self) -> Vec<f32> {
        self.view().to_dense()
    }

    /// The `k` entries of largest magnitude; see [`SparseRowView::top_k`].
    #[must_use]
    pub fn top_k(&self, k: NonZeroUsize) -> Self {
        self.view().top_k(k)
    }

    /// The entries that survive `pruning`; see [`SparseRowView::prune`].
    #[must_use]
    pub fn prune(&self, pruning: &Pruning) -> Self {
        self.view().prune(pruning)
    }

    /// The dot product; see [`SparseRowView::dot`].
    ///
    /// # Panics
    /// If the dimensions differ.
    #[must_use]
    pub fn dot(&self, other: &Self) -> f32 {
        self.view().dot(other.view())
    }

    /// Indices and values.
    #[must_use]
    pub fn into_parts(self) -> (Vec<u32>, Vec<f32>) {
        self.0.into_raw_storage()
    }

    /// The `sprs` vector inside.
    #[must_use]
    pub fn as_sprs(&self) -> &CsVecI<f32, u32> {
        &self.0
    }

    /// The `sprs` vector inside.
    #[must_use]
    pub fn into_sprs(self) -> CsVecI<f32, u32> {
        self.0
    }
}

impl TryFrom<CsVecI<f32, u32>> for SparseRow {
    type Error = SparseError;

    fn try_from(vector: CsVecI<f32, u32>) -> Result<Self, SparseError> {
        let dimension = vector.dim();
        let (indices, values) = vector.into_raw_storage();
        Self::from_parts(dimension, indices, values)
    }
}

impl<'a> From<&'a SparseRow> for SparseRowView<'a> {
    fn from(row: &'a SparseRow) -> Self {
        row.view()
    }
}
