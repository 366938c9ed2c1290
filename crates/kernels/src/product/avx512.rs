//! Products on AVX-512: vectors of sixteen sums; bf16 and 8-bit integers by their own instructions.

use std::arch::x86_64::*;

use super::Args;
use super::tile::{Product, run as multiply};
use super::widen::{EVEN_BYTES, Halves, InRegisters, SECOND_HALF};
use crate::Precision;

const LANES: usize = 16;
/// Two vectors by twelve rows take 24 of the 32 registers. Four by six would load a row's groups
/// half as often, but the panel's twice as often, which come from farther away.
const VECTORS: usize = 2;
const ROWS: usize = 12;
/// With twelve the compiler keeps groups of rows on the stack, at half the speed.
const WIDENED_ROWS: usize = 8;

/// # Safety
/// The CPU has AVX-512 F; `args` are checked as in `ProductKernel::multiply`.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn run(args: &Args) {
    // SAFETY: the features are enabled; the caller guarantees `args`.
    unsafe { multiply::<F32, VECTORS, ROWS>(args) }
}

/// Panels of bf16 and of 8-bit integers; rows are in widened order.
///
/// # Safety
/// The CPU has AVX-512 F and BW; `args` are checked as in `ProductKernel::multiply`.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) unsafe fn run_widening(precision: Precision, args: &Args) {
    // SAFETY: the features are enabled; the caller guarantees `args`.
    unsafe {
        match precision {
            Precision::Int8 => multiply::<InRegisters<Int16>, VECTORS, ROWS>(args),
            _ => multiply::<InRegisters<F32>, VECTORS, WIDENED_ROWS>(args),
        }
    }
}

/// # Safety
/// The CPU has AVX-512 BF16; `args` are checked as in `ProductKernel::multiply`.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) unsafe fn run_bf16(args: &Args) {
    // SAFETY: the features are enabled; the caller guarantees `args`.
    unsafe { multiply::<Bf16, VECTORS, ROWS>(args) }
}

/// # Safety
/// The CPU has AVX-512 VNNI; `args` are checked as in `ProductKernel::multiply`.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) unsafe fn run_int8_vnni(args: &Args) {
    // SAFETY: the features are enabled; the caller guarantees `args`.
    unsafe { multiply::<Int8, VECTORS, ROWS>(args) }
}

struct F32;
struct Bf16;
struct Int16;
struct Int8;

macro_rules! float_sums {
    () => {
        type Sums = __m512;
        const LANES: usize = LANES;

        #[inline(always)]
        unsafe fn zero() -> __m512 {
            // SAFETY: inlined where AVX-512 is on.
            unsafe { _mm512_setzero_ps() }
        }

        #[inline(always)]
        unsafe fn load_sums(at: *const u32) -> __m512 {
            // SAFETY: the caller vouches for sixteen numbers.
            unsafe { _mm512_loadu_ps(at.cast()) }
        }

        #[inline(always)]
        unsafe fn store_sums(sums: __m512, at: *mut u32) {
            // SAFETY: the caller vouches for sixteen numbers.
            unsafe { _mm512_storeu_ps(at.cast(), sums) }
        }
    };
}

macro_rules! integer_sums {
    () => {
        type Sums = __m512i;
        const LANES: usize = LANES;

        #[inline(always)]
        unsafe fn zero() -> __m512i {
            // SAFETY: inlined where AVX-512 is on.
            unsafe { _mm512_setzero_si512() }
        }

        #[inline(always)]
        unsafe fn load_sums(at: *const u32) -> __m512i {
            // SAFETY: the caller vouches for sixteen numbers.
            unsafe { _mm512_loadu_si512(at.cast()) }
        }

        #[inline(always)]
        unsafe fn store_sums(sums: __m512i, at: *mut u32) {
            // SAFETY: the caller vouches for sixteen numbers.
            unsafe { _mm512_storeu_si512(at.cast(), sums) }
        }
    };
}

macro_rules! prefetch {
    () => {
        #[inline(always)]
        unsafe fn prefetch(at: *const u32) {
            // SAFETY: a hint, which faults on no address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
        }
    };
}

macro_rules! integer_groups {
    () => {
        type Groups = __m512i;

        #[inline(always)]
        unsafe fn load(at: *const u32) -> __m512i {
            // SAFETY: the caller vouches for sixteen groups.
            unsafe { _mm512_loadu_si512(at.cast()) }
        }

        #[inline(always)]
        unsafe fn splat(group: u32) -> __m512i {
            // SAFETY: inlined where AVX-512 is on.
            unsafe { _mm512_set1_epi32(group as i32) }
        }
    };
}

impl Product for F32 {
    float_sums!();
    prefetch!();
    type Groups = __m512;

    #[inline(always)]
    unsafe fn load(at: *const u32) -> __m512 {
        // SAFETY: the caller vouches for sixteen numbers.
        unsafe { _mm512_loadu_ps(at.cast()) }
    }

    #[inline(always)]
    unsafe fn splat(group: u32) -> __m512 {
        // SAFETY: inlined where AVX-512 is on.
        unsafe { _mm512_set1_ps(f32::from_bits(group)) }
    }

    #[inline(always)]
    unsafe fn add(sums: __m512, row: __m512, panel: __m512) -> __m512 {
        // SAFETY: inlined where AVX-512 is on.
        unsafe { _mm512_fmadd_ps(row, panel, sums) }
    }
}

impl Product for Bf16 {
    float_sums!();
    prefetch!();
    integer_groups!();

    #[inline(always)]
    unsafe fn add(sums: __m512, row: __m512i, panel: __m512i) -> __m512 {
        // SAFETY: inlined where AVX-512 BF16 is on; the vectors are both 512 bits.
        unsafe {
            let bf16 = |groups| std::mem::transmute::<__m512i, __m512bh>(groups);
            _mm512_dpbf16_ps(sums, bf16(row), bf16(panel))
        }
    }
}

impl Product for Int16 {
    integer_sums!();
    integer_groups!();
    prefetch!();

    #[inline(always)]
    unsafe fn add(sums: __m512i, row: __m512i, panel: __m512i) -> __m512i {
        // SAFETY: inlined where AVX-512 BW is on.
        unsafe { _mm512_add_epi32(sums, _mm512_madd_epi16(row, panel)) }
    }
}

impl Halves for F32 {
    #[inline(always)]
    unsafe fn half(groups: __m512, part: usize) -> __m512 {
        // SAFETY: inlined where AVX-512 is on.
        unsafe {
            let groups = _mm512_castps_si512(groups);
            _mm512_castsi512_ps(match part {
                0 => _mm512_slli_epi32::<16>(groups),
                _ => _mm512_and_si512(groups, _mm512_set1_epi32(SECOND_HALF as i32)),
            })
        }
    }
}

impl Halves for Int16 {
    #[inline(always)]
    unsafe fn half(groups: __m512i, part: usize) -> __m512i {
        // SAFETY: inlined where AVX-512 BW is on.
        unsafe {
            match part {
                0 => _mm512_and_si512(groups, _mm512_set1_epi32(EVEN_BYTES as i32)),
                _ => _mm512_srli_epi16::<8>(groups),
            }
        }
    }
}

impl Product for Int8 {
    integer_sums!();
    integer_groups!();
    prefetch!();

    #[inline(always)]
    unsafe fn add(sums: __m512i, row: __m512i, panel: __m512i) -> __m512i {
        // SAFETY: inlined where AVX-512 VNNI is on.
        unsafe { _mm512_dpbusd_epi32(sums, panel, row) }
    }
}
