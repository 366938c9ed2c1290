//! Rotary position embedding of queries and keys.

use burn_cubecl::CubeRuntime;
use burn_cubecl::cubecl;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use splade_kernels::{AttentionShape, Offsets};

use crate::launch::{dims, elementwise, empty_like, is_f32, upload};

/// Rotates the halves (a, b) of each head of query and key by the token's position in its text: a'
/// = a cos - b sin and b' = b cos + a sin. Values are unchanged.
///
/// # Shapes
/// `qkv` `[tokens, 3 * hidden]` of any float type, `offsets` `[texts + 1]`, `table`
/// `[positions, head_dim]` `f32`: the cosines of a position, then its sines; returns
/// `[tokens, 3 * hidden]`.
///
/// # Panics
/// If the shapes do not match, or a head has an odd width.
pub fn rotate<R: CubeRuntime>(
    qkv: CubeTensor<R>,
    offsets: Offsets<'_>,
    table: CubeTensor<R>,
    shape: AttentionShape,
) -> CubeTensor<R> {
    let (qkv, table) = (into_contiguous(qkv), into_contiguous(table));
    let [tokens, width] = dims(&qkv);
    let AttentionShape { n_heads, head_dim, .. } = shape;
    assert_eq!(width, 3 * n_heads * head_dim, "qkv is not [tokens, 3 * hidden]");
    assert!(head_dim.is_multiple_of(2), "a head of odd width cannot be rotated");
    assert_eq!(table.meta.shape()[1], head_dim, "table is not [positions, head_dim]");
    assert!(is_f32(Some(&table)), "table is not f32");
    assert_eq!(offsets.n_tokens(), tokens, "offsets do not cover the tokens");
    let positions: Vec<u32> = offsets.positions().collect();
    assert!(offsets.longest() <= table.meta.shape()[0], "a position beyond the table");
    let out = empty_like(&qkv, [tokens, width], qkv.dtype);
    let units = tokens * width / 2;
    if units == 0 {
        return out;
    }
    let client = qkv.client.clone();
    let (count, dim) = elementwise(&client, units);
    let dtype = qkv.dtype.into();
    // SAFETY: a unit below `units` has two scalars of one row; positions are within the table.
    unsafe {
        rotate_kernel::launch_unchecked(
            &client,
            count,
            dim,
            qkv.clone().into_array_arg(),
            ArrayArg::from_raw_parts(upload(&qkv, &positions), tokens),
            table.into_array_arg(),
            out.clone().into_array_arg(),
            units as u32,
            n_heads as u32,
            head_dim as u32,
            dtype,
        );
    }
    out
}

#[cube(launch_unchecked)]
fn rotate_kernel<F: Float>(
    qkv: &Array<F>,
    positions: &Array<u32>,
    table: &Array<f32>,
    out: &mut Array<F>,
    units: u32,
    n_heads: u32,
    head_dim: u32,
    #[define(F)] _dtype: StorageType,
) {
    if ABSOLUTE_POS >= units as usize {
        terminate!();
    }
    let head_dim = head_dim as usize;
    let half = head_dim / 2;
    let n_heads = n_heads as usize;
    let head = ABSOLUTE_POS / half;
    let pair = ABSOLUTE_POS % half;
    let token = head / (3 * n_heads);
    let at = head * head_dim + pair;
    if head % (3 * n_heads) < 2 * n_heads {
        let angle = positions[token] as usize * head_dim + pair;
        let cos = table[angle];
        let sin = table[angle + half];
        let a = f32::cast_from(qkv[at]);
        let b = f32::cast_from(qkv[at + half]);
        out[at] = F::cast_from(a * cos - b * sin);
        out[at + half] = F::cast_from(b * cos + a * sin);
    } else {
        out[at] = qkv[at];
        out[at + half] = qkv[at + half];
    }
}
