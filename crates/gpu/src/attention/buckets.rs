//! Disentangled attention: the score of each token with each distance bucket, which the attention
//! kernels look up.

use burn_cubecl::CubeRuntime;
use burn_cubecl::cubecl;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_std::DType;
use cubecl::prelude::*;
use splade_kernels::AttentionShape;

use crate::launch::{Vec4, dims, elementwise, empty_like};

/// scale · the queries (`part` 0) or keys (`part` 1) of `qkv` · `table`ᵀ, by head:
/// `[tokens, n_heads * n_buckets]`.
pub(super) fn scores<R: CubeRuntime>(
    qkv: &CubeTensor<R>,
    table: CubeTensor<R>,
    shape: AttentionShape,
    part: usize,
) -> CubeTensor<R> {
    let AttentionShape { n_heads, head_dim, scale, .. } = shape;
    let table = into_contiguous(table);
    let [n_buckets, hidden] = dims(&table);
    assert_eq!(hidden, n_heads * head_dim, "buckets are not [n_buckets, hidden]");
    assert_eq!(table.dtype, DType::F32, "buckets are not f32");
    let tokens = qkv.meta.shape()[0];
    let out = empty_like(qkv, [tokens, n_heads * n_buckets], DType::F32);
    let units = tokens * n_heads * n_buckets;
    if units == 0 {
        return out;
    }
    let client = qkv.client.clone();
    let (count, dim) = elementwise(&client, units);
    let dtype = qkv.dtype.into();
    // SAFETY: a unit below `units` reads one head of a token and of a bucket, which are within both
    // arrays.
    unsafe {
        kernel::launch_unchecked(
            &client,
            count,
            dim,
            qkv.clone().into_array_arg(),
            table.into_array_arg(),
            out.clone().into_array_arg(),
            units as u32,
            scale,
            part as u32,
            n_heads as u32,
            n_buckets as u32,
            head_dim,
            dtype,
        );
    }
    out
}

#[cube(launch_unchecked)]
fn kernel<F: Float>(
    qkv: &Array<Vector<F, Const<4>>>,
    table: &Array<Vec4>,
    out: &mut Array<f32>,
    units: u32,
    scale: f32,
    part: u32,
    n_heads: u32,
    n_buckets: u32,
    #[comptime] head_dim: usize,
    #[define(F)] _dtype: StorageType,
) {
    if ABSOLUTE_POS >= units as usize {
        terminate!();
    }
    let n_heads = n_heads as usize;
    let n_buckets = n_buckets as usize;
    let width = comptime!(head_dim / 4);
    let bucket = ABSOLUTE_POS % n_buckets;
    let head = ABSOLUTE_POS / n_buckets % n_heads;
    let token = ABSOLUTE_POS / n_buckets / n_heads;
    let from = ((token * 3 + part as usize) * n_heads + head) * width;
    let to = (bucket * n_heads + head) * width;
    let mut sum = Vec4::new(0.0f32);
    for i in 0..width {
        sum += Vec4::cast_from(qkv[from + i]) * table[to + i];
    }
    out[ABSOLUTE_POS] = (sum[0] + sum[1] + sum[2] + sum[3]) * scale;
}
