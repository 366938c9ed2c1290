//! Products of 16-bit integers on SSE2, which every x86-64 CPU has: the compiler does not find its
//! instruction for them in a loop over arrays.

use std::arch::x86_64::*;

use super::tile::Product;

pub(super) struct Int16;

impl Product for Int16 {
    type Sums = __m128i;
    type Groups = __m128i;
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn zero() -> __m128i {
        // SAFETY: SSE2 is always on.
        unsafe { _mm_setzero_si128() }
    }

    #[inline(always)]
    unsafe fn load_sums(at: *const u32) -> __m128i {
        // SAFETY: the caller vouches for four numbers.
        unsafe { _mm_loadu_si128(at.cast()) }
    }

    #[inline(always)]
    unsafe fn store_sums(sums: __m128i, at: *mut u32) {
        // SAFETY: the caller vouches for four numbers.
        unsafe { _mm_storeu_si128(at.cast(), sums) }
    }

    #[inline(always)]
    unsafe fn load(at: *const u32) -> __m128i {
        // SAFETY: the caller vouches for four groups.
        unsafe { _mm_loadu_si128(at.cast()) }
    }

    #[inline(always)]
    unsafe fn splat(group: u32) -> __m128i {
        // SAFETY: SSE2 is always on.
        unsafe { _mm_set1_epi32(group as i32) }
    }

    #[inline(always)]
    unsafe fn add(sums: __m128i, row: __m128i, panel: __m128i) -> __m128i {
        // SAFETY: SSE2 is always on.
        unsafe { _mm_add_epi32(sums, _mm_madd_epi16(row, panel)) }
    }
}
