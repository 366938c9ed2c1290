//! The head with max pooling: product with the vocabulary and maximum over each text's tokens in
//! one kernel, so that logits never reach memory. In `f32` on all cards, in 16 bits on Hopper's.

use burn_cubecl::CubeRuntime;
use burn_cubecl::cubecl;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::zeros_client;
use burn_cubecl::tensor::CubeTensor;
use burn_std::DType;
use cubecl::prelude::*;
use splade_kernels::Offsets;

use crate::hopper;
use crate::launch::{Vec4, dims, elementwise, empty_like, is_f32, upload};
use crate::pool::{BROKEN, activated, is_finite};
use crate::product::Products;
use crate::product::tile::{self, ACROSS, FOUR, TILE, sums_of_tile};

/// Whether [`largest_logits`] supports operands of these shapes and types.
///
/// # Shapes
/// `x` `[tokens, hidden]`, `decoder` `[vocab, hidden]`.
pub fn has_fused_head<R: CubeRuntime>(
    x: &CubeTensor<R>,
    decoder: &CubeTensor<R>,
    products: Products,
) -> bool {
    match x.dtype {
        DType::F32 => decoder.dtype == DType::F32 && dims(x)[1].is_multiple_of(FOUR),
        _ => products == Products::Hopper && hopper::has_head(x, decoder),
    }
}

/// `pooled[text, word]`: the largest ln(1 + relu(logit)) over the tokens of the text, or ln(1 +
/// that) if `twice`; 0 for an empty text, NaN if a logit is not finite.
///
/// # Shapes
/// `x` `[tokens, hidden]`, `decoder` `[vocab, hidden]`, of the same type, `bias` `[vocab]` `f32`;
/// `offsets` `[texts + 1]`; returns `[texts, vocab]` `f32`.
///
/// # Panics
/// If the shapes do not match, or if [`has_fused_head`] is false.
pub fn largest_logits<R: CubeRuntime>(
    x: CubeTensor<R>,
    decoder: CubeTensor<R>,
    bias: CubeTensor<R>,
    offsets: Offsets<'_>,
    twice: bool,
) -> CubeTensor<R> {
    let (x, decoder, bias) = (into_contiguous(x), into_contiguous(decoder), into_contiguous(bias));
    let [tokens, depth] = dims(&x);
    let (vocab, texts) = (decoder.meta.shape()[0], offsets.n_texts());
    let is_wide = x.dtype == DType::F32;
    assert!(!is_wide || depth.is_multiple_of(FOUR), "hidden is not a multiple of four");
    assert_eq!(x.dtype, decoder.dtype, "x and decoder differ in type");
    assert!(is_f32(Some(&bias)), "bias is not f32");
    assert_eq!(decoder.meta.shape()[1], depth, "x and decoder differ in width");
    assert_eq!(bias.meta.shape()[0], vocab, "bias is not [vocab]");
    assert_eq!(offsets.n_tokens(), tokens, "offsets do not cover the tokens");
    let texts_of = offsets.ranges().enumerate();
    let text_of: Vec<u32> =
        texts_of.flat_map(|(text, tokens)| tokens.map(move |_| text as u32)).collect();
    let (client, device) = (x.client.clone(), x.device.clone());
    let pooled = empty_like(&x, [texts, vocab], DType::F32);
    if texts * vocab == 0 {
        return pooled;
    }
    // Non-negative numbers are ordered like their bits, and every API has an atomic maximum of
    // those. One-dimensional, since the rows of a two-dimensional tensor may be padded.
    let largest = zeros_client::<R>(client.clone(), device, [texts * vocab].into(), DType::U32);
    let count = CubeCount::Static(vocab.div_ceil(TILE) as u32, tokens.div_ceil(TILE) as u32, 1);
    let units = texts * vocab;
    let (finish_count, dim) = elementwise(&client, units);
    if tokens > 0 && !is_wide {
        hopper::head(&x, &decoder, &bias, upload(&x, &text_of), &largest);
    }
    // SAFETY: as for a layer's tile; texts are below the number of rows of `largest`, words below
    // `vocab`; the second kernel has one unit per element of both arrays.
    unsafe {
        if tokens > 0 && is_wide {
            kernel::launch_unchecked(
                &client,
                count,
                CubeDim::new_1d(tile::UNITS as u32),
                x.clone().into_array_arg(),
                decoder.into_array_arg(),
                bias.into_array_arg(),
                ArrayArg::from_raw_parts(upload(&x, &text_of), tokens),
                largest.clone().into_array_arg(),
                tokens as u32,
                vocab as u32,
                depth as u32,
            );
        }
        finish_kernel::launch_unchecked(
            &client,
            finish_count,
            dim,
            largest.into_array_arg(),
            pooled.clone().into_array_arg(),
            units as u32,
            twice,
        );
    }
    pooled
}

/// Computes a tile of tokens and words.
#[cube(launch_unchecked)]
fn kernel(
    x: &Array<Vec4>,
    decoder: &Array<Vec4>,
    bias: &Array<f32>,
    text_of: &Array<u32>,
    largest: &mut Array<Atomic<u32>>,
    tokens: u32,
    vocab: u32,
    depth: u32,
) {
    let tokens = tokens as usize;
    let vocab = vocab as usize;
    let first_token = CUBE_POS_Y as usize * TILE;
    let first_word = CUBE_POS_X as usize * TILE;
    let logits = sums_of_tile(x, decoder, first_token, first_word, tokens, vocab, depth as usize);
    let across = UNIT_POS as usize % ACROSS;
    let down = UNIT_POS as usize / ACROSS;
    #[unroll]
    for part in 0..FOUR {
        let token = first_token + down * FOUR + comptime!(part % 2 * TILE / 2);
        let word = first_word + across * FOUR + comptime!(part / 2 * TILE / 2);
        if token < tokens {
            let mut texts = Array::<u32>::new(FOUR);
            #[unroll]
            for i in 0..FOUR {
                texts[i] = text_of[min(token + i, tokens - 1)];
            }
            #[unroll]
            for c in 0..FOUR {
                if word + c < vocab {
                    let four = logits[4 * c + part] + Vec4::new(bias[word + c]);
                    let mut text = texts[0];
                    let mut best = 0u32;
                    #[unroll]
                    for i in 0..FOUR {
                        if token + i < tokens {
                            if texts[i] != text {
                                raise(largest, text as usize * vocab + word + c, best);
                                text = texts[i];
                                best = 0u32;
                            }
                            best = max(best, bits_of(four[i]));
                        }
                    }
                    raise(largest, text as usize * vocab + word + c, best);
                }
            }
        }
    }
}

/// The bits of a positive logit, zero for others, and `BROKEN` if it is not finite.
#[cube]
fn bits_of(logit: f32) -> u32 {
    let bits = u32::reinterpret(logit);
    let mut found = 0u32;
    if !is_finite(logit) {
        found = BROKEN;
    } else if (bits & 0x8000_0000u32) == 0u32 {
        found = bits;
    }
    found
}

/// Few logits of a trained model are positive, so this rarely has to write.
#[cube]
#[allow(clippy::collapsible_if, reason = "a kernel evaluates both sides of an `and`")]
fn raise(largest: &mut Array<Atomic<u32>>, index: usize, bits: u32) {
    if bits > 0u32 {
        if bits > largest[index].load() {
            largest[index].fetch_max(bits);
        }
    }
}

#[cube(launch_unchecked)]
fn finish_kernel(
    largest: &Array<u32>,
    pooled: &mut Array<f32>,
    units: u32,
    #[comptime] twice: bool,
) {
    if ABSOLUTE_POS >= units as usize {
        terminate!();
    }
    let bits = largest[ABSOLUTE_POS];
    let weight = activated(f32::reinterpret(bits), twice);
    let mut out = u32::reinterpret(weight);
    if bits >= BROKEN {
        out = BROKEN;
    }
    pooled[ABSOLUTE_POS] = f32::reinterpret(out);
}
