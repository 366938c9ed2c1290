//! Products on AVX2 with FMA: vectors of eight sums.

use std::arch::x86_64::*;

use super::{Args, Product};
use crate::Precision;

const LANES: usize = 8;
/// Two vectors by six rows take twelve of the sixteen registers.
const VECTORS: usize = 2;
const ROWS: usize = 6;

/// # Safety
/// The CPU has AVX2 and FMA; `args` are checked as in `ProductKernel::multiply`.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run(precision: Precision, args: &Args) {
    // SAFETY: the features are enabled; the caller guarantees `args`.
    unsafe {
        match precision {
            Precision::F32 => super::run::<F32, VECTORS, ROWS>(args),
            Precision::Bf16 => super::run::<Bf16, VECTORS, ROWS>(args),
            Precision::Int8 => super::run::<Int8, VECTORS, ROWS>(args),
        }
    }
}

struct F32;
struct Bf16;
struct Int8;

macro_rules! float_sums {
    () => {
        type Sums = __m256;
        const LANES: usize = LANES;

        #[inline(always)]
        unsafe fn zero() -> __m256 {
            // SAFETY: inlined where AVX is on.
            unsafe { _mm256_setzero_ps() }
        }

        #[inline(always)]
        unsafe fn load_sums(at: *const u32) -> __m256 {
            // SAFETY: the caller vouches for eight numbers.
            unsafe { _mm256_loadu_ps(at.cast()) }
        }

        #[inline(always)]
        unsafe fn store_sums(sums: __m256, at: *mut u32) {
            // SAFETY: the caller vouches for eight numbers.
            unsafe { _mm256_storeu_ps(at.cast(), sums) }
        }
    };
}

macro_rules! integer_groups {
    () => {
        type Groups = __m256i;

        #[inline(always)]
        unsafe fn load(at: *const u32) -> __m256i {
            // SAFETY: the caller vouches for eight groups.
            unsafe { _mm256_loadu_si256(at.cast()) }
        }

        #[inline(always)]
        unsafe fn splat(group: u32) -> __m256i {
            // SAFETY: inlined where AVX is on.
            unsafe { _mm256_set1_epi32(group as i32) }
        }
    };
}

impl Product for F32 {
    float_sums!();
    type Groups = __m256;

    #[inline(always)]
    unsafe fn load(at: *const u32) -> __m256 {
        // SAFETY: the caller vouches for eight numbers.
        unsafe { _mm256_loadu_ps(at.cast()) }
    }

    #[inline(always)]
    unsafe fn splat(group: u32) -> __m256 {
        // SAFETY: inlined where AVX is on.
        unsafe { _mm256_set1_ps(f32::from_bits(group)) }
    }

    #[inline(always)]
    unsafe fn add(sums: __m256, row: __m256, panel: __m256) -> __m256 {
        // SAFETY: inlined where FMA is on.
        unsafe { _mm256_fmadd_ps(row, panel, sums) }
    }
}

impl Product for Bf16 {
    float_sums!();
    integer_groups!();

    #[inline(always)]
    unsafe fn add(sums: __m256, row: __m256i, panel: __m256i) -> __m256 {
        // SAFETY: inlined where AVX2 and FMA are on.
        unsafe {
            let low = |groups| _mm256_castsi256_ps(_mm256_slli_epi32::<16>(groups));
            let high = |groups| {
                let mask = _mm256_set1_epi32(0xffff_0000_u32 as i32);
                _mm256_castsi256_ps(_mm256_and_si256(groups, mask))
            };
            let sums = _mm256_fmadd_ps(low(row), low(panel), sums);
            _mm256_fmadd_ps(high(row), high(panel), sums)
        }
    }
}

impl Product for Int8 {
    type Sums = __m256i;
    const LANES: usize = LANES;
    integer_groups!();

    #[inline(always)]
    unsafe fn zero() -> __m256i {
        // SAFETY: inlined where AVX is on.
        unsafe { _mm256_setzero_si256() }
    }

    #[inline(always)]
    unsafe fn load_sums(at: *const u32) -> __m256i {
        // SAFETY: the caller vouches for eight numbers.
        unsafe { _mm256_loadu_si256(at.cast()) }
    }

    #[inline(always)]
    unsafe fn store_sums(sums: __m256i, at: *mut u32) {
        // SAFETY: the caller vouches for eight numbers.
        unsafe { _mm256_storeu_si256(at.cast(), sums) }
    }

    /// Adds even and odd bytes separately in 16 bits: `maddubs` would saturate.
    #[inline(always)]
    unsafe fn add(sums: __m256i, row: __m256i, panel: __m256i) -> __m256i {
        // SAFETY: inlined where AVX2 is on.
        unsafe {
            let even = _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(row));
            let odd = _mm256_srai_epi16::<8>(row);
            let panel_even = _mm256_and_si256(panel, _mm256_set1_epi16(0xff));
            let panel_odd = _mm256_srli_epi16::<8>(panel);
            let sums = _mm256_add_epi32(sums, _mm256_madd_epi16(even, panel_even));
            _mm256_add_epi32(sums, _mm256_madd_epi16(odd, panel_odd))
        }
    }
}
