//! A model's weights as backends hold them, and the operations that use them.

use std::borrow::Cow;
use std::fmt::Debug;

use burn::tensor::ops::FloatTensor;
use splade_kernels::{Activation, AttentionShape, Offsets};

use crate::{Arithmetic, Pooling, SpladeBackend};

/// A matrix of weights from a checkpoint, and how it is to be multiplied.
#[derive(Clone, Debug)]
pub struct Matrix<'a> {
    /// `[rows, columns]`, row-major.
    pub values: Cow<'a, [f32]>,
    /// Rows and columns.
    pub shape: [usize; 2],
    /// The arithmetic of its products: the device supports its precision, and its kernels are
    /// settled ([`SpladeBackend::settle_products`]).
    pub arithmetic: Arithmetic,
}

/// The weights of a layer norm.
pub struct NormWeights<T> {
    /// `[width]`.
    pub gamma: T,
    /// `[width]`.
    pub beta: T,
    /// Added to the variance.
    pub eps: f32,
}

/// What the position of a key relative to its query adds to their score:
/// [`splade_kernels::RelativePositions`] with tensors.
pub enum RelativePositions<'a, T> {
    /// Nothing.
    None,
    /// `[n_heads, 2 * reach + 1]`.
    Bias(T),
    /// Disentangled attention.
    Disentangled {
        /// Keys of the buckets, `[n_buckets, hidden]`.
        key: Option<T>,
        /// Queries of the buckets, `[n_buckets, hidden]`.
        query: Option<T>,
        /// The bucket of each distance query - key, from `1 - positions` to `positions - 1`.
        buckets: &'a [u32],
    },
}

/// A linear layer, as a backend holds it.
pub trait LinearOps<B: SpladeBackend>: Sized + Debug + Send + Sync {
    /// Prepares a layer.
    ///
    /// # Shapes
    /// `weight` `[out, in]`, `bias` `[out]`.
    fn prepare(weight: Matrix<'_>, bias: Option<Vec<f32>>, device: &B::Device) -> Self;

    /// `activation(x · weightᵀ + bias)`.
    ///
    /// # Shapes
    /// `x` `[tokens, in]`; returns `[tokens, out]`.
    fn forward(&self, x: FloatTensor<B>, activation: Activation) -> FloatTensor<B>;

    /// `x · weightᵀ + bias + residual`, or the layer norm of that.
    ///
    /// # Shapes
    /// `x` `[tokens, in]`, `residual` `[tokens, out]`, the weights of `norm` `[out]`; returns
    /// `[tokens, out]`.
    fn forward_added(
        &self,
        x: FloatTensor<B>,
        residual: FloatTensor<B>,
        norm: Option<NormWeights<FloatTensor<B>>>,
    ) -> FloatTensor<B> {
        let y = self.forward(x, Activation::Linear);
        match norm {
            Some(norm) => B::add_layer_norm(y, Some(residual), norm),
            None => B::float_add(y, residual),
        }
    }

    /// The two layers of a feed-forward block: [`forward`](Self::forward), then
    /// [`forward_added`](Self::forward_added) of `down`.
    ///
    /// # Shapes
    /// `x` `[tokens, in]`, `residual` `[tokens, out of down]`; returns the shape of `residual`.
    fn feed_forward(
        &self,
        x: FloatTensor<B>,
        activation: Activation,
        down: &Self,
        residual: FloatTensor<B>,
        norm: Option<NormWeights<FloatTensor<B>>>,
    ) -> FloatTensor<B> {
        down.forward_added(self.forward(x, activation), residual, norm)
    }

    /// [`SpladeBackend::packed_attention`] over the queries, keys and values that this layer
    /// computes from `x`.
    ///
    /// # Shapes
    /// `x` `[tokens, in]`, `offsets` `[texts + 1]`; returns `[tokens, hidden]`.
    fn attention(
        &self,
        x: FloatTensor<B>,
        offsets: Offsets<'_>,
        shape: AttentionShape,
        positions: RelativePositions<'_, FloatTensor<B>>,
    ) -> FloatTensor<B> {
        let qkv = self.forward(x, Activation::Linear);
        B::packed_attention(qkv, offsets, shape, positions)
    }
}

/// A matrix with a row for each id, as a backend holds it.
pub trait TableOps<B: SpladeBackend>: Clone + Debug + Send + Sync {
    /// Prepares a table.
    ///
    /// # Shapes
    /// `weights` `[rows, width]`.
    fn prepare(weights: Matrix<'_>, device: &B::Device) -> Self;

    /// The rows of `ids`, which must be within the table.
    ///
    /// # Shapes
    /// Returns `[ids, width]`, `f32`.
    fn rows(&self, ids: &[u32], device: &B::Device) -> FloatTensor<B>;
}

/// The decoder over the vocabulary, as a backend holds it.
pub trait DecoderOps<B: SpladeBackend>: Debug + Send + Sync {
    /// Prepares a decoder from a table; tied decoders share that of the word embeddings.
    ///
    /// # Shapes
    /// `table` `[vocab, hidden]`, `bias` `[vocab]`.
    fn prepare(table: &B::Table, bias: Vec<f32>, device: &B::Device) -> Self;

    /// Decodes, activates, and pools over each text's tokens. Never holds `[tokens, vocab]`.
    ///
    /// # Shapes
    /// `hidden_states` `[tokens, hidden]`, `offsets` `[texts + 1]`; returns `[texts, vocab]`, all
    /// >= 0. An empty text gives zeros.
    fn pool(
        &self,
        hidden_states: FloatTensor<B>,
        offsets: Offsets<'_>,
        pooling: Pooling,
    ) -> FloatTensor<B>;
}
