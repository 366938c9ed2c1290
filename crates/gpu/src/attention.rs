//! Attention over packed texts. A cube handles some queries of one text and one head; it goes
//! through the keys of that text a block at a time and never holds all scores (online softmax).

mod buckets;
mod matrix;
mod units;

use burn_cubecl::CubeRuntime;
use burn_cubecl::cubecl;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use splade_kernels::{AttentionShape, Offsets};

use crate::launch::{MAX_CUBES, Vec4, dims, empty_like, is_f32, optional, upload};

/// Larger windows are clamped to this: no text has that many tokens, and sums with positions fit in
/// 32 bits.
const WIDEST: usize = 1 << 30;

/// The parameters that an attention kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Heads {
    n_heads: usize,
    head_dim: usize,
    /// How far a token attends, unless it is the whole text.
    window: Option<u32>,
    has_bias: bool,
    has_distances: bool,
    /// Buckets of disentangled attention; 0 if it is not used.
    n_buckets: usize,
    has_keys: bool,
    has_queries: bool,
}

/// What the relative positions of two tokens add to their score. All `f32`.
#[derive(Clone, Debug)]
pub struct Positions<R: CubeRuntime> {
    /// For each head and distance key - query, clamped to the reach: `[n_heads, 2 * reach + 1]`.
    pub distances: Option<CubeTensor<R>>,
    /// Keys of the buckets, `[n_buckets, hidden]`: scale · query · key.
    pub keys: Option<CubeTensor<R>>,
    /// Queries of the buckets, `[n_buckets, hidden]`: scale · query · key.
    pub queries: Option<CubeTensor<R>>,
    /// The bucket of each distance query - key, from `1 - positions` to `positions - 1`.
    pub buckets: Vec<u32>,
}

impl<R: CubeRuntime> Default for Positions<R> {
    fn default() -> Self {
        Self { distances: None, keys: None, queries: None, buckets: Vec::new() }
    }
}

/// Whether [`packed_attention`] supports heads of this width on a device with this much shared
/// memory.
pub fn attention_fits(head_dim: usize, shared_memory: usize) -> bool {
    head_dim.is_multiple_of(4) && head_dim > 0 && units::shared_bytes(head_dim) <= shared_memory
}

/// softmax(scale · Q Kᵀ + positions) V for each head. A token attends to the tokens of its own
/// text, or to those within its window. `bias` is added to queries, keys and values, except in
/// scores with buckets. Scores and sums are `f32`.
///
/// # Shapes
/// `qkv` `[tokens, 3 * hidden]` of any float type, `bias` `[3 * hidden]` `f32`, `offsets`
/// `[texts + 1]`; returns `[tokens, hidden]`.
///
/// # Panics
/// If the shapes do not match, or if [`attention_fits`] is false.
pub fn packed_attention<R: CubeRuntime>(
    qkv: CubeTensor<R>,
    bias: Option<CubeTensor<R>>,
    offsets: Offsets<'_>,
    shape: AttentionShape,
    positions: Positions<R>,
) -> CubeTensor<R> {
    let AttentionShape { n_heads, head_dim, scale, window, arithmetic: _ } = shape;
    let hidden = n_heads * head_dim;
    let qkv = into_contiguous(qkv);
    let [tokens, width] = dims(&qkv);
    assert_eq!(width, 3 * hidden, "qkv is not [tokens, 3 * hidden]");
    assert_eq!(offsets.n_tokens(), tokens, "offsets do not cover the tokens");
    let (bias, distances) = (bias.map(into_contiguous), positions.distances.map(into_contiguous));
    let rows = |tensor: &Option<CubeTensor<R>>| tensor.as_ref().map(|t| t.meta.shape()[0]);
    assert!(rows(&bias).is_none_or(|found| found == width), "bias is not [3 * hidden]");
    assert!(
        rows(&distances).is_none_or(|found| found == n_heads),
        "distances are not one row per head"
    );
    let is_odd = |table: &CubeTensor<R>| table.meta.shape()[1] % 2 == 1;
    assert!(distances.as_ref().is_none_or(is_odd), "distances are not from -reach to reach");
    let are_f32 = is_f32(bias.as_ref()) && is_f32(distances.as_ref());
    assert!(are_f32, "bias or distances are not f32");
    let (keys, queries) = (positions.keys, positions.queries);
    let tables = rows(&keys).zip(rows(&queries));
    assert!(tables.is_none_or(|(a, b)| a == b), "keys and queries differ in buckets");
    let n_buckets = rows(&keys).or(rows(&queries)).unwrap_or(0);
    let within = positions.buckets.iter().all(|&bucket| (bucket as usize) < n_buckets);
    let enough = within && positions.buckets.len() + 1 >= 2 * offsets.longest();
    assert!(n_buckets == 0 || enough && bias.is_none(), "a text is longer than the buckets cover");
    let scores = |table: Option<CubeTensor<R>>, part| {
        table.map(|table| buckets::scores(&qkv, table, shape, part))
    };
    let (by_key, by_query) = (scores(keys, 0), scores(queries, 1));
    let client = qkv.client.clone();
    let shared = client.properties().hardware.max_shared_memory_size;
    assert!(attention_fits(head_dim, shared), "heads of width {head_dim} do not fit");

    let out = empty_like(&qkv, [tokens, hidden], qkv.dtype);
    let dtype: StorageType = qkv.dtype.into();
    let on_matrix_units = matrix::fits(&client, dtype, head_dim);
    let queries = if on_matrix_units { matrix::QUERIES } else { units::QUERIES };
    let blocks = query_blocks(offsets, queries);
    if blocks.is_empty() {
        return out;
    }
    let n_blocks = blocks.len() / 3;
    let count = CubeCount::Static(
        n_heads as u32,
        n_blocks.min(MAX_CUBES) as u32,
        n_blocks.div_ceil(MAX_CUBES) as u32,
    );
    let reach = distances.as_ref().map_or(0, |table| table.meta.shape()[1] / 2) as u32;
    let heads = Heads {
        n_heads,
        head_dim,
        window: window.map(|window| window.min(WIDEST) as u32),
        has_bias: bias.is_some(),
        has_distances: distances.is_some(),
        n_buckets,
        has_keys: by_key.is_some(),
        has_queries: by_query.is_some(),
    };
    let (bias, distances) = (optional(bias, &qkv), optional(distances, &qkv));
    let (by_key, by_query) = (optional(by_key, &qkv), optional(by_query, &qkv));
    let (from, to) = (qkv.clone().into_array_arg(), out.clone().into_array_arg());
    let of_distances = match positions.buckets.is_empty() {
        true => vec![0],
        false => positions.buckets,
    };
    let middle = of_distances.len() as u32 / 2;
    // SAFETY: for both kernels, a block's queries and keys are tokens of one text, below the last
    // offset, which is the number of rows; columns are below 3 * hidden, which the asserts compare
    // with the arrays.
    unsafe {
        let blocks = ArrayArg::from_raw_parts(upload(&qkv, &blocks), blocks.len());
        let table = upload(&qkv, &of_distances);
        let table = ArrayArg::from_raw_parts(table, of_distances.len());
        let n_blocks = n_blocks as u32;
        // Launches one of two kernels with the same arguments.
        macro_rules! launch {
            ($kernel:ident, $dim:expr) => {
                $kernel::kernel::launch_unchecked(
                    &client, count, $dim, from, bias, distances, by_key, by_query, table, blocks,
                    to, n_blocks, scale, reach, middle, heads, dtype,
                )
            };
        }
        match on_matrix_units {
            true => launch!(matrix, CubeDim::new_2d(matrix::PLANE, matrix::PLANES as u32)),
            false => launch!(units, CubeDim::new_1d(units::UNITS as u32)),
        }
    }
    out
}

/// For each cube: the start and end of a text, and the first of its queries.
fn query_blocks(offsets: Offsets<'_>, queries: usize) -> Vec<u32> {
    let blocks = offsets.ranges().flat_map(|text| {
        let (start, end) = (text.start as u32, text.end as u32);
        (start..end).step_by(queries).flat_map(move |first| [start, end, first])
    });
    blocks.collect()
}

/// The range of keys that some queries attend to: first and end.
#[cube]
fn keys_of(
    text_start: u32,
    text_end: u32,
    first_query: u32,
    #[comptime] queries: u32,
    #[comptime] window: Option<u32>,
) -> (u32, u32) {
    let mut first = text_start;
    let mut end = text_end;
    if comptime!(window.is_some()) {
        let window = comptime!(window.unwrap_or(0));
        if first_query > text_start + window {
            first = first_query - window;
        }
        end = min(text_end, first_query + queries + window);
    }
    (first, end)
}

/// Four scalars of a token's row plus bias; zeros from `end` on. Columns are counted in vectors.
#[cube]
fn load<F: Float>(
    qkv: &Array<Vector<F, Const<4>>>,
    bias: &Array<Vec4>,
    token: u32,
    end: u32,
    column: usize,
    #[comptime] heads: Heads,
) -> Vec4 {
    let mut loaded = Vec4::new(0.0f32);
    if token < end {
        let width = comptime!(3 * heads.n_heads * heads.head_dim / 4);
        loaded = Vector::cast_from(qkv[token as usize * width + column]);
        if comptime!(heads.has_bias) {
            loaded += bias[column];
        }
    }
    loaded
}

/// Adds what positions contribute to the score of two tokens; masked pairs get the lowest score.
#[cube]
#[allow(clippy::collapsible_if, reason = "one condition is of the compilation, one of the kernel")]
fn add_positions(
    score: f32,
    distances: &Array<f32>,
    by_key: &Array<f32>,
    by_query: &Array<f32>,
    buckets: &Array<u32>,
    head: u32,
    query: u32,
    key: u32,
    end_key: u32,
    reach: u32,
    middle: u32,
    #[comptime] heads: Heads,
) -> f32 {
    let mut sum = score;
    if comptime!(heads.has_distances) {
        // Key - query + reach, within the table.
        let from = key + reach;
        let mut slot = 0u32;
        if from > query {
            slot = min(from - query, 2u32 * reach);
        }
        sum += distances[(head * (2u32 * reach + 1u32) + slot) as usize];
    }
    if comptime!(heads.n_buckets > 0) {
        if key < end_key {
            let n_heads = comptime!(heads.n_heads);
            let n_buckets = comptime!(heads.n_buckets);
            // The queries that pad the last tile may be beyond the table and the tokens.
            let slot = min(query + middle - key, 2u32 * middle);
            let bucket = buckets[slot as usize] as usize;
            let head = head as usize;
            if comptime!(heads.has_keys) {
                let at = (query as usize * n_heads + head) * n_buckets + bucket;
                if at < by_key.len() {
                    sum += by_key[at];
                }
            }
            if comptime!(heads.has_queries) {
                sum += by_query[(key as usize * n_heads + head) * n_buckets + bucket];
            }
        }
    }
    if comptime!(heads.window.is_some()) {
        let window = comptime!(heads.window.unwrap_or(0));
        if key > query + window || key + window < query {
            sum = f32::new(LOWEST);
        }
    }
    if key >= end_key {
        sum = f32::new(LOWEST);
    }
    sum
}

/// The score of a masked pair, whose weight is zero whatever the largest score is.
const LOWEST: f32 = -1.0e30;

/// e^(score - largest), but zero for a masked pair: it would be 1 if all pairs so far are masked.
#[cube]
fn weight_of(score: f32, largest: f32) -> f32 {
    let mut weight = 0.0f32;
    if score > 0.5f32 * LOWEST {
        weight = f32::exp(score - largest);
    }
    weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_blocks_of_its_own() {
        assert_eq!(
            query_blocks(Offsets::new(&[0, 0, 33, 34]), 32),
            [0, 33, 0, 0, 33, 32, 33, 34, 33]
        );
    }

    #[test]
    fn heads_of_64_fit_where_shared_memory_is_small() {
        assert!(attention_fits(64, 32 << 10));
        assert!(!attention_fits(128, 32 << 10) && !attention_fits(6, 1 << 20));
    }
}
