//! What every launch needs: outputs, cubes for rows, small arrays from the host.

use burn_cubecl::CubeRuntime;
use burn_cubecl::cubecl;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use burn_std::DType;
use cubecl::prelude::*;
use cubecl::server::Handle;

/// Cubes of one dimension that every API allows.
pub(crate) const MAX_CUBES: usize = 32_768;

/// At least `n` cubes, which their kernel tells apart by `CUBE_POS`.
pub(crate) fn cubes(n: usize) -> CubeCount {
    let across = n.clamp(1, MAX_CUBES);
    CubeCount::Static(across as u32, n.div_ceil(across).max(1) as u32, 1)
}

/// Scalars that a vector of a load holds: 4 where each of the lengths is a multiple of that.
pub(crate) fn vector_size(lengths: &[usize]) -> usize {
    if lengths.iter().all(|length| length.is_multiple_of(4)) { 4 } else { 1 }
}

/// A tensor of that shape beside `like`, row after row, not yet written.
pub(crate) fn empty_like<R: CubeRuntime>(
    like: &CubeTensor<R>,
    shape: [usize; 2],
    dtype: DType,
) -> CubeTensor<R> {
    let (client, device) = (like.client.clone(), like.device.clone());
    empty_device_contiguous_dtype(client, device, shape.into(), dtype)
}

/// `values` on the device of `like`.
pub(crate) fn upload<R: CubeRuntime>(like: &CubeTensor<R>, values: &[u32]) -> Handle {
    like.client.create_from_slice(bytemuck::cast_slice(values))
}

/// An argument where a kernel reads nothing.
pub(crate) fn absent<R: CubeRuntime>(any: &CubeTensor<R>) -> ArrayArg<R> {
    any.clone().into_array_arg()
}
