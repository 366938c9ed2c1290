//! The products of some tokens with the words of one tile, in integers, and their upper bounds.

use std::ops::Range;

use super::rounding::Tokens;
use crate::panels::PANEL;

/// Words side by side in a vector.
const LANES: usize = 16;
/// Vectors of words that a pass over the tokens takes at once: those of a panel.
const VECTORS: usize = PANEL / LANES;

/// The words of one tile.
pub(super) struct TileView<'a> {
    /// `[groups, PANEL]`.
    pub(super) packed: &'a [u32],
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
    pub(super) fn upper_bounds(&self, tokens: &Tokens, range: Range<usize>) -> [f32; PANEL] {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a `HeadScreen` is made only where `is_available` has found these features.
        return unsafe { self.upper_bounds_vnni(tokens, range) };
        #[cfg(not(target_arch = "x86_64"))]
        self.upper_bounds_plain(tokens, range)
    }

    /// The obvious form, and the oracle of the fast one.
    #[cfg_attr(target_arch = "x86_64", allow(dead_code, reason = "the tests' oracle there"))]
    pub(super) fn upper_bounds_plain(&self, tokens: &Tokens, range: Range<usize>) -> [f32; PANEL] {
        let mut bounds = [f32::NEG_INFINITY; PANEL];
        for token in range {
            let groups = &tokens.groups[token * tokens.n_groups..][..tokens.n_groups];
            let of = &tokens.bounds[token];
            for (word, bound) in bounds.iter_mut().enumerate() {
                let mut sum = of.correction;
                for (group, packed) in groups.iter().zip(self.packed.chunks_exact(PANEL)) {
                    let pairs = group.to_le_bytes().into_iter().zip(packed[word].to_le_bytes());
                    sum += pairs.map(|(t, w)| i32::from(t as i8) * i32::from(w)).sum::<i32>();
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
    fn upper_bounds_vnni(&self, tokens: &Tokens, range: Range<usize>) -> [f32; PANEL] {
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
        let mut bounds = [0.0; PANEL];
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
        let n_groups = tokens.n_groups;
        let groups = &tokens.groups[first * n_groups..][..N * n_groups];
        let bounds = &tokens.bounds[first..first + N];
        let mut sums: [[__m512i; VECTORS]; N] =
            std::array::from_fn(|token| [_mm512_set1_epi32(bounds[token].correction); VECTORS]);
        for (group, packed) in self.packed.chunks_exact(PANEL).enumerate() {
            let row: [__m512i; VECTORS] = std::array::from_fn(|vector| {
                let part = &packed[vector * LANES..][..LANES];
                // SAFETY: the slice has 16 groups.
                unsafe { _mm512_loadu_si512(part.as_ptr().cast()) }
            });
            for (token, sums) in sums.iter_mut().enumerate() {
                let four = _mm512_set1_epi32(groups[token * n_groups + group] as i32);
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
