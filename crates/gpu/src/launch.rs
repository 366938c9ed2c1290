//! Shared by launches and kernels: outputs, cube counts, arguments, small arrays from the host,
//! vectors of four.

use burn_cubecl::cubecl;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeRuntime, cubecl::calculate_cube_count_elemwise};
use burn_std::DType;
use cubecl::prelude::*;
use cubecl::server::Handle;

/// The largest number of cubes along one dimension that every API allows.
pub(crate) const MAX_CUBES: usize = 32_768;

/// At least `n` cubes, numbered by `CUBE_POS`.
pub(crate) fn cubes(n: usize) -> CubeCount {
    let across = n.clamp(1, MAX_CUBES);
    CubeCount::Static(across as u32, n.div_ceil(across).max(1) as u32, 1)
}

/// Cubes with at least that many units in total, numbered by `ABSOLUTE_POS`.
pub(crate) fn elementwise<R: CubeRuntime>(
    client: &ComputeClient<R>,
    units: usize,
) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new(client, units);
    (calculate_cube_count_elemwise(client, units, dim), dim)
}

/// Scalars per vector of rows of this width: 4 if the width is a multiple of it, else 1.
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

/// An unwritten tensor of that shape on the device of `like`, row-major.
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

/// Whether a tensor, if there is one, is `f32`. A kernel that expects `f32` would read beyond the
/// end of a narrower type.
pub(crate) fn is_f32<R: CubeRuntime>(tensor: Option<&CubeTensor<R>>) -> bool {
    tensor.is_none_or(|tensor| tensor.dtype == DType::F32)
}

/// An optional tensor as an argument. If there is none, any other tensor is passed, which the
/// kernel does not read.
pub(crate) fn optional<R: CubeRuntime>(
    tensor: Option<CubeTensor<R>>,
    any: &CubeTensor<R>,
) -> ArrayArg<R> {
    tensor.unwrap_or_else(|| any.clone()).into_array_arg()
}
