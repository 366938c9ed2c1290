//! Products on 64-bit ARM: `f32` and 8-bit integers one element of a row at a time, bf16 and
//! integers two rows by two columns at a time.
//!
//! By element, one load of a row serves four groups: each is multiplied with a line of sixteen
//! columns, `sums += line · row[i]`. The instructions of `bf16`, `dotprod` and `i8mm` have no
//! stable intrinsics, so they are in `asm!`, one a block; the loops around them are in Rust.

use std::arch::aarch64::*;
use std::arch::asm;

use super::{Args, PREFETCH_FIRST, PREFETCH_GROUPS};
use crate::panels::{PANEL, STRIP};

/// Lanes of a vector: 32-bit numbers in 128 bits.
const LANES: usize = 4;
/// Vectors of a strip's columns.
const VECTORS: usize = STRIP / LANES;

/// # Safety
/// `args` are checked as in `ProductKernel::multiply`.
#[inline(never)]
pub(super) unsafe fn run_f32(args: &Args) {
    // SAFETY: every CPU of this architecture has NEON; the caller guarantees `args`.
    unsafe { by_element::<F32>(args) }
}

/// # Safety
/// The CPU has dot products; `args` are checked as in `ProductKernel::multiply`, panels signed.
#[target_feature(enable = "neon,dotprod")]
pub(super) unsafe fn run_int8_dot(args: &Args) {
    // SAFETY: the feature is enabled; the caller guarantees `args`.
    unsafe { by_element::<Dot>(args) }
}

/// # Safety
/// `args` are checked as in `ProductKernel::multiply`, panels signed.
#[inline(never)]
pub(super) unsafe fn run_int8(args: &Args) {
    // SAFETY: every CPU of this architecture has NEON; the caller guarantees `args`.
    unsafe {
        for strip in 0..args.columns.div_ceil(STRIP) {
            let mut row = 0;
            while row + 3 <= args.n_rows {
                bytes_tile::<3>(args, row, strip);
                row += 3;
            }
            match args.n_rows - row {
                1 => bytes_tile::<1>(args, row, strip),
                2 => bytes_tile::<2>(args, row, strip),
                _ => {}
            }
        }
    }
}

/// # Safety
/// The CPU has bf16 instructions; `args` are checked as in `ProductKernel::multiply`, in pairs.
#[target_feature(enable = "neon,bf16")]
pub(super) unsafe fn run_bf16(args: &Args) {
    // SAFETY: the feature is enabled; the caller guarantees `args`.
    unsafe { in_pairs::<Bf16Pairs>(args) }
}

/// # Safety
/// The CPU has 8-bit matrix products; `args` are checked as in `ProductKernel::multiply`, in pairs,
/// panels signed.
#[target_feature(enable = "neon,i8mm")]
pub(super) unsafe fn run_int8_pairs(args: &Args) {
    // SAFETY: the feature is enabled; the caller guarantees `args`.
    unsafe { in_pairs::<Int8Pairs>(args) }
}

/// Prefetches an address, which may be outside any slice.
#[inline(always)]
fn prefetch(at: *const u32) {
    // SAFETY: a hint, which faults on no address.
    unsafe { asm!("prfm pldl1keep, [{}]", in(reg) at, options(nostack, preserves_flags, readonly)) }
}

/// Multiplication of a line's vector with one element of a row. Methods are `#[inline(always)]`.
///
/// # Safety
/// Callers of every method guarantee that the CPU has its instructions and that the function into
/// which it is inlined is compiled for them; and of `load`, `load_group` and `store` that the next
/// four numbers, or one group, may be accessed.
trait Element {
    type Vector: Copy;

    unsafe fn zero() -> Self::Vector;
    unsafe fn load(at: *const u32) -> Self::Vector;
    /// One group in the first lane, or in all.
    unsafe fn load_group(at: *const u32) -> Self::Vector;
    unsafe fn store(sums: Self::Vector, at: *mut u32);
    /// `sums + line · row[I]`.
    unsafe fn add<const I: i32>(
        sums: Self::Vector,
        line: Self::Vector,
        row: Self::Vector,
    ) -> Self::Vector;
}

struct F32;
struct Dot;

impl Element for F32 {
    type Vector = float32x4_t;

    #[inline(always)]
    unsafe fn zero() -> float32x4_t {
        // SAFETY: NEON is always on.
        unsafe { vdupq_n_f32(0.0) }
    }

    #[inline(always)]
    unsafe fn load(at: *const u32) -> float32x4_t {
        // SAFETY: the caller vouches for four numbers.
        unsafe { vld1q_f32(at.cast()) }
    }

    #[inline(always)]
    unsafe fn load_group(at: *const u32) -> float32x4_t {
        // SAFETY: the caller vouches for a group.
        unsafe { vld1q_dup_f32(at.cast()) }
    }

    #[inline(always)]
    unsafe fn store(sums: float32x4_t, at: *mut u32) {
        // SAFETY: the caller vouches for four numbers.
        unsafe { vst1q_f32(at.cast(), sums) }
    }

    #[inline(always)]
    unsafe fn add<const I: i32>(
        sums: float32x4_t,
        line: float32x4_t,
        row: float32x4_t,
    ) -> float32x4_t {
        // SAFETY: NEON is always on.
        unsafe { vfmaq_laneq_f32::<I>(sums, line, row) }
    }
}

impl Element for Dot {
    type Vector = int32x4_t;

    #[inline(always)]
    unsafe fn zero() -> int32x4_t {
        // SAFETY: NEON is always on.
        unsafe { vdupq_n_s32(0) }
    }

    #[inline(always)]
    unsafe fn load(at: *const u32) -> int32x4_t {
        // SAFETY: the caller vouches for four numbers.
        unsafe { vld1q_s32(at.cast()) }
    }

    #[inline(always)]
    unsafe fn load_group(at: *const u32) -> int32x4_t {
        // SAFETY: the caller vouches for a group.
        unsafe { vld1q_dup_s32(at.cast()) }
    }

    #[inline(always)]
    unsafe fn store(sums: int32x4_t, at: *mut u32) {
        // SAFETY: the caller vouches for four numbers.
        unsafe { vst1q_s32(at.cast(), sums) }
    }

    #[inline(always)]
    unsafe fn add<const I: i32>(mut sums: int32x4_t, line: int32x4_t, row: int32x4_t) -> int32x4_t {
        macro_rules! sdot {
            ($element:literal) => {
                asm!(
                    concat!("sdot {sums:v}.4s, {line:v}.16b, {row:v}.4b[", $element, "]"),
                    sums = inout(vreg) sums,
                    line = in(vreg) line,
                    row = in(vreg) row,
                    options(pure, nomem, nostack, preserves_flags),
                )
            };
        }
        // SAFETY: inlined where dot products are on.
        unsafe {
            match I {
                0 => sdot!(0),
                1 => sdot!(1),
                2 => sdot!(2),
                _ => sdot!(3),
            }
        }
        sums
    }
}

/// All rows by all columns, six rows by a strip at a time.
///
/// # Safety
/// As of [`Element`]; `args` were checked by `ProductKernel::multiply`.
#[inline(always)]
unsafe fn by_element<P: Element>(args: &Args) {
    for strip in 0..args.columns.div_ceil(STRIP) {
        let mut row = 0;
        // SAFETY: rows and strips stay within what the caller guarantees.
        unsafe {
            while row + 6 <= args.n_rows {
                element_tile::<P, 6>(args, row, strip);
                row += 6;
            }
            match args.n_rows - row {
                1 => element_tile::<P, 1>(args, row, strip),
                2 => element_tile::<P, 2>(args, row, strip),
                3 => element_tile::<P, 3>(args, row, strip),
                4 => element_tile::<P, 4>(args, row, strip),
                5 => element_tile::<P, 5>(args, row, strip),
                _ => {}
            }
        }
    }
}

/// `COUNT` rows by a strip, with their sums in registers.
///
/// # Safety
/// As of [`by_element`]; the rows from `row` on and the strip are within `args`.
#[inline(always)]
unsafe fn element_tile<P: Element, const COUNT: usize>(args: &Args, row: usize, strip: usize) {
    // SAFETY: the caller guarantees `args`, and that the tile is within them.
    unsafe {
        let out = |r: usize, v: usize| args.sums.add((row + r) * PANEL + strip * STRIP + v * LANES);
        let mut sums = [[P::zero(); VECTORS]; COUNT];
        if args.accumulate {
            for (r, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = P::load(out(r, v));
                }
            }
        }
        let mut rows: [*const u32; COUNT] =
            std::array::from_fn(|r| args.rows.add((row + r) * args.row_stride));
        let mut line = args.panel.add(strip * args.strip);
        let ahead = prefetch_distance(row) * args.panel_stride;
        macro_rules! add_line {
            ($element:literal, $elements:ident) => {
                prefetch(line.wrapping_add(ahead));
                for v in 0..VECTORS {
                    let columns = P::load(line.add(v * LANES));
                    for (sums, row) in sums.iter_mut().zip($elements) {
                        sums[v] = P::add::<$element>(sums[v], columns, row);
                    }
                }
                line = line.wrapping_add(args.panel_stride);
            };
        }
        for _ in 0..args.groups / LANES {
            let elements: [P::Vector; COUNT] = std::array::from_fn(|r| P::load(rows[r]));
            rows = rows.map(|row| row.wrapping_add(LANES));
            add_line!(0, elements);
            add_line!(1, elements);
            add_line!(2, elements);
            add_line!(3, elements);
        }
        for _ in 0..args.groups % LANES {
            let elements: [P::Vector; COUNT] = std::array::from_fn(|r| P::load_group(rows[r]));
            rows = rows.map(|row| row.wrapping_add(1));
            add_line!(0, elements);
        }
        for (r, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                P::store(sum, out(r, v));
            }
        }
    }
}

/// How many groups ahead a tile prefetches: more for the first rows, for which a panel may come
/// from memory.
#[inline(always)]
fn prefetch_distance(row: usize) -> usize {
    if row == 0 { PREFETCH_FIRST } else { PREFETCH_GROUPS }
}

/// `COUNT` rows of bytes by a strip, on CPUs without dot products. Two products of bytes fit 16
/// bits, and pairs of their sums are added to 32: three instructions for 16 multiply-adds.
///
/// # Safety
/// As of [`run_int8`]; the rows from `row` on and the strip are within `args`.
#[inline(always)]
unsafe fn bytes_tile<const COUNT: usize>(args: &Args, row: usize, strip: usize) {
    // SAFETY: the caller guarantees `args`, and that the tile is within them; NEON is always on.
    unsafe {
        // For each four columns two vectors of two columns: the sums of a column's first and last
        // two bytes.
        let mut sums = [[[vdupq_n_s32(0); 2]; VECTORS]; COUNT];
        let mut rows: [*const u32; COUNT] =
            std::array::from_fn(|r| args.rows.add((row + r) * args.row_stride));
        let mut line = args.panel.add(strip * args.strip);
        let ahead = prefetch_distance(row) * args.panel_stride;
        let group = |at: *const u32| vreinterpretq_s8_s32(vld1q_dup_s32(at.cast()));
        macro_rules! add_lines {
            ($second:expr, $second_group:expr) => {
                for v in 0..VECTORS {
                    let first = vld1q_s8(line.add(v * LANES).cast());
                    let second = $second(v);
                    for (sums, row) in sums.iter_mut().zip(rows) {
                        let (a, b) = (group(row), $second_group(row));
                        let low = vmull_s8(vget_low_s8(first), vget_low_s8(a));
                        let low = vmlal_s8(low, vget_low_s8(second), vget_low_s8(b));
                        let high = vmlal_high_s8(vmull_high_s8(first, a), second, b);
                        sums[v][0] = vpadalq_s16(sums[v][0], low);
                        sums[v][1] = vpadalq_s16(sums[v][1], high);
                    }
                }
            };
        }
        for _ in 0..args.groups / 2 {
            prefetch(line.wrapping_add(ahead));
            let next = line.wrapping_add(args.panel_stride);
            add_lines!(|v| vld1q_s8(next.add(v * LANES).cast()), |row: *const u32| group(
                row.add(1)
            ));
            line = next.wrapping_add(args.panel_stride);
            rows = rows.map(|row| row.wrapping_add(2));
        }
        if args.groups % 2 == 1 {
            add_lines!(|_| vdupq_n_s8(0), |_| vdupq_n_s8(0));
        }
        for (r, sums) in sums.into_iter().enumerate() {
            for (v, [low, high]) in sums.into_iter().enumerate() {
                let out = args.sums.add((row + r) * PANEL + strip * STRIP + v * LANES);
                let mut sum = vpaddq_s32(low, high);
                if args.accumulate {
                    sum = vaddq_s32(sum, vld1q_s32(out.cast()));
                }
                vst1q_s32(out.cast(), sum);
            }
        }
    }
}

/// Multiplication of two rows' bytes with those of two columns. Methods are `#[inline(always)]`.
///
/// # Safety
/// Callers guarantee that the CPU has the instruction, and that the function into which it is
/// inlined is compiled for it.
trait Pairs {
    /// `[r0 c0, r0 c1, r1 c0, r1 c1]`, plus the products of the eight bytes of each.
    unsafe fn add(sums: uint32x4_t, rows: uint32x4_t, columns: uint32x4_t) -> uint32x4_t;
}

struct Bf16Pairs;
struct Int8Pairs;

macro_rules! pairs {
    ($name:ident, $instruction:literal) => {
        impl Pairs for $name {
            #[inline(always)]
            unsafe fn add(
                mut sums: uint32x4_t,
                rows: uint32x4_t,
                columns: uint32x4_t,
            ) -> uint32x4_t {
                // SAFETY: inlined where the instruction is on.
                unsafe {
                    asm!(
                        $instruction,
                        sums = inout(vreg) sums,
                        rows = in(vreg) rows,
                        columns = in(vreg) columns,
                        options(pure, nomem, nostack, preserves_flags),
                    );
                }
                sums
            }
        }
    };
}

pairs!(Bf16Pairs, "bfmmla {sums:v}.4s, {rows:v}.8h, {columns:v}.8h");
pairs!(Int8Pairs, "smmla {sums:v}.4s, {rows:v}.16b, {columns:v}.16b");

/// Pairs of columns in a strip.
const COLUMN_PAIRS: usize = STRIP / 2;

/// All rows by all columns, three pairs of rows by a strip at a time.
///
/// # Safety
/// As of [`Pairs`]; `args` were checked by `ProductKernel::multiply`: rows and panel in pairs, an
/// even number of groups, adjacent.
#[inline(always)]
unsafe fn in_pairs<P: Pairs>(args: &Args) {
    let n_pairs = args.n_rows.div_ceil(2);
    for strip in 0..args.columns.div_ceil(STRIP) {
        let mut pair = 0;
        // SAFETY: pairs and strips stay within what the caller guarantees.
        unsafe {
            while pair + 3 <= n_pairs {
                pairs_tile::<P, 3>(args, pair, strip);
                pair += 3;
            }
            match n_pairs - pair {
                1 => pairs_tile::<P, 1>(args, pair, strip),
                2 => pairs_tile::<P, 2>(args, pair, strip),
                _ => {}
            }
        }
    }
}

/// `COUNT` pairs of rows by a strip, with their sums in registers.
///
/// # Safety
/// As of [`in_pairs`]; the pairs from `pair` on and the strip are within `args`.
#[inline(always)]
unsafe fn pairs_tile<P: Pairs, const COUNT: usize>(args: &Args, pair: usize, strip: usize) {
    // SAFETY: the caller guarantees `args`, and that the tile is within them; NEON is always on.
    unsafe {
        // Four columns of a pair's first row; its second row is PANEL further.
        let out =
            |r: usize, v: usize| args.sums.add((pair + r) * 2 * PANEL + strip * STRIP + v * LANES);
        let mut sums = [[vdupq_n_u32(0); COLUMN_PAIRS]; COUNT];
        if args.accumulate {
            for (r, sums) in sums.iter_mut().enumerate() {
                for v in 0..VECTORS {
                    let first = vreinterpretq_u64_u32(vld1q_u32(out(r, v)));
                    let second = vreinterpretq_u64_u32(vld1q_u32(out(r, v).add(PANEL)));
                    sums[2 * v] = vreinterpretq_u32_u64(vzip1q_u64(first, second));
                    sums[2 * v + 1] = vreinterpretq_u32_u64(vzip2q_u64(first, second));
                }
            }
        }
        let mut rows: [*const u32; COUNT] =
            std::array::from_fn(|r| args.rows.add((pair + r) * 2 * args.row_stride));
        let mut lines = args.panel.add(strip * args.strip);
        let ahead = prefetch_distance(pair) * STRIP;
        for _ in 0..args.groups / 2 {
            let elements: [uint32x4_t; COUNT] = std::array::from_fn(|r| vld1q_u32(rows[r]));
            rows = rows.map(|row| row.wrapping_add(LANES));
            prefetch(lines.wrapping_add(ahead));
            prefetch(lines.wrapping_add(ahead + STRIP));
            for column in 0..COLUMN_PAIRS {
                let columns = vld1q_u32(lines.add(column * LANES));
                for (sums, row) in sums.iter_mut().zip(elements) {
                    sums[column] = P::add(sums[column], row, columns);
                }
            }
            lines = lines.wrapping_add(2 * STRIP);
        }
        for (r, sums) in sums.into_iter().enumerate() {
            for v in 0..VECTORS {
                let first = vreinterpretq_u64_u32(sums[2 * v]);
                let second = vreinterpretq_u64_u32(sums[2 * v + 1]);
                vst1q_u32(out(r, v), vreinterpretq_u32_u64(vzip1q_u64(first, second)));
                vst1q_u32(out(r, v).add(PANEL), vreinterpretq_u32_u64(vzip2q_u64(first, second)));
            }
        }
    }
}
