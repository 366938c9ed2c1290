//! Attention in `f32` on the units that every card has: a unit handles four queries, and four keys
//! of a block.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

use super::{Heads, LOWEST, add_positions, keys_of, load, weight_of};
use crate::launch::{MAX_CUBES, Vec4, column_of};

/// Queries per cube, four per unit.
pub(super) const QUERIES: usize = 32;
/// Keys per block, four per unit.
const KEYS: usize = 32;
/// Units that share the same four queries.
const ACROSS: usize = KEYS / FOUR;
pub(super) const UNITS: usize = QUERIES / FOUR * ACROSS;
/// Scalars of a vector.
const FOUR: usize = 4;
/// Vectors from one row of transposed queries or keys to the next: one is padding, so that rows
/// start in different banks of the shared memory.
const PITCH: usize = QUERIES / FOUR + 1;

/// Bytes of shared memory per cube: queries, keys, values, weights, maxima.
pub(super) fn shared_bytes(head_dim: usize) -> usize {
    let values = KEYS * padded(head_dim) / FOUR;
    (2 * head_dim * PITCH + values + KEYS * QUERIES / FOUR + UNITS) * size_of::<[f32; FOUR]>()
}

/// Columns of values, padded to whole vectors of the last unit.
fn padded(head_dim: usize) -> usize {
    head_dim.next_multiple_of(ACROSS * FOUR)
}

#[cube(launch_unchecked)]
pub(super) fn kernel<F: Float>(
    qkv: &Array<Vector<F, Const<4>>>,
    bias: &Array<Vec4>,
    distances: &Array<f32>,
    by_key: &Array<f32>,
    by_query: &Array<f32>,
    buckets: &Array<u32>,
    blocks: &Array<u32>,
    out: &mut Array<Vector<F, Const<4>>>,
    n_blocks: u32,
    scale: f32,
    reach: u32,
    middle: u32,
    #[comptime] heads: Heads,
    #[define(F)] _dtype: StorageType,
) {
    let block = (CUBE_POS_Z * comptime!(MAX_CUBES as u32) + CUBE_POS_Y) as usize;
    if block >= n_blocks as usize {
        terminate!();
    }
    let head = CUBE_POS_X;
    let text_end = blocks[3 * block + 1];
    let first_query = blocks[3 * block + 2];
    let (first_key, end_key) = keys_of(
        blocks[3 * block],
        text_end,
        first_query,
        comptime!(QUERIES as u32),
        comptime!(heads.window),
    );
    let unit = UNIT_POS as usize;
    // The unit's four queries and four keys.
    let down = unit / ACROSS;
    let across = unit % ACROSS;
    let own_query = first_query + (down * FOUR) as u32;
    // Counted in vectors from here on.
    let head_dim = comptime!(heads.head_dim);
    let width = comptime!(head_dim / FOUR);
    let hidden = comptime!(heads.n_heads * head_dim / FOUR);
    let column = head as usize * width;
    let value_width = comptime!(padded(head_dim) / FOUR);
    let per_unit = comptime!(padded(head_dim) / FOUR / ACROSS);

    let mut queries = SharedMemory::<Vec4>::new(comptime!(head_dim * PITCH));
    let mut keys = SharedMemory::<Vec4>::new(comptime!(head_dim * PITCH));
    let mut values = SharedMemory::<Vec4>::new(comptime!(KEYS * value_width));
    let mut weights = SharedMemory::<Vec4>::new(comptime!(KEYS * QUERIES / FOUR));
    let mut maxima = SharedMemory::<Vec4>::new(comptime!(UNITS));

    load_transposed::<F>(qkv, bias, &mut queries, first_query, text_end, column, scale, heads);

    let mut largest = Vec4::new(LOWEST);
    let mut sums = Vec4::new(0.0f32);
    let mut sought = Array::<Vec4>::new(comptime!(per_unit * FOUR));
    #[unroll]
    for i in 0..per_unit * FOUR {
        sought[i] = Vec4::new(0.0f32);
    }

    let n_key_blocks = (end_key - first_key).div_ceil(comptime!(KEYS as u32));
    for key_block in 0..n_key_blocks {
        let key = first_key + key_block * KEYS as u32;
        sync_cube();
        load_transposed::<F>(qkv, bias, &mut keys, key, end_key, column + hidden, 1.0f32, heads);
        load_values::<F>(qkv, bias, &mut values, key, end_key, column + 2 * hidden, heads);
        sync_cube();

        let mut scores = Array::<Vec4>::new(FOUR);
        #[unroll]
        for j in 0..FOUR {
            scores[j] = Vec4::new(0.0f32);
        }
        for d in 0..head_dim {
            let query = queries[d * PITCH + down];
            let key = keys[d * PITCH + across];
            #[unroll]
            for j in 0..FOUR {
                scores[j] += query * Vec4::new(key[j]);
            }
        }
        let mut block_largest = largest;
        #[unroll]
        for j in 0..FOUR {
            let own_key = key + (across * FOUR + j) as u32;
            let mut score = scores[j];
            #[unroll]
            for i in 0..FOUR {
                let query = own_query + comptime!(i as u32);
                score[i] = add_positions(
                    score[i], distances, by_key, by_query, buckets, head, query, own_key, end_key,
                    reach, middle, heads,
                );
            }
            scores[j] = score;
            block_largest = max(block_largest, score);
        }
        maxima[unit] = block_largest;
        sync_cube();
        let mut new_largest = block_largest;
        #[unroll]
        for other in 0..ACROSS {
            new_largest = max(new_largest, maxima[down * ACROSS + other]);
        }
        let shrink = Vector::exp(largest - new_largest);
        largest = new_largest;
        sums *= shrink;
        #[unroll]
        for j in 0..FOUR {
            let score = scores[j];
            let mut weight = Vec4::empty();
            #[unroll]
            for i in 0..FOUR {
                weight[i] = weight_of(score[i], new_largest[i]);
            }
            sums += weight;
            weights[(across * FOUR + j) * (QUERIES / FOUR) + down] = weight;
        }
        sync_cube();
        #[unroll]
        for i in 0..per_unit * FOUR {
            sought[i] *= shrink;
        }
        for k in 0..KEYS {
            let weight = weights[k * (QUERIES / FOUR) + down];
            #[unroll]
            for part in 0..per_unit {
                let value = values[k * value_width + across * per_unit + part];
                #[unroll]
                for c in 0..FOUR {
                    sought[part * FOUR + c] += weight * Vec4::new(value[c]);
                }
            }
        }
    }

    // Sums over the units that share queries.
    sync_cube();
    maxima[unit] = sums;
    sync_cube();
    let mut total = Vec4::new(0.0f32);
    #[unroll]
    for other in 0..ACROSS {
        total += maxima[down * ACROSS + other];
    }
    #[unroll]
    for i in 0..FOUR {
        let query = own_query + comptime!(i as u32);
        if query < text_end {
            #[unroll]
            for part in 0..per_unit {
                let col = across * per_unit + part;
                if col < width {
                    let mut row = Vec4::empty();
                    #[unroll]
                    for c in 0..FOUR {
                        let gathered = sought[part * FOUR + c];
                        row[c] = gathered[i] / total[i];
                    }
                    out[query as usize * hidden + column + col] = Vector::cast_from(row);
                }
            }
        }
    }
}

/// Loads the rows of 32 tokens from `first` on, transposed: vectors of four tokens, `PITCH` per
/// column.
#[cube]
fn load_transposed<F: Float>(
    qkv: &Array<Vector<F, Const<4>>>,
    bias: &Array<Vec4>,
    shared: &mut SharedMemory<Vec4>,
    first: u32,
    end: u32,
    column: usize,
    scale: f32,
    #[comptime] heads: Heads,
) {
    let width = comptime!(heads.head_dim / FOUR);
    let mut item = UNIT_POS as usize;
    while item < comptime!(QUERIES / FOUR * width) {
        let part = item % width;
        let four = item / width;
        let token = first + (four * FOUR) as u32;
        let mut rows = Array::<Vec4>::new(FOUR);
        #[unroll]
        for i in 0..FOUR {
            let at = token + comptime!(i as u32);
            rows[i] = load::<F>(qkv, bias, at, end, column + part, heads) * Vec4::new(scale);
        }
        #[unroll]
        for c in 0..FOUR {
            shared[(part * FOUR + c) * PITCH + four] = column_of(&rows, c);
        }
        item += UNITS;
    }
}

/// Loads the rows of 32 tokens from `first` on, padded with zeros to whole vectors of the last
/// unit.
#[cube]
fn load_values<F: Float>(
    qkv: &Array<Vector<F, Const<4>>>,
    bias: &Array<Vec4>,
    shared: &mut SharedMemory<Vec4>,
    first: u32,
    end: u32,
    column: usize,
    #[comptime] heads: Heads,
) {
    let width = comptime!(heads.head_dim / FOUR);
    let value_width = comptime!(padded(heads.head_dim) / FOUR);
    let mut item = UNIT_POS as usize;
    while item < comptime!(KEYS * value_width) {
        let part = item % value_width;
        let mut row = Vec4::new(0.0f32);
        if part < width {
            let token = first + (item / value_width) as u32;
            row = load::<F>(qkv, bias, token, end, column + part, heads);
        }
        shared[item] = row;
        item += UNITS;
    }
}
