//! Products on AVX2 with FMA: vectors of eight sums.

use std::arch::x86_64::*;

use super::Args;
use super::tile::{Product, run as multiply};
use super::widen::{EVEN_BYTES, Halves, InRegisters, SECOND_HALF};
use crate::Precision;

const LANES: usize = 8;
/// Two vectors by six rows take twelve of the sixteen registers.
const VECTORS: usize = 2;
const ROWS: usize = 6;

/// Groups of a strip that take half of the first-level cache (16 KB), beside those of six rows.
const BLOCK: usize = 256;

/// Panels are as wide as rows: of `f32`, or of integers of 16 bits.
///
/// # Safety
/// The CPU has AVX2 and FMA; `args` are checked as in `ProductKernel::multiply`.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run(precision: Precision, args: &Args) {
    // SAFETY: the features are enabled; the caller guarantees `args`.
    unsafe {
        match precision {
            Precision::Int8 => multiply::<Int16, VECTORS, ROWS>(args),
            _ => multiply::<F32, VECTORS, ROWS>(args),
        }
    }
}

/// Panels of bf16 and of 8-bit integers; rows are in widened order.
///
/// # Safety
/// As of [`run`].
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run_widening(precision: Precision, args: &Args) {
    // SAFETY: the features are enabled; the caller guarantees `args`.
    unsafe {
        match precision {
            Precision::Int8 => multiply::<InRegisters<Int16>, VECTORS, ROWS>(args),
            _ => multiply::<InRegisters<F32>, VECTORS, ROWS>(args),
        }
    }
}

/// # Safety
/// The CPU has AVX-VNNI; `args` are checked as in `ProductKernel::multiply`.
#[target_feature(enable = "avx2,fma,avxvnni")]
pub(super) unsafe fn run_int8_vnni(args: &Args) {
    // SAFETY: the features are enabled; the caller guarantees `args`.
    unsafe { multiply::<Int8, VECTORS, ROWS>(args) }
}

struct F32;
struct Int16;
struct Int8;

macro_rules! integers {
    () => {
        type Sums = __m256i;
        type Groups = __m256i;
        const LANES: usize = LANES;
        const BLOCK: usize = BLOCK;

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
    type Sums = __m256;
    type Groups = __m256;
    const LANES: usize = LANES;
    const BLOCK: usize = BLOCK;

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

impl Product for Int16 {
    integers!();

    #[inline(always)]
    unsafe fn add(sums: __m256i, row: __m256i, panel: __m256i) -> __m256i {
        // SAFETY: inlined where AVX2 is on.
        unsafe { _mm256_add_epi32(sums, _mm256_madd_epi16(row, panel)) }
    }
}

impl Halves for F32 {
    #[inline(always)]
    unsafe fn half(groups: __m256, part: usize) -> __m256 {
        // SAFETY: inlined where AVX2 is on.
        unsafe {
            let groups = _mm256_castps_si256(groups);
            _mm256_castsi256_ps(match part {
                0 => _mm256_slli_epi32::<16>(groups),
                _ => _mm256_and_si256(groups, _mm256_set1_epi32(SECOND_HALF as i32)),
            })
        }
    }
}

impl Halves for Int16 {
    #[inline(always)]
    unsafe fn half(groups: __m256i, part: usize) -> __m256i {
        // SAFETY: inlined where AVX2 is on.
        unsafe {
            match part {
                0 => _mm256_and_si256(groups, _mm256_set1_epi32(EVEN_BYTES as i32)),
                _ => _mm256_srli_epi16::<8>(groups),
            }
        }
    }
}

impl Product for Int8 {
    integers!();

    #[inline(always)]
    unsafe fn add(sums: __m256i, row: __m256i, panel: __m256i) -> __m256i {
        // SAFETY: inlined where AVX-VNNI is on.
        unsafe { _mm256_dpbusd_avx_epi32(sums, panel, row) }
    }
}
