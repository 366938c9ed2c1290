//! Our backend extension: the operations in which SPLADE inference spends its time.
//!
//! A backend makes of a model's weights what its own operations read, once, at load: the associated types
//! of [`SpladeBackend`]. `cfg(feature = ...)` for a backend stands in this folder and in lib.rs alone.

#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod cube;
#[cfg(feature = "flex")]
mod flex;
#[cfg(any(feature = "ndarray", feature = "flex"))]
mod host;
#[cfg(feature = "ndarray")]
mod ndarray;
pub mod stock;
mod weights;

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use splade_kernels::{Activation, AttentionShape, Offsets, SparseRows};

use crate::{ModelError, Precision};

pub use weights::{DecoderOps, LinearOps, Matrix, NormWeights, RelativePositions, TableOps};

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
/// It holds weights in types of its own, which it makes at load and alone reads. [`stock`] has all three
/// on plain tensors, in stock burn operations; a backend without kernels names those:
///
/// ```ignore
/// impl SpladeBackend for MyBackend {
///     const KIND: BackendKind = BackendKind::Gpu;
///     type Linear = stock::TensorLinear<Self>;
///     type Table = stock::TensorTable<Self>;
///     type Decoder = stock::TensorDecoder<Self>;
/// }
/// ```
///
/// The operations without weights have bodies of stock operations here, and are overridden where a backend
/// does them faster. Tensors mean rows of `f32`; a backend may keep weights, and states between operations,
/// in a type of its own.
pub trait SpladeBackend: Backend {
    /// What its devices are.
    const KIND: BackendKind;

    /// A linear layer.
    type Linear: LinearOps<Self>;

    /// A matrix whose rows are looked up. A clone shares its memory.
    type Table: TableOps<Self>;

    /// The decoder of a head, with whatever speeds it up. It may share the memory of the [`Table`](Self::Table)
    /// that it is made of.
    type Decoder: DecoderOps<Self>;

    /// Whether the matrix products of `device` run in `precision`.
    fn has_precision(precision: Precision, _device: &Self::Device) -> bool {
        precision == Precision::F32
    }

    /// The threads that compute for `device`; `None` where those do that call.
    fn device_threads(_device: &Self::Device) -> Option<DeviceThreads> {
        None
    }

    /// softmax(scale · Q Kᵀ + positions) V for each head, each token seeing the tokens of its own
    /// text, or those of them that are in its window.
    ///
    /// # Shapes
    /// `qkv` `[tokens, 3 * hidden]`, `offsets` `[texts + 1]`; returns `[tokens, hidden]`.
    fn packed_attention(
        qkv: FloatTensor<Self>,
        offsets: Offsets<'_>,
        shape: AttentionShape,
        positions: RelativePositions<'_, FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        stock::packed_attention::<Self>(qkv, offsets, shape, positions)
    }

    /// Rotary position embedding: with the halves (a, b) of each head of query and key, by the
    /// token's position in its text, a' = a cos - b sin and b' = b cos + a sin.
    ///
    /// # Shapes
    /// `qkv` `[tokens, 3 * hidden]`, `offsets` `[texts + 1]`; `table` `[positions, head_dim]`: the
    /// cosines of a position, then its sines; returns `[tokens, 3 * hidden]`.
    fn rotate(
        qkv: FloatTensor<Self>,
        offsets: Offsets<'_>,
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
