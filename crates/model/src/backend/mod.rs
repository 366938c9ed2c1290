//! Our backend extension: the operations in which SPLADE inference spends its time.
//!
//! `cfg(feature = ...)` for a backend stands in this folder and in lib.rs alone.

#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod cube;
#[cfg(feature = "flex")]
mod flex;
#[cfg(any(feature = "ndarray", feature = "flex"))]
mod host;
#[cfg(feature = "ndarray")]
mod ndarray;
pub mod stock;

use std::sync::Arc;

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use splade_kernels::{
    Activation, AttentionShape, HeadScreen, LinearShape, PackedLinear, SparseRows,
};

use crate::{ModelError, Pooling, Precision};

/// What the place of a key beside its query adds to their score: the tensors of
/// [`splade_kernels::RelativePositions`].
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

/// The weights of a linear layer.
pub enum LinearWeights<'a, T> {
    /// Tensors.
    Tensors {
        /// `[out, in]`.
        weight: T,
        /// `[out]`.
        bias: Option<T>,
    },
    /// What the backend itself has made of them: [`SpladeBackend::pack_linear`].
    Packed(&'a PackedLinear),
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

/// What the devices of a backend are, which decides how work is handed to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendKind {
    /// The CPU, on tensors in host memory: several passes at once, each on one thread, are faster than
    /// one pass on all threads.
    Host,
    /// A card with memory of its own: one pass fills it, and what comes back is worth gathering there.
    Gpu,
}

/// What the threads that compute for a device are named by, so that a panic on one of them can be laid to
/// its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceThreads {
    /// The kind of device, as the backend counts them.
    pub kind: u16,
    /// The device's number among those of its kind.
    pub number: u16,
}

/// A burn backend that SPLADE models run on.
///
/// Each operation has a body of stock burn operations (its namesake in [`stock`], or other operations of
/// this trait); a backend overrides those that it does faster. Tensors mean rows of `f32`; a backend may
/// keep weights and states between operations in a type of its own ([`hold`](Self::hold)).
pub trait SpladeBackend: Backend {
    /// What its devices are.
    const KIND: BackendKind;

    /// Whether the matrix products of `device` run in `precision`.
    fn has_precision(precision: Precision, _device: &Self::Device) -> bool {
        precision == Precision::F32
    }

    /// The threads that compute for `device`; `None` where those do that call.
    fn device_threads(_device: &Self::Device) -> Option<DeviceThreads> {
        None
    }

    /// A matrix of weights in the form that products of `precision` need, where weights are held as tensors.
    /// Where that is another type than `f32`, only the backend's own operations read it, and lookups of rows.
    fn hold(weight: FloatTensor<Self>, _precision: Precision) -> FloatTensor<Self> {
        weight
    }

    /// The weights of a linear layer, or of a table and decoder, packed at load, for a backend that holds
    /// them in a form of its own; `None` holds them as tensors.
    ///
    /// # Shapes
    /// `weight` `[out, in]`, `bias` `[out]`.
    fn pack_linear(
        _weight: &[f32],
        _bias: Option<&[f32]>,
        _shape: LinearShape,
        _precision: Precision,
    ) -> Option<Arc<PackedLinear>> {
        None
    }

    /// `activation(x · weightᵀ + bias)`.
    ///
    /// # Shapes
    /// `x` `[tokens, in]`; returns `[tokens, out]`.
    fn fused_linear(
        x: FloatTensor<Self>,
        weights: LinearWeights<'_, FloatTensor<Self>>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        stock::fused_linear::<Self>(x, weights, activation)
    }

    /// `x · weightᵀ + bias + residual`, or the layer norm of that.
    ///
    /// # Shapes
    /// `x` `[tokens, in]`, `residual` `[tokens, out]`, those of `norm` `[out]`; returns `[tokens, out]`.
    fn linear_add(
        x: FloatTensor<Self>,
        weights: LinearWeights<'_, FloatTensor<Self>>,
        residual: FloatTensor<Self>,
        norm: Option<NormWeights<FloatTensor<Self>>>,
    ) -> FloatTensor<Self> {
        let y = Self::fused_linear(x, weights, Activation::Linear);
        match norm {
            Some(norm) => Self::add_layer_norm(y, Some(residual), norm),
            None => Self::float_add(y, residual),
        }
    }

    /// `linear_add` of `fused_linear`: the two layers of a feed-forward block.
    ///
    /// # Shapes
    /// `x` `[tokens, in]`, `residual` `[tokens, out]`; returns `[tokens, out]`.
    fn feed_forward(
        x: FloatTensor<Self>,
        up: LinearWeights<'_, FloatTensor<Self>>,
        activation: Activation,
        down: LinearWeights<'_, FloatTensor<Self>>,
        residual: FloatTensor<Self>,
        norm: Option<NormWeights<FloatTensor<Self>>>,
    ) -> FloatTensor<Self> {
        let wide = Self::fused_linear(x, up, activation);
        Self::linear_add(wide, down, residual, norm)
    }

    /// softmax(scale · Q Kᵀ + positions) V for each head, each token seeing the tokens of its own
    /// text, or those of them that are in its window.
    ///
    /// # Shapes
    /// `qkv` `[tokens, 3 * hidden]`, `offsets` `[texts + 1]`; returns `[tokens, hidden]`.
    fn packed_attention(
        qkv: FloatTensor<Self>,
        offsets: &[u32],
        shape: AttentionShape,
        positions: RelativePositions<'_, FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        stock::packed_attention::<Self>(qkv, offsets, shape, positions)
    }

    /// `packed_attention` of `fused_linear`: the layer makes queries, keys and values.
    ///
    /// # Shapes
    /// `x` `[tokens, in]`, `offsets` `[texts + 1]`; returns `[tokens, hidden]`.
    fn projected_attention(
        x: FloatTensor<Self>,
        qkv: LinearWeights<'_, FloatTensor<Self>>,
        offsets: &[u32],
        shape: AttentionShape,
        positions: RelativePositions<'_, FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        let qkv = Self::fused_linear(x, qkv, Activation::Linear);
        Self::packed_attention(qkv, offsets, shape, positions)
    }

    /// Rotary position embedding: with the halves (a, b) of each head of query and key, by the
    /// token's place in its text, a' = a cos - b sin and b' = b cos + a sin.
    ///
    /// # Shapes
    /// `qkv` `[tokens, 3 * hidden]`, `offsets` `[texts + 1]`; `table` `[positions, head_dim]`: the
    /// cosines of a place, then its sines; returns `[tokens, 3 * hidden]`.
    fn rotate(
        qkv: FloatTensor<Self>,
        offsets: &[u32],
        table: FloatTensor<Self>,
        shape: AttentionShape,
    ) -> FloatTensor<Self> {
        stock::rotate::<Self>(qkv, offsets, table, shape)
    }

    /// `activation(a) * b` for the halves (a, b) of each row.
    ///
    /// # Shapes
    /// `x` `[tokens, 2 * width]`; returns `[tokens, width]`.
    fn gate(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        stock::gate::<Self>(x, activation)
    }

    /// Layer norm of `x`, or of `x + residual`, over the last dimension.
    ///
    /// # Shapes
    /// `x` and `residual` `[tokens, hidden]`, those of `norm` `[hidden]`; returns `[tokens, hidden]`.
    fn add_layer_norm(
        x: FloatTensor<Self>,
        residual: Option<FloatTensor<Self>>,
        norm: NormWeights<FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        stock::add_layer_norm::<Self>(x, residual, norm)
    }

    /// What this backend makes of a decoder at load, to rule out words fast in
    /// [`head_pool`](Self::head_pool). Changes its speed and no result. Here: nothing.
    ///
    /// # Shapes
    /// `decoder` `[vocab, hidden]`, `bias` `[vocab]`.
    fn screen_head(
        _decoder: LinearWeights<'_, FloatTensor<Self>>,
        _bias: FloatTensor<Self>,
    ) -> Option<Arc<HeadScreen>> {
        None
    }

    /// The decoder over the vocabulary with its activation, pooled over each text's tokens.
    /// Never holds `[tokens, vocab]`.
    ///
    /// # Shapes
    /// `hidden_states` `[tokens, hidden]`, `decoder` `[vocab, hidden]`, `bias` `[vocab]`, `offsets`
    /// `[texts + 1]`; returns `[texts, vocab]`, all >= 0, zeros for a text without tokens.
    fn head_pool(
        hidden_states: FloatTensor<Self>,
        decoder: LinearWeights<'_, FloatTensor<Self>>,
        bias: FloatTensor<Self>,
        offsets: &[u32],
        pooling: Pooling,
        _screen: Option<&HeadScreen>,
    ) -> FloatTensor<Self> {
        let LinearWeights::Tensors { weight, .. } = decoder else {
            unreachable!("a backend that packs weights has a head of its own for them");
        };
        stock::head_pool::<Self>(hidden_states, weight, bias, offsets, pooling)
    }

    /// The entries of `rows` that are not zero, in host memory, for a backend that gathers them on its
    /// device; `None` where it does not, or where a row has more than `capacity`. With `keep`, the largest so
    /// many of each row, of equal ones those of lower columns; rows are >= 0 or NaN then.
    ///
    /// # Shapes
    /// `rows` `[rows, columns]`.
    ///
    /// # Errors
    /// The device failed.
    fn gather_non_zeros(
        _rows: FloatTensor<Self>,
        _capacity: usize,
        _keep: Option<usize>,
    ) -> Result<Option<SparseRows>, ModelError> {
        Ok(None)
    }
}
