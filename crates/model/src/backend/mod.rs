//! Our extension of burn's `Backend`: the operations in which SPLADE inference spends its time.
//!
//! A backend converts a model's weights once, at load, to the associated types of
//! [`SpladeBackend`], which only its own operations read. `cfg(feature = ...)` for a backend is
//! used only in this folder and in lib.rs.

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

use std::num::NonZeroUsize;

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use splade_kernels::{Activation, AttentionShape, Offsets, SparseRows};

use crate::{GpuProducts, ModelError, Precision};

pub use weights::{DecoderOps, LinearOps, Matrix, NormWeights, RelativePositions, TableOps};

/// The kind of devices that a backend has, which decides how work is scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendKind {
    /// The CPU, with tensors in host memory: several passes at a time, each on one thread, are
    /// faster than one pass on all threads.
    Host,
    /// A card with its own memory: one pass fills it, and results are gathered there before they
    /// are copied to the host.
    Gpu,
}

/// Identifies the threads that compute for a device, so that a panic on one of them can be
/// attributed to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceThreads {
    /// The kind of device, as numbered by the backend.
    pub kind: u16,
    /// The device's index within its kind.
    pub number: u16,
}

/// A burn backend that SPLADE models run on.
///
/// It holds weights in types of its own, made at load. [`stock`] has all three on plain tensors, in
/// stock burn operations; a backend without kernels uses those:
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
/// The operations without weights default to stock operations; a backend overrides those that it
/// can do faster. Tensors represent rows of `f32`; a backend may hold weights, and states between
/// operations, in another type.
pub trait SpladeBackend: Backend {
    /// The kind of its devices.
    const KIND: BackendKind;

    /// A linear layer.
    type Linear: LinearOps<Self>;

    /// A matrix whose rows are looked up. A clone shares its memory.
    type Table: TableOps<Self>;

    /// The decoder of a head, including whatever speeds it up. It may share memory with the
    /// [`Table`](Self::Table) that it is made from.
    type Decoder: DecoderOps<Self>;

    /// Whether `device` supports matrix products in `precision`.
    fn has_precision(precision: Precision, _device: &Self::Device) -> bool {
        precision == Precision::F32
    }

    /// Which kernels multiply for a model in `precision` on `device`: never [`GpuProducts::Auto`].
    ///
    /// Kernels that were not used in this process before are checked first, which takes up to some
    /// seconds; if their results are wrong, these are CubeCL's, and a warning is logged. If they
    /// hang, the process ends.
    ///
    /// # Errors
    /// Kernels were chosen that the device does not support.
    fn settle_products(
        chosen: GpuProducts,
        _precision: Precision,
        _device: &Self::Device,
    ) -> Result<GpuProducts, ModelError> {
        match chosen {
            GpuProducts::Hopper => {
                let why = "it has no choice of kernels".to_owned();
                Err(ModelError::GpuProducts { products: chosen, why })
            }
            GpuProducts::CubeCl | GpuProducts::Auto => Ok(GpuProducts::CubeCl),
        }
    }

    /// Refuses, for the rest of the process, the kernels that
    /// [`settle_products`](Self::settle_products) would check: the check broke the device.
    fn refuse_products(_precision: Precision, _device: &Self::Device, _why: String) {}

    /// Tokens per pass that fill `device` with these kernels, if that is known.
    fn pass_tokens(_products: GpuProducts, _device: &Self::Device) -> Option<NonZeroUsize> {
        None
    }

    /// The threads that compute for `device`; `None` if the calling threads do.
    fn device_threads(_device: &Self::Device) -> Option<DeviceThreads> {
        None
    }

    /// softmax(scale · Q Kᵀ + positions) V for each head. A token attends to the tokens of its own
    /// text, or to those within its window.
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

    /// Rotary position embedding. Each head of query and key has halves (a, b); they become a' = a
    /// cos - b sin and b' = b cos + a sin, with the angles of the token's position in its text.
    ///
    /// # Shapes
    /// `qkv` `[tokens, 3 * hidden]`, `offsets` `[texts + 1]`, `table` `[positions, head_dim]`: the
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
    /// `x` and `residual` `[tokens, hidden]`, the weights of `norm` `[hidden]`; returns
    /// `[tokens, hidden]`.
    fn add_layer_norm(
        x: FloatTensor<Self>,
        residual: Option<FloatTensor<Self>>,
        norm: NormWeights<FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        stock::add_layer_norm::<Self>(x, residual, norm)
    }

    /// The non-zero entries of `rows` in host memory, if the backend gathers them on its device.
    /// `None` if it does not, or if a row has more than `capacity`. With `keep`, only that many
    /// largest entries of each row; of equal ones, those of lower columns. `keep` requires rows
    /// that are >= 0 or NaN.
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
