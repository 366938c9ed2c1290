//! The products of some tokens with the words of one tile, in integers, and their upper bounds.

use std::ops::Range;

use super::QUAD;
use super::rounding::Tokens;

/// Words side by side in a vector.
const LANES: usize = 16;
/// Vectors of words that a pass over the tokens takes at once.
const VECTORS: usize = 4;
/// Words that a pass takes at once.
pub(super) const TILE: usize = LANES * VECTORS;

/// The words of one tile.
pub(super) struct TileView<'a> {
    pub(super) packed: &'a [u8],
    pub(super) scale: &'a [f32],
    pub(super) norm: &'a [f32],
    pub(super) error: &'a [f32],
}

/// Whether this CPU has the instructions.
pub(super) fn is_available() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

impl TileView<'_> {
    /// For each word an upper bound of the largest of its products with the tokens, without bias.
    pub(super) fn upper_bounds(&self, tokens: &Tokens, range: Range<usize>) -> [f32; TILE] {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a `HeadScreen` is made only where `is_available` has found these features.
        return unsafe { self.upper_bounds_vnni(tokens, range) };
        #[cfg(not(target_arch = "x86_64"))]
        self.upper_bounds_plain(tokens, range)
    }

    /// The obvious form, and the oracle of the fast one.
    #[cfg_attr(target_arch = "x86_64", allow(dead_code, reason = "the tests' oracle there"))]
    pub(super) fn upper_bounds_plain(&self, tokens: &Tokens, range: Range<usize>) -> [f32; TILE] {
        let mut bounds = [f32::NEG_INFINITY; TILE];
        for token in range {
            let values = &tokens.values[token * tokens.depth..][..tokens.depth];
            let of = &tokens.bounds[token];
            for (word, bound) in bounds.iter_mut().enumerate() {
                let mut sum = of.correction;
                for (k, &value) in values.iter().enumerate() {
                    let packed = self.packed[(k / QUAD * TILE + word) * QUAD + k % QUAD];
                    sum += i32::from(packed) * i32::from(value);
                }
                let product = sum as f32 * (of.scale * self.scale[word]);
                let slack = of.error * self.norm[word] + of.norm * self.error[word];
                *bound = bound.max(product + slack);
            }
        }
        bounds
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn upper_bounds_vnni(&self, tokens: &Tokens, range: Range<usize>) -> [f32; TILE] {
        use std::arch::x86_64::{_mm512_loadu_ps, _mm512_set1_ps, _mm512_storeu_ps};
        const BLOCK: usize = 6;
        let mut max = [_mm512_set1_ps(f32::NEG_INFINITY); VECTORS];
        let load = |values: &[f32], vector: usize| {
            let part = &values[vector * LANES..][..LANES];
            // SAFETY: the slice has 16 numbers.
            unsafe { _mm512_loadu_ps(part.as_ptr()) }
        };
        let words = WordVectors {
            scale: std::array::from_fn(|vector| load(self.scale, vector)),
            norm: std::array::from_fn(|vector| load(self.norm, vector)),
            error: std::array::from_fn(|vector| load(self.error, vector)),
        };
        let mut token = range.start;
        while token < range.end {
            match range.end - token {
                1 => self.add_block::<1>(tokens, token, &words, &mut max),
                2 => self.add_block::<2>(tokens, token, &words, &mut max),
                3 => self.add_block::<3>(tokens, token, &words, &mut max),
                4 => self.add_block::<4>(tokens, token, &words, &mut max),
                5 => self.add_block::<5>(tokens, token, &words, &mut max),
                _ => self.add_block::<BLOCK>(tokens, token, &words, &mut max),
            }
            token += BLOCK;
        }
        let mut bounds = [0.0; TILE];
        for (bounds, max) in bounds.chunks_exact_mut(LANES).zip(max) {
            // SAFETY: the slice has 16 numbers.
            unsafe { _mm512_storeu_ps(bounds.as_mut_ptr(), max) };
        }
        bounds
    }

    /// Takes `N` tokens into the maxima, their sums in registers.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    #[inline]
    fn add_block<const N: usize>(
        &self,
        tokens: &Tokens,
        first: usize,
        words: &WordVectors,
        max: &mut [std::arch::x86_64::__m512; VECTORS],
    ) {
        use std::arch::x86_64::{
            __m512i, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_loadu_si512,
            _mm512_max_ps, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps,
        };
        let depth = tokens.depth;
        let values = &tokens.values[first * depth..][..N * depth];
        let bounds = &tokens.bounds[first..first + N];
        let mut sums: [[__m512i; VECTORS]; N] =
            std::array::from_fn(|token| [_mm512_set1_epi32(bounds[token].correction); VECTORS]);
        for (quad, packed) in self.packed.chunks_exact(TILE * QUAD).enumerate() {
            let row: [__m512i; VECTORS] = std::array::from_fn(|vector| {
                let part = &packed[vector * LANES * QUAD..][..LANES * QUAD];
                // SAFETY: the slice has 64 bytes.
                unsafe { _mm512_loadu_si512(part.as_ptr().cast()) }
            });
            for (token, sums) in sums.iter_mut().enumerate() {
                let at = token * depth + quad * QUAD;
                let four = &values[at..at + QUAD];
                let four = i32::from_le_bytes([
                    four[0] as u8,
                    four[1] as u8,
                    four[2] as u8,
                    four[3] as u8,
                ]);
                let four = _mm512_set1_epi32(four);
                for (sum, row) in sums.iter_mut().zip(row) {
                    *sum = _mm512_dpbusd_epi32(*sum, row, four);
                }
            }
        }
        for (sums, of) in sums.iter().zip(bounds) {
            let (scale, norm) = (_mm512_set1_ps(of.scale), _mm512_set1_ps(of.norm));
            let error = _mm512_set1_ps(of.error);
            for vector in 0..VECTORS {
                let product = _mm512_cvtepi32_ps(sums[vector]);
                let scale = _mm512_mul_ps(scale, words.scale[vector]);
                let slack = _mm512_mul_ps(error, words.norm[vector]);
                let slack = _mm512_fmadd_ps(norm, words.error[vector], slack);
                let bound = _mm512_fmadd_ps(product, scale, slack);
                max[vector] = _mm512_max_ps(max[vector], bound);
            }
        }
    }
}

/// What a tile's words have, in vectors.
#[cfg(target_arch = "x86_64")]
struct WordVectors {
    scale: [std::arch::x86_64::__m512; VECTORS],
    norm: [std::arch::x86_64::__m512; VECTORS],
    error: [std::arch::x86_64::__m512; VECTORS],
}
