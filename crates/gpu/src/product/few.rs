//! Products of a few tokens, such as a query's. Reading the weights dominates, so they are read
//! once for all tokens.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

use crate::launch::Vec4;

/// Maximum number of tokens: a unit has one sum per token.
pub(super) const MOST: usize = 16;
/// Columns per cube.
pub(super) const COLUMNS: usize = 8;
/// Units that share a column.
const SHARING: usize = 16;
pub(super) const UNITS: usize = COLUMNS * SHARING;

/// Requires an inner width that is a multiple of four.
#[cube(launch_unchecked)]
pub(super) fn kernel<F: Float, O: Float>(
    x: &Array<Vector<F, Const<4>>>,
    weight: &Array<Vector<F, Const<4>>>,
    out: &mut Array<O>,
    columns: u32,
    depth: u32,
    #[comptime] tokens: usize,
    #[define(F)] _type_of_x: StorageType,
    #[define(O)] _type_of_out: StorageType,
) {
    let columns = columns as usize;
    let width = depth as usize / 4;
    let unit = UNIT_POS as usize;
    let share = unit % SHARING;
    let first = CUBE_POS * COLUMNS;
    let column = first + unit / SHARING;
    let mut sums = Array::<Vec4>::new(tokens);
    #[unroll]
    for token in 0..tokens {
        sums[token] = Vec4::new(0.0f32);
    }
    if column < columns {
        let mut part = share;
        while part < width {
            let weight = Vec4::cast_from(weight[column * width + part]);
            #[unroll]
            for token in 0..tokens {
                sums[token] += weight * Vec4::cast_from(x[token * width + part]);
            }
            part += SHARING;
        }
    }
    let mut shared = SharedMemory::<f32>::new(comptime!(UNITS * tokens));
    #[unroll]
    for token in 0..tokens {
        let four = sums[token];
        shared[token * UNITS + unit] = four[0] + four[1] + four[2] + four[3];
    }
    sync_cube();
    let mut sum = unit;
    while sum < comptime!(COLUMNS * tokens) {
        let token = sum / COLUMNS;
        let column = sum % COLUMNS;
        if first + column < columns {
            let start = token * UNITS + column * SHARING;
            let mut total = 0.0f32;
            #[unroll]
            for share in 0..SHARING {
                total += shared[start + share];
            }
            out[token * columns + first + column] = O::cast_from(total);
        }
        sum += UNITS;
    }
}
