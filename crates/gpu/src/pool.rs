//! From the logits of a tile of the vocabulary to one weight for each text and word of it.

use burn_cubecl::cubecl;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeRuntime, cubecl::calculate_cube_count_elemwise};
use cubecl::prelude::*;

/// A tile of the vocabulary, and what is made of it.
#[derive(Clone, Copy, Debug)]
pub struct PoolTile {
    /// The first word of the tile.
    pub first_word: usize,
    /// The sum over the tokens, in place of the largest.
    pub sum: bool,
    /// ln(1 + ln(1 + relu(x))) in place of ln(1 + relu(x)).
    pub twice: bool,
}

/// Writes `pooled[text, first_word + word]`: ln(1 + relu(logit + bias)), the largest or the sum over the
/// tokens of the text; 0 for a text without tokens, NaN where a logit is not finite.
///
/// # Shapes
/// `logits` `[tokens, words]` of any float type, `bias` `[vocab]` `f32`, `offsets` `[texts + 1]` `u32`;
/// `pooled` `[texts, vocab]` `f32`, contiguous.
///
/// # Panics
/// When the shapes do not fit.
pub fn pool_tile<R: CubeRuntime>(
    logits: CubeTensor<R>,
    bias: &CubeTensor<R>,
    offsets: &CubeTensor<R>,
    pooled: &CubeTensor<R>,
    tile: PoolTile,
) {
    let logits = into_contiguous(logits);
    let words = logits.meta.shape()[1];
    let (texts, vocab) = (pooled.meta.shape()[0], pooled.meta.shape()[1]);
    assert!(tile.first_word + words <= vocab, "a tile beyond the vocabulary");
    assert_eq!(bias.meta.shape()[0], vocab, "bias is not [vocab]");
    assert_eq!(offsets.meta.shape()[0], texts + 1, "offsets are not [texts + 1]");
    let units = texts * words;
    if units == 0 {
        return;
    }
    let client = logits.client.clone();
    let dim = CubeDim::new(&client, units);
    let count = calculate_cube_count_elemwise(&client, units, dim);
    let dtype = logits.dtype.into();
    // SAFETY: a unit reads logits of rows below `offsets`' last, which is the number of tokens, and
    // columns below `words`; the asserts keep the other indices within their arrays.
    unsafe {
        pool_kernel::launch_unchecked(
            &client,
            count,
            dim,
            logits.into_array_arg(),
            bias.clone().into_array_arg(),
            offsets.clone().into_array_arg(),
            pooled.clone().into_array_arg(),
            words as u32,
            tile.first_word as u32,
            vocab as u32,
            tile.sum,
            tile.twice,
            dtype,
        );
    }
}

#[cube(launch_unchecked)]
fn pool_kernel<F: Float>(
    logits: &Array<F>,
    bias: &Array<f32>,
    offsets: &Array<u32>,
    pooled: &mut Array<f32>,
    words: u32,
    first_word: u32,
    vocab: u32,
    #[comptime] sum: bool,
    #[comptime] twice: bool,
    #[define(F)] _dtype: StorageType,
) {
    let words = words as usize;
    let n_texts = offsets.len() - 1;
    if ABSOLUTE_POS >= n_texts * words {
        terminate!();
    }
    let text = ABSOLUTE_POS / words;
    let word = ABSOLUTE_POS % words;
    let place = first_word as usize + word;
    let start = offsets[text] as usize;
    let end = offsets[text + 1] as usize;
    let bias = bias[place];
    let mut weight = 0.0f32;
    // The exponent of infinity and NaN is all ones: a comparison would drop them.
    let mut broken = 0u32;
    for token in start..end {
        let logit = f32::cast_from(logits[token * words + word]);
        if (u32::reinterpret(logit) & 0x7f80_0000u32) == 0x7f80_0000u32 {
            broken = 0x7fc0_0000u32;
        }
        if comptime!(sum) {
            weight += activated(logit + bias, twice);
        } else {
            weight = max(weight, logit + bias);
        }
    }
    if comptime!(!sum) {
        weight = activated(weight, twice);
    }
    pooled[text * vocab as usize + place] = f32::reinterpret(u32::reinterpret(weight) | broken);
}

#[cube]
pub(crate) fn activated(logit: f32, #[comptime] twice: bool) -> f32 {
    let once = log1p(max(logit, 0.0f32));
    if comptime!(twice) { log1p(once) } else { once }
}

/// ln(1 + x), small x too: what 1 + x rounds away comes back through the quotient.
#[cube]
fn log1p(x: f32) -> f32 {
    let u = 1.0f32 + x;
    let away = u - 1.0f32;
    if away == 0.0f32 { x } else { u.ln() * (x / away) }
}
