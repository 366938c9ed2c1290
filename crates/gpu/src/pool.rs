//! Pools the logits of a tile of the vocabulary to one weight per text and word.

use burn_cubecl::CubeRuntime;
use burn_cubecl::cubecl;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_std::DType;
use cubecl::prelude::*;
use cubecl::server::Handle;
use splade_kernels::Offsets;

use crate::launch::{dims, elementwise, empty_like, is_f32, upload};

/// NaN, with bits above those of every number.
pub(crate) const BROKEN: u32 = 0x7fc0_0000;

/// Weights of texts, computed a tile of the vocabulary at a time: the maximum or sum over a text's
/// tokens of ln(1 + relu(logit + bias)); 0 for an empty text, NaN if a logit is not finite.
#[derive(Debug)]
pub struct Pool<R: CubeRuntime> {
    /// `[texts, vocab]`, `f32`.
    pooled: CubeTensor<R>,
    /// `[vocab]`, `f32`.
    bias: CubeTensor<R>,
    /// `[texts + 1]`, `u32`, and their number.
    offsets: Handle,
    texts: usize,
    tokens: usize,
    sum: bool,
    twice: bool,
}

impl<R: CubeRuntime> Pool<R> {
    /// Starts without any tile. `sum` selects the sum over tokens instead of the maximum, `twice`
    /// selects ln(1 + ln(1 + relu(x))) instead of ln(1 + relu(x)).
    ///
    /// # Shapes
    /// `bias` `[vocab]` `f32`, `offsets` `[texts + 1]`.
    ///
    /// # Panics
    /// If `bias` does not have one number per word.
    pub fn new(
        bias: CubeTensor<R>,
        vocab: usize,
        offsets: Offsets<'_>,
        sum: bool,
        twice: bool,
    ) -> Self {
        let (bias, texts) = (into_contiguous(bias), offsets.n_texts());
        assert_eq!(bias.meta.shape()[0], vocab, "bias is not [vocab]");
        assert!(is_f32(Some(&bias)), "bias is not f32");
        let pooled = empty_like(&bias, [texts, vocab], DType::F32);
        let tokens = offsets.n_tokens();
        let offsets = upload(&bias, offsets.as_slice());
        Self { pooled, bias, offsets, texts, tokens, sum, twice }
    }

    /// Pools the logits of the words from `first_word` on.
    ///
    /// # Shapes
    /// `logits` `[tokens, words]` of any float type.
    ///
    /// # Panics
    /// If the shapes do not match.
    pub fn add(&self, logits: CubeTensor<R>, first_word: usize) {
        let logits = into_contiguous(logits);
        let [tokens, words] = dims(&logits);
        let vocab = self.bias.meta.shape()[0];
        assert_eq!(tokens, self.tokens, "logits and offsets differ in tokens");
        assert!(first_word + words <= vocab, "a tile beyond the vocabulary");
        let units = self.texts * words;
        if units == 0 {
            return;
        }
        let client = logits.client.clone();
        let (count, dim) = elementwise(&client, units);
        let dtype = logits.dtype.into();
        // SAFETY: a unit reads logits in rows below the last of `offsets`, which is the number of
        // tokens, and columns below `words`; the asserts keep the other indices within their
        // arrays.
        unsafe {
            pool_kernel::launch_unchecked(
                &client,
                count,
                dim,
                logits.into_array_arg(),
                self.bias.clone().into_array_arg(),
                ArrayArg::from_raw_parts(self.offsets.clone(), self.texts + 1),
                self.pooled.clone().into_array_arg(),
                words as u32,
                first_word as u32,
                vocab as u32,
                self.sum,
                self.twice,
                dtype,
            );
        }
    }

    /// `[texts, vocab]` `f32`, once all tiles were added.
    pub fn into_pooled(self) -> CubeTensor<R> {
        self.pooled
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
    let word_idx = first_word as usize + word;
    let start = offsets[text] as usize;
    let end = offsets[text + 1] as usize;
    let bias = bias[word_idx];
    let mut weight = 0.0f32;
    let mut broken = 0u32;
    for token in start..end {
        let logit = f32::cast_from(logits[token * words + word]);
        if !is_finite(logit) {
            broken = BROKEN;
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
    pooled[text * vocab as usize + word_idx] = f32::reinterpret(u32::reinterpret(weight) | broken);
}

/// The exponent bits of infinity and NaN are all ones. A comparison would drop NaN.
#[cube]
pub(crate) fn is_finite(logit: f32) -> bool {
    (u32::reinterpret(logit) & 0x7f80_0000u32) != 0x7f80_0000u32
}

#[cube]
pub(crate) fn activated(logit: f32, #[comptime] twice: bool) -> f32 {
    let once = log1p(max(logit, 0.0f32));
    if comptime!(twice) { log1p(once) } else { once }
}

/// ln(1 + x), also for small x: the quotient corrects the rounding of 1 + x.
#[cube]
fn log1p(x: f32) -> f32 {
    let u = 1.0f32 + x;
    let away = u - 1.0f32;
    if away == 0.0f32 { x } else { u.ln() * (x / away) }
}
