//! Sums of products in `f32` on the units that every card has: tiles of 128 tokens x 128 columns,
//! of which each unit holds 8 x 8 sums in registers. Layers and the head each apply their own
//! epilogue.
//!
//! CubeCL's own kernels take half as long again, and those that load ahead give wrong sums if the
//! inner width is not a multiple of their tiles (cubek-matmul 0.2, `DoubleUnit`).

use burn_cubecl::cubecl;
use cubecl::prelude::*;
use splade_kernels::Activation;

use crate::activate::activate;
use crate::launch::{Vec4, column_of};

/// Tokens, and columns, per tile.
pub(crate) const TILE: usize = 128;
/// Inner indices per step.
const DEPTH: usize = 16;
pub(crate) const UNITS: usize = 256;
/// Units side by side: each has 4 columns of both halves of the tile.
pub(crate) const ACROSS: usize = 16;
/// Scalars of a vector.
pub(crate) const FOUR: usize = 4;
/// Vectors per step of the inner width, plus one of padding, so that steps start in different banks
/// of the shared memory.
const PITCH: usize = TILE / FOUR + 1;

/// The sums of a cube's tile, as one unit holds them. Entry `4 * c + part` is its column c in half
/// `part / 2` of the columns, for four tokens in half `part % 2` of the tokens.
#[cube]
pub(crate) fn sums_of_tile(
    x: &Array<Vec4>,
    weight: &Array<Vec4>,
    first_token: usize,
    first_column: usize,
    tokens: usize,
    columns: usize,
    depth: usize,
) -> Array<Vec4> {
    let unit = UNIT_POS as usize;
    let across = unit % ACROSS;
    let down = unit / ACROSS;
    let mut x_tile = SharedMemory::<Vec4>::new(comptime!(DEPTH * PITCH));
    let mut weight_tile = SharedMemory::<Vec4>::new(comptime!(DEPTH * PITCH));
    let mut sums = Array::<Vec4>::new(comptime!(4 * FOUR));
    #[unroll]
    for i in 0..4 * FOUR {
        sums[i] = Vec4::new(0.0f32);
    }

    // Half of the units load rows of `x`, the others rows of `weight`: one vector of four rows
    // each.
    let loader = unit % comptime!(UNITS / 2);
    let of_x = unit < comptime!(UNITS / 2);
    let part = loader % comptime!(DEPTH / FOUR);
    let four = loader / comptime!(DEPTH / FOUR);
    let width = depth / FOUR;
    let mut first_row = first_column + four * FOUR;
    let mut rows = columns;
    if of_x {
        first_row = first_token + four * FOUR;
        rows = tokens;
    }
    let mut loaded = Array::<Vec4>::new(FOUR);
    #[unroll]
    for i in 0..FOUR {
        loaded[i] = load_row(x, weight, of_x, first_row + i, rows, part, width);
    }
    let steps = width.div_ceil(comptime!(DEPTH / FOUR));
    for step in 0..steps {
        // Stores what was loaded, transposed.
        #[unroll]
        for c in 0..FOUR {
            let column = column_of(&loaded, c);
            let at = (part * FOUR + c) * PITCH + four;
            if of_x {
                x_tile[at] = column;
            } else {
                weight_tile[at] = column;
            }
        }
        sync_cube();
        // Loads the next step while this one is multiplied.
        let next = (step + 1) * comptime!(DEPTH / FOUR) + part;
        #[unroll]
        for i in 0..FOUR {
            loaded[i] = load_row(x, weight, of_x, first_row + i, rows, next, width);
        }
        #[unroll]
        for k in 0..DEPTH {
            let x_low = x_tile[k * PITCH + down];
            let x_high = x_tile[k * PITCH + down + comptime!(TILE / 2 / FOUR)];
            let w_low = weight_tile[k * PITCH + across];
            let w_high = weight_tile[k * PITCH + across + comptime!(TILE / 2 / FOUR)];
            #[unroll]
            for c in 0..FOUR {
                let low = Vec4::new(w_low[c]);
                let high = Vec4::new(w_high[c]);
                sums[4 * c] += x_low * low;
                sums[4 * c + 1] += x_high * low;
                sums[4 * c + 2] += x_low * high;
                sums[4 * c + 3] += x_high * high;
            }
        }
        sync_cube();
    }
    sums
}

/// One vector of a row; zeros beyond the rows and the inner width.
#[cube]
fn load_row(
    x: &Array<Vec4>,
    weight: &Array<Vec4>,
    of_x: bool,
    row: usize,
    rows: usize,
    part: usize,
    width: usize,
) -> Vec4 {
    let mut loaded = Vec4::new(0.0f32);
    if row < rows && part < width {
        let at = row * width + part;
        if of_x {
            loaded = x[at];
        } else {
            loaded = weight[at];
        }
    }
    loaded
}

/// Computes a tile of `activation(x · weightᵀ + bias)`; the number of columns is a multiple of
/// four.
#[cube(launch_unchecked)]
pub(super) fn layer_kernel(
    x: &Array<Vec4>,
    weight: &Array<Vec4>,
    bias: &Array<Vec4>,
    out: &mut Array<Vec4>,
    tokens: u32,
    columns: u32,
    depth: u32,
    #[comptime] has_bias: bool,
    #[comptime] activation: Activation,
) {
    let tokens = tokens as usize;
    let columns = columns as usize;
    let first_token = CUBE_POS_Y as usize * TILE;
    let first_column = CUBE_POS_X as usize * TILE;
    let sums = sums_of_tile(x, weight, first_token, first_column, tokens, columns, depth as usize);
    let across = UNIT_POS as usize % ACROSS;
    let down = UNIT_POS as usize / ACROSS;
    #[unroll]
    for part in 0..FOUR {
        let token = first_token + down * FOUR + comptime!(part % 2 * TILE / 2);
        let column = first_column + across * FOUR + comptime!(part / 2 * TILE / 2);
        if column < columns {
            let mut added = Vec4::new(0.0f32);
            if comptime!(has_bias) {
                added = bias[column / FOUR];
            }
            #[unroll]
            for i in 0..FOUR {
                if token + i < tokens {
                    let mut row = Vec4::empty();
                    #[unroll]
                    for c in 0..FOUR {
                        let four = sums[4 * c + part];
                        row[c] = four[i];
                    }
                    let at = ((token + i) * columns + column) / FOUR;
                    out[at] = activate::<Const<4>>(row + added, activation);
                }
            }
        }
    }
}
