//! Operands for CPUs without instructions for their precision: each number twice as wide, as `f32`
//! instead of bf16 and as 16 bits instead of 8.
//!
//! Rows are widened when they are rounded. A panel stays as it is in memory, and is widened in
//! registers by each tile of sums, or into the second-level cache once for all rows of a product.
//! So weights take the memory of their precision, and products take the time of `f32` (bf16), or
//! less (integers). Products of bf16 are exact in `f32`: these kernels give the sums that a loop
//! over pairs would give.

use std::cell::RefCell;
#[cfg(not(target_arch = "aarch64"))]
use std::marker::PhantomData;

#[cfg(not(target_arch = "aarch64"))]
use super::tile::Product;
use super::{PANEL, PanelView, STRIP};
use crate::huge_pages::Line;
use crate::panels::flat;
use crate::simd::multiversion;
use crate::{Precision, SimdLevel};

/// Lines of a strip that a group of its columns becomes.
const LINES: usize = 2;

/// Widens groups of a row: two for each.
#[inline]
pub(super) fn row(precision: Precision, groups: &[u32], out: &mut [u32]) {
    let widen = match precision {
        Precision::Int8 => signed,
        _ => floats,
    };
    for (out, group) in out.as_chunks_mut::<LINES>().0.iter_mut().zip(groups) {
        *out = widen(*group);
    }
}

/// Calls `multiply` with some groups of a panel, widened.
pub(super) fn with_panel(
    level: SimdLevel,
    precision: Precision,
    panel: PanelView<'_>,
    groups: usize,
    multiply: impl FnOnce(PanelView<'_>),
) {
    SCRATCH.with_borrow_mut(|lines| {
        lines.resize(lines.len().max(PANEL / STRIP * LINES * groups), Line([0; STRIP]));
        let strips = lines.chunks_exact_mut(LINES * groups).take(PANEL / STRIP);
        for (strip, out) in strips.enumerate() {
            let data = &panel.data[strip * panel.strip..];
            match precision {
                Precision::Int8 => widen_integers(level, data, panel.stride, out),
                _ => widen_floats(level, data, panel.stride, out),
            }
        }
        let strip = LINES * groups * STRIP;
        let data = &flat(lines)[..PANEL / STRIP * strip];
        multiply(PanelView { data, stride: STRIP, strip, ahead: 0, ..panel });
    });
}

thread_local! {
    /// A widened panel, kept for the thread's next one.
    static SCRATCH: RefCell<Vec<Line>> = RefCell::default();
}

/// Vectors of groups of which each can be widened to two.
///
/// # Safety
/// As of [`Product`].
#[cfg(not(target_arch = "aarch64"))]
pub(super) trait Halves: Product {
    /// The first half of each group if `part` is 0, else the second, as in [`floats`] or
    /// [`unsigned`].
    unsafe fn half(groups: Self::Groups, part: usize) -> Self::Groups;
}

/// A product that widens the panel in registers.
#[cfg(not(target_arch = "aarch64"))]
pub(super) struct InRegisters<P>(PhantomData<P>);

#[cfg(not(target_arch = "aarch64"))]
impl<P: Halves> Product for InRegisters<P> {
    type Sums = P::Sums;
    type Groups = P::Groups;
    const LANES: usize = P::LANES;
    const BLOCK: usize = P::BLOCK;
    const PARTS: usize = LINES;

    #[inline(always)]
    unsafe fn zero() -> P::Sums {
        // SAFETY: the caller guarantees what `P` wants, here and below.
        unsafe { P::zero() }
    }

    #[inline(always)]
    unsafe fn load_sums(at: *const u32) -> P::Sums {
        // SAFETY: as of `zero`.
        unsafe { P::load_sums(at) }
    }

    #[inline(always)]
    unsafe fn store_sums(sums: P::Sums, at: *mut u32) {
        // SAFETY: as of `zero`.
        unsafe { P::store_sums(sums, at) }
    }

    #[inline(always)]
    unsafe fn load(at: *const u32) -> P::Groups {
        // SAFETY: as of `zero`.
        unsafe { P::load(at) }
    }

    #[inline(always)]
    unsafe fn splat(group: u32) -> P::Groups {
        // SAFETY: as of `zero`.
        unsafe { P::splat(group) }
    }

    #[inline(always)]
    unsafe fn part(groups: P::Groups, part: usize) -> P::Groups {
        // SAFETY: as of `zero`.
        unsafe { P::half(groups, part) }
    }

    #[inline(always)]
    unsafe fn add(sums: P::Sums, row: P::Groups, panel: P::Groups) -> P::Sums {
        // SAFETY: as of `zero`.
        unsafe { P::add(sums, row, panel) }
    }

    #[inline(always)]
    unsafe fn prefetch(at: *const u32) {
        // SAFETY: as of `zero`.
        unsafe { P::prefetch(at) }
    }
}

/// Two bf16 as `f32`.
#[inline(always)]
pub(super) fn floats(group: u32) -> [u32; LINES] {
    [group << 16, group & SECOND_HALF]
}

/// Four signed bytes as two pairs of 16 bits: the first and third, and the others.
#[inline(always)]
fn signed(group: u32) -> [u32; LINES] {
    let [a, b, c, d] = group.to_le_bytes().map(|byte| i16::from(byte as i8) as u16);
    [u32::from(a) | u32::from(c) << 16, u32::from(b) | u32::from(d) << 16]
}

/// Four unsigned bytes as two pairs of 16 bits, as [`signed`].
#[inline(always)]
pub(super) fn unsigned(group: u32) -> [u32; LINES] {
    [group & EVEN_BYTES, group >> 8 & EVEN_BYTES]
}

/// The first and third byte of a group.
pub(super) const EVEN_BYTES: u32 = 0x00ff_00ff;
/// The second half of a group, which as `f32` is its second bf16.
pub(super) const SECOND_HALF: u32 = 0xffff_0000;

/// Widens the groups of a strip, `stride` from one line of them to the next.
#[inline(always)]
fn widen_strip(data: &[u32], stride: usize, out: &mut [Line], widen: impl Fn(u32) -> [u32; LINES]) {
    for (out, line) in out.as_chunks_mut::<LINES>().0.iter_mut().zip(data.chunks(stride)) {
        let line = line.first_chunk::<STRIP>().expect("a line of a strip is whole");
        for (lane, group) in line.iter().enumerate() {
            let [first, second] = widen(*group);
            out[0].0[lane] = first;
            out[1].0[lane] = second;
        }
    }
}

#[inline(always)]
fn widen_floats_body(data: &[u32], stride: usize, out: &mut [Line]) {
    widen_strip(data, stride, out, floats);
}

#[inline(always)]
fn widen_integers_body(data: &[u32], stride: usize, out: &mut [Line]) {
    widen_strip(data, stride, out, unsigned);
}

multiversion!(fn widen_floats(data: &[u32], stride: usize, out: &mut [Line]) = widen_floats_body);
multiversion!(fn widen_integers(data: &[u32], stride: usize, out: &mut [Line]) = widen_integers_body);
