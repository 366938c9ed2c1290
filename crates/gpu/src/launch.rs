//! What launches and kernels share: outputs, cubes, arguments, small arrays from the host, vectors of four.

use burn_cubecl::cubecl;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeRuntime, cubecl::calculate_cube_count_elemwise};
use burn_std::DType;
use cubecl::prelude::*;
use cubecl::server::Handle;

/// The most cubes along one dimension that every API allows.
pub(crate) const MAX_CUBES: usize = 32_768;

/// At least `n` cubes, which their kernel tells apart by `CUBE_POS`.
pub(crate) fn cubes(n: usize) -> CubeCount {
    let across = n.clamp(1, MAX_CUBES);
    CubeCount::Static(across as u32, n.div_ceil(across).max(1) as u32, 1)
}

/// Cubes with at least so many units in all, which their kernel tells apart by `ABSOLUTE_POS`.
pub(crate) fn elementwise<R: CubeRuntime>(
    client: &ComputeClient<R>,
    units: usize,
) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new(client, units);
    (calculate_cube_count_elemwise(client, units, dim), dim)
}

/// Scalars that a vector of rows of this width holds: 4 where the width is a multiple of that.
pub(crate) fn vector_size(width: usize) -> usize {
    if width.is_multiple_of(4) { 4 } else { 1 }
}

pub(crate) type Vec4 = Vector<f32, Const<4>>;

/// Column `c` of four rows.
#[cube]
pub(crate) fn column_of(rows: &Array<Vec4>, #[comptime] c: usize) -> Vec4 {
    let mut column = Vec4::empty();
    #[unroll]
    for i in 0..4usize {
        let row = rows[i];
        column[i] = row[c];
    }
    column
}

/// Rows and columns.
pub(crate) fn dims<R: CubeRuntime>(tensor: &CubeTensor<R>) -> [usize; 2] {
    [tensor.meta.shape()[0], tensor.meta.shape()[1]]
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

/// Whether a tensor, if there is one, is `f32`: a kernel that takes one of a narrower type for that reads
/// beyond its end.
pub(crate) fn is_f32<R: CubeRuntime>(tensor: Option<&CubeTensor<R>>) -> bool {
    tensor.is_none_or(|tensor| tensor.dtype == DType::F32)
}

/// A tensor as an argument; in place of none any other, of which the kernel reads nothing.
pub(crate) fn optional<R: CubeRuntime>(
    tensor: Option<CubeTensor<R>>,
    any: &CubeTensor<R>,
) -> ArrayArg<R> {
    tensor.unwrap_or_else(|| any.clone()).into_array_arg()
}
