//! Attention on matrix units, for 16-bit types: a plane handles 16 queries, in tiles of 16 x 16 x
//! 16. Scores and sums are `f32`; attention weights are rounded to the type.

use burn_cubecl::CubeRuntime;
use burn_cubecl::cubecl;
use cubecl::cmma::{Matrix, MatrixIdent, MatrixLayout};
use cubecl::features::{MmaConfig, Plane};
use cubecl::prelude::*;

use super::{Heads, LOWEST, add_positions, keys_of, load, weight_of};
use crate::launch::{MAX_CUBES, Vec4};

pub(super) const PLANE: u32 = 32;
pub(super) const PLANES: usize = 4;
/// Side of a tile.
const TILE: usize = 16;
pub(super) const QUERIES: usize = PLANES * TILE;
const KEYS: usize = 64;
const UNITS: usize = PLANE as usize * PLANES;
/// Scalars of a vector.
const FOUR: usize = 4;
/// Padding of a row in scalars, so that rows start in different banks of the shared memory. Tiles
/// still start at multiples of 32 bytes.
const APART: usize = 8;

/// Scalars from one row of keys or values to the next.
const fn key_pitch(head_dim: usize) -> usize {
    head_dim + APART
}

/// Scalars from one row of scores, weights, queries or outputs to the next.
const fn score_pitch(head_dim: usize) -> usize {
    (if head_dim > KEYS { head_dim } else { KEYS }) + APART
}

/// Whether a device has matrix units for this type, and enough shared memory for such heads.
pub(super) fn fits<R: CubeRuntime>(
    client: &ComputeClient<R>,
    dtype: StorageType,
    head_dim: usize,
) -> bool {
    let properties = client.properties();
    let side = TILE as u32;
    let f32 = f32::as_type_native_unchecked().storage_type();
    let tile = MmaConfig { a_type: dtype, b_type: dtype, cd_type: f32, m: side, n: side, k: side };
    let (least, most) = (properties.hardware.plane_size_min, properties.hardware.plane_size_max);
    let keys_and_values = 2 * KEYS * key_pitch(head_dim) * dtype.size();
    let scores = QUERIES * score_pitch(head_dim) * (dtype.size() + size_of::<f32>());
    head_dim.is_multiple_of(TILE)
        && dtype.size() == 2
        && (least, most) == (PLANE, PLANE)
        && properties.features.plane.contains(Plane::Ops)
        && properties.features.matmul.cmma.contains(&tile)
        && keys_and_values + scores <= properties.hardware.max_shared_memory_size
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
    let head_dim = comptime!(heads.head_dim);
    let n_tiles = comptime!(head_dim / TILE);
    let key_pitch = comptime!(key_pitch(head_dim));
    let score_pitch = comptime!(score_pitch(head_dim));
    // Counted in vectors.
    let width = comptime!(head_dim / FOUR);
    let hidden = comptime!(heads.n_heads * head_dim / FOUR);
    let column = head as usize * width;
    let key_row = comptime!(key_pitch / FOUR);
    let score_row = comptime!(score_pitch / FOUR);
    // Two units share a row of the plane's 16: each has every second vector.
    let lane = UNIT_POS_X as usize;
    let first_row = UNIT_POS_Y as usize * TILE;
    let own_row = first_row + lane / 2;
    let half = lane % 2;
    let query = first_query + own_row as u32;

    let mut keys = SharedMemory::<Vector<F, Const<4>>>::new(comptime!(KEYS * key_row));
    let mut values = SharedMemory::<Vector<F, Const<4>>>::new(comptime!(KEYS * key_row));
    let mut weights = SharedMemory::<Vector<F, Const<4>>>::new(comptime!(QUERIES * score_row));
    let mut scores = SharedMemory::<Vec4>::new(comptime!(QUERIES * score_row));
    let plane_start = first_row * score_row;
    let plane_end = plane_start + comptime!(TILE * score_row);

    load_rows::<F>(
        qkv,
        bias,
        &mut weights,
        first_query,
        text_end,
        column,
        score_row,
        QUERIES,
        heads,
    );
    sync_cube();
    let mut query_tiles = Sequence::<Matrix<F>>::new();
    let mut sought = Sequence::<Matrix<f32>>::new();
    #[unroll]
    for tile in 0..n_tiles {
        let part = weights.slice(plane_start + tile * (TILE / FOUR), plane_end);
        query_tiles.push(load_tile::<F>(
            &part,
            score_pitch,
            MatrixIdent::A,
            MatrixLayout::RowMajor,
        ));
        sought.push(zeros());
    }

    let mut largest = f32::new(LOWEST);
    let mut sum = 0.0f32;
    let n_key_blocks = (end_key - first_key).div_ceil(comptime!(KEYS as u32));
    for key_block in 0..n_key_blocks {
        let key = first_key + key_block * KEYS as u32;
        sync_cube();
        load_rows::<F>(qkv, bias, &mut keys, key, end_key, column + hidden, key_row, KEYS, heads);
        load_rows::<F>(
            qkv,
            bias,
            &mut values,
            key,
            end_key,
            column + 2 * hidden,
            key_row,
            KEYS,
            heads,
        );
        sync_cube();

        #[unroll]
        for tile in 0..KEYS / TILE {
            let products = zeros();
            #[unroll]
            for step in 0..n_tiles {
                let part = keys.slice(tile * TILE * key_row + step * (TILE / FOUR), KEYS * key_row);
                let transposed =
                    load_tile::<F>(&part, key_pitch, MatrixIdent::B, MatrixLayout::ColMajor);
                cmma::execute::<F, F, f32, f32>(
                    query_tiles.index(step),
                    &transposed,
                    &products,
                    &products,
                );
            }
            let mut part = scores.slice_mut(plane_start + tile * (TILE / FOUR), plane_end);
            let pitch = comptime!(score_pitch as u32);
            cmma::store(&mut part, &products, pitch, MatrixLayout::RowMajor);
        }
        sync_cube();

        let mut block_largest = largest;
        let mut own = Array::<Vec4>::new(comptime!(KEYS / FOUR / 2));
        #[unroll]
        for j in 0..KEYS / FOUR / 2 {
            let at = 2 * j + half;
            let mut score = scores[own_row * score_row + at] * Vec4::new(scale);
            #[unroll]
            for c in 0..FOUR {
                let own_key = key + (at * FOUR + c) as u32;
                score[c] = add_positions(
                    score[c], distances, by_key, by_query, buckets, head, query, own_key, end_key,
                    reach, middle, heads,
                );
                block_largest = max(block_largest, score[c]);
            }
            own[j] = score;
        }
        let new_largest = max(block_largest, plane_shuffle_xor(block_largest, 1u32));
        let shrink = f32::exp(largest - new_largest);
        largest = new_largest;
        sum *= shrink;
        #[unroll]
        for j in 0..KEYS / FOUR / 2 {
            let score = own[j];
            let mut weight = Vec4::empty();
            #[unroll]
            for c in 0..FOUR {
                let one = weight_of(score[c], new_largest);
                weight[c] = one;
                sum += one;
            }
            weights[own_row * score_row + 2 * j + half] = Vector::cast_from(weight);
        }
        if key_block > 0 {
            sync_cube();
            store_tiles(&sought, &mut scores, plane_start, plane_end, score_pitch, n_tiles);
            sync_cube();
            #[unroll]
            for j in 0..width / 2 {
                scores[own_row * score_row + 2 * j + half] *= Vec4::new(shrink);
            }
            sync_cube();
            #[unroll]
            for tile in 0..n_tiles {
                let part = scores.slice(plane_start + tile * (TILE / FOUR), plane_end);
                let pitch = comptime!(score_pitch as u32);
                cmma::load_with_layout(sought.index(tile), &part, pitch, MatrixLayout::RowMajor);
            }
        }
        sync_cube();

        #[unroll]
        for step in 0..KEYS / TILE {
            let part = weights.slice(plane_start + step * (TILE / FOUR), plane_end);
            let weight = load_tile::<F>(&part, score_pitch, MatrixIdent::A, MatrixLayout::RowMajor);
            #[unroll]
            for tile in 0..n_tiles {
                let part =
                    values.slice(step * TILE * key_row + tile * (TILE / FOUR), KEYS * key_row);
                let value =
                    load_tile::<F>(&part, key_pitch, MatrixIdent::B, MatrixLayout::RowMajor);
                cmma::execute::<F, F, f32, f32>(
                    &weight,
                    &value,
                    sought.index(tile),
                    sought.index(tile),
                );
            }
        }
    }

    sync_cube();
    store_tiles(&sought, &mut scores, plane_start, plane_end, score_pitch, n_tiles);
    sync_cube();
    let total = Vec4::new(sum + plane_shuffle_xor(sum, 1u32));
    if query < text_end {
        #[unroll]
        for j in 0..width / 2 {
            let at = 2 * j + half;
            let row = scores[own_row * score_row + at] / total;
            out[query as usize * hidden + column + at] = Vector::cast_from(row);
        }
    }
}

/// Loads the rows of tokens, starting at `first`.
#[cube]
fn load_rows<F: Float>(
    qkv: &Array<Vector<F, Const<4>>>,
    bias: &Array<Vec4>,
    shared: &mut SharedMemory<Vector<F, Const<4>>>,
    first: u32,
    end: u32,
    column: usize,
    #[comptime] row: usize,
    #[comptime] rows: usize,
    #[comptime] heads: Heads,
) {
    let width = comptime!(heads.head_dim / FOUR);
    let mut item = UNIT_POS as usize;
    while item < comptime!(rows * width) {
        let part = item % width;
        let token = item / width;
        let loaded = load::<F>(qkv, bias, first + token as u32, end, column + part, heads);
        shared[token * row + part] = Vector::cast_from(loaded);
        item += UNITS;
    }
}

#[cube]
fn zeros() -> Matrix<f32> {
    Matrix::<f32>::from_value(
        MatrixIdent::Accumulator,
        TILE,
        TILE,
        TILE,
        MatrixLayout::Undefined,
        0.0f32,
    )
}

/// Loads the tile at the start of `part`.
#[cube]
fn load_tile<F: Float>(
    part: &Slice<Vector<F, Const<4>>>,
    #[comptime] pitch: usize,
    #[comptime] ident: MatrixIdent,
    #[comptime] layout: MatrixLayout,
) -> Matrix<F> {
    // SAFETY: the next line loads it.
    let tile = unsafe { Matrix::<F>::uninitialized(ident, TILE, TILE, TILE, layout) };
    cmma::load(&tile, part, comptime!(pitch as u32));
    tile
}

/// Stores the outputs of a plane's queries, row by row.
#[cube]
fn store_tiles(
    tiles: &Sequence<Matrix<f32>>,
    scores: &mut SharedMemory<Vec4>,
    start: usize,
    end: usize,
    #[comptime] pitch: usize,
    #[comptime] n_tiles: usize,
) {
    #[unroll]
    for tile in 0..n_tiles {
        let mut part = scores.slice_mut(start + tile * (TILE / FOUR), end);
        cmma::store(&mut part, tiles.index(tile), comptime!(pitch as u32), MatrixLayout::RowMajor);
    }
}
