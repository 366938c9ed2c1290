//! The CubeCL backends, burn-wgpu and burn-cuda, on the kernels of splade-gpu.
//!
//! Weights and the states between layers are held in the model's precision; kernels read and write
//! that type and compute in `f32`.

mod attention;
mod products;
mod weights;

use std::num::NonZeroUsize;

use burn::tensor::DType;
use burn::tensor::backend::DeviceOps;
use burn::tensor::ops::FloatTensor;
use burn_cubecl::cubecl::prelude::StorageType;
use burn_cubecl::kernel::cast;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime, FloatElement, IntElement};
use splade_gpu::{Norm, add_norm, has_activation};
use splade_kernels::{Activation, AttentionShape, Offsets, SparseRows};

use self::attention::attention;
use self::weights::{CubeDecoder, CubeLinear, CubeTable};
use super::stock;
use crate::{
    BackendKind, DeviceThreads, GpuProducts, ModelError, NormWeights, Precision, RelativePositions,
    SpladeBackend,
};

impl<R, F, I, BT> SpladeBackend for CubeBackend<R, F, I, BT>
where
    R: CubeRuntime,
    R::Device: DeviceOps,
    F: FloatElement,
    I: IntElement,
    BT: BoolElement,
{
    const KIND: BackendKind = BackendKind::Gpu;

    type Linear = CubeLinear<R>;
    type Table = CubeTable<R>;
    type Decoder = CubeDecoder<R>;

    fn has_precision(precision: Precision, device: &R::Device) -> bool {
        dtype_of(precision)
            .map(StorageType::from)
            .is_some_and(|dtype| R::client(device).properties().supports_type(dtype))
    }

    fn settle_products(
        chosen: GpuProducts,
        precision: Precision,
        device: &R::Device,
    ) -> Result<GpuProducts, ModelError> {
        products::settle::<R>(chosen, precision, device)
    }

    fn refuse_products(precision: Precision, device: &R::Device, why: String) {
        products::refuse::<R>(precision, device, why);
    }

    fn pass_tokens(products: GpuProducts, device: &R::Device) -> Option<NonZeroUsize> {
        products::pass_tokens::<R>(products, device)
    }

    fn device_threads(device: &R::Device) -> Option<DeviceThreads> {
        let id = device.id();
        Some(DeviceThreads { kind: id.type_id, number: id.index_id })
    }

    fn packed_attention(
        qkv: FloatTensor<Self>,
        offsets: Offsets<'_>,
        shape: AttentionShape,
        positions: RelativePositions<'_, FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        attention::<Self, R>(qkv, None, offsets, shape, positions)
    }

    fn rotate(
        qkv: FloatTensor<Self>,
        offsets: Offsets<'_>,
        table: FloatTensor<Self>,
        shape: AttentionShape,
    ) -> FloatTensor<Self> {
        splade_gpu::rotate(qkv, offsets, table, shape)
    }

    fn gate(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        if has_activation(activation) {
            return splade_gpu::gate(x, activation);
        }
        let dtype = x.dtype;
        held_as(stock::gate::<Self>(held_as(x, DType::F32), activation), dtype)
    }

    fn add_layer_norm(
        x: FloatTensor<Self>,
        residual: Option<FloatTensor<Self>>,
        norm: NormWeights<FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        add_norm(x, None, residual, Some(norm_of(norm)))
    }

    fn gather_non_zeros(
        rows: FloatTensor<Self>,
        capacity: usize,
        keep: Option<usize>,
    ) -> Result<Option<SparseRows>, ModelError> {
        splade_gpu::compact(rows, capacity, keep).map_err(|reason| ModelError::Device { reason })
    }
}

/// The type that holds weights and states in this precision, if these backends support it.
fn dtype_of(precision: Precision) -> Option<DType> {
    match precision {
        Precision::F32 => Some(DType::F32),
        Precision::F16 => Some(DType::F16),
        Precision::Bf16 => Some(DType::BF16),
        Precision::Int8 => None,
    }
}

fn held_as<R: CubeRuntime>(tensor: CubeTensor<R>, dtype: DType) -> CubeTensor<R> {
    if tensor.dtype == dtype { tensor } else { cast(tensor, dtype) }
}

fn norm_of<R: CubeRuntime>(norm: NormWeights<CubeTensor<R>>) -> Norm<R> {
    let NormWeights { gamma, beta, eps } = norm;
    Norm { gamma, beta, eps }
}
