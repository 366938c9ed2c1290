//! Some rows times one panel of packed weights: the inner loop of every linear layer, in each
//! precision, on each instruction set.
//!
//! A **group** is 32 bits: one `f32`, two bf16 or four 8-bit integers. The product of two groups
//! adds to one sum of 32 bits, `f32` or (of integers) `i32`. So one loop serves all precisions. A
//! **panel** is 64 columns of weights, in four **strips** of 16; a group of all 16 columns of a
//! strip is a cache line.
//!
//! ```text
//!                        one panel: 64 columns (outputs)
//!                   strip 0    strip 1    strip 2    strip 3
//!                  16 columns
//!                 ┌──────────┬──────────┬──────────┬──────────┐
//!         group 0 │▒▒ line ▒▒│          │          │          │  Stored strip by strip: the groups
//!         group 1 │          │          │          │          │  of a strip are adjacent, one line
//!            ...  │          │          │          │          │  of 64 bytes each.
//!         group G │          │          │          │          │
//!                 └──────────┴──────────┴──────────┴──────────┘
//!   rows (tokens)
//!   ┌─┬─┬ ─ ┬─┐   ┌──────────┬──────────┬──────────┬──────────┐
//! 0 │0│1│...│G│   │▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓│          │          │  ▓ a tile of sums: ROWS rows by
//! 1 │ │ │   │ │   │▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓│          │          │    VECTORS vectors of columns, in
//! 2 │ │ │   │ │   │          │          │          │          │    registers over all groups
//!   └─┴─┴ ─ ┴─┘   └──────────┴──────────┴──────────┴──────────┘
//! ```
//!
//! ```text
//! for columns in panel, VECTORS vectors at a time:     (run)
//!     for rows, ROWS at a time:                        (tile)
//!         sums[ROWS][VECTORS] = 0, or present sums     (in registers)
//!         for group in 0..G:
//!             w[VECTORS] = load(panel[group][columns]) (prefetch a few groups ahead)
//!             for r in ROWS:
//!                 x = splat(rows[r][group])
//!                 sums[r][..] += x · w[..]
//!         store(sums)
//! ```
//!
//! ROWS x VECTORS is as large as the registers allow, since each load of weights serves ROWS rows:
//! 6 x 2 with the 16 registers of AVX2, 12 x 2 with the 32 of AVX-512. A panel stays in the
//! second-level cache while all rows of a task are multiplied with it; `packed_linear.rs` chooses
//! the number of rows. AMX replaces the two inner loops: its tiles take 16 rows and 16 groups at a
//! time (`product/amx.rs`).

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod operands;
mod portable;

use std::sync::OnceLock;

use crate::Precision;
use crate::output::entries;
use crate::panels::{PANEL, STRIP};

#[cfg(target_arch = "x86_64")]
pub(crate) use operands::TILE;
pub(crate) use operands::{PanelView, RowOrder, Rows, bits, bits_mut, numbers_mut};

/// An instruction set for products in one precision: a token that exists only if the CPU has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProductKernel {
    precision: Precision,
    set: Set,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 without dot products: `f32`, and bf16 widened to it.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX-512 BF16 or VNNI.
    #[cfg(target_arch = "x86_64")]
    Avx512Dot,
    /// AMX: tiles of 16 rows by 16 columns.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Amx,
}

impl ProductKernel {
    /// The best kernel of this CPU for a precision, detected once.
    pub fn detect(precision: Precision) -> Self {
        static BEST: OnceLock<[ProductKernel; 3]> = OnceLock::new();
        let best = |precision| {
            *Self::available(precision).last().expect("the portable one is always there")
        };
        let best = BEST.get_or_init(|| Precision::ALL.map(best));
        best[precision as usize]
    }

    /// All kernels of this CPU for a precision, slowest first.
    pub(crate) fn available(precision: Precision) -> Vec<Self> {
        #[allow(unused_mut, reason = "only x86-64 has more than one")]
        let mut sets = vec![Set::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                sets.push(Set::Avx2);
            }
            let avx512 =
                is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
            if avx512 && precision != Precision::Int8 {
                sets.push(Set::Avx512);
            }
            let dot = match precision {
                Precision::F32 => false,
                Precision::Bf16 => is_x86_feature_detected!("avx512bf16"),
                Precision::Int8 => is_x86_feature_detected!("avx512vnni"),
            };
            if avx512 && dot {
                sets.push(Set::Avx512Dot);
            }
            #[cfg(target_os = "linux")]
            if avx512 && amx::is_available(precision) {
                sets.push(Set::Amx);
            }
        }
        sets.into_iter().map(|set| Self { precision, set }).collect()
    }

    /// The precision of its operands.
    pub(crate) fn precision(self) -> Precision {
        self.precision
    }

    /// The instruction set's name, as `splade info` prints it.
    pub fn name(self) -> &'static str {
        match (self.set, self.precision) {
            (Set::Portable, _) => "portable",
            #[cfg(target_arch = "x86_64")]
            (Set::Avx2, _) => "avx2",
            #[cfg(target_arch = "x86_64")]
            (Set::Avx512Dot, Precision::Bf16) => "avx512-bf16",
            #[cfg(target_arch = "x86_64")]
            (Set::Avx512Dot, Precision::Int8) => "avx512-vnni",
            #[cfg(target_arch = "x86_64")]
            (Set::Avx512 | Set::Avx512Dot, _) => "avx512",
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            (Set::Amx, Precision::Int8) => "amx-int8",
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            (Set::Amx, _) => "amx-bf16",
        }
    }

    /// Whether the CPU has dot product instructions for this precision; integers are then several
    /// times as fast as `f32`.
    pub(crate) fn is_fast(self) -> bool {
        match self.set {
            Set::Portable => false,
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 | Set::Avx512 => false,
            #[cfg(target_arch = "x86_64")]
            Set::Avx512Dot => true,
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Set::Amx => true,
        }
    }

    /// The row order that it reads.
    pub(crate) fn order(self) -> RowOrder {
        match self.set {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Set::Amx => RowOrder::Tiles,
            _ => RowOrder::Rows,
        }
    }

    /// `sums[r][c] (+)= Σ_g rows[r][g] · panel[g][c]` for the `PANEL` columns of a panel; with
    /// `accumulate`, added to the present sums. Sums are the bits of `f32`, or of `i32` for
    /// integers.
    ///
    /// For integers, rows are signed, and panels are stored + 128 (unsigned).
    ///
    /// # Panics
    /// If the slices are too short.
    pub(crate) fn multiply(
        self,
        rows: Rows<'_>,
        panel: PanelView<'_>,
        sums: &mut [u32],
        accumulate: bool,
    ) {
        let groups = rows.groups;
        if rows.count == 0 {
            return;
        }
        assert!(rows.order == self.order(), "rows are not in the kernel's order");
        let n_sums = entries(rows.filled(), PANEL);
        assert!(n_sums <= sums.len(), "sums are not [rows, PANEL]");
        if groups == 0 {
            // Empty sums: rows and panel may have no data to point at.
            if !accumulate {
                sums[..n_sums].fill(0);
            }
            return;
        }
        assert!(rows.end() <= rows.data.len(), "rows beyond their slice");
        assert!(panel.end(groups) <= panel.data.len(), "a panel beyond its slice");
        let args = Args {
            rows: rows.data.as_ptr(),
            row_stride: rows.stride,
            n_rows: rows.count,
            groups,
            panel: panel.data.as_ptr(),
            panel_stride: panel.stride,
            strip: panel.strip,
            ahead: panel.ahead,
            sums: sums.as_mut_ptr(),
            accumulate,
        };
        // SAFETY: a `ProductKernel` is made only in `available`, after its instruction set was
        // detected; the asserts above keep every pointer of `args` within its slice.
        unsafe {
            match (self.set, self.precision) {
                (Set::Portable, Precision::F32) => run::<portable::F32, 2, 6>(&args),
                (Set::Portable, Precision::Bf16) => run::<portable::Bf16, 2, 6>(&args),
                (Set::Portable, Precision::Int8) => run::<portable::Int8, 2, 6>(&args),
                #[cfg(target_arch = "x86_64")]
                (Set::Avx2, precision) => avx2::run(precision, &args),
                #[cfg(target_arch = "x86_64")]
                (Set::Avx512, Precision::F32) => avx512::run_f32(&args),
                #[cfg(target_arch = "x86_64")]
                (Set::Avx512, _) => avx512::run_bf16_widened(&args),
                #[cfg(target_arch = "x86_64")]
                (Set::Avx512Dot, Precision::Int8) => avx512::run_int8(&args),
                #[cfg(target_arch = "x86_64")]
                (Set::Avx512Dot, _) => avx512::run_bf16(&args),
                #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
                (Set::Amx, precision) => {
                    assert!(panel.stride == STRIP, "AMX takes packed panels");
                    assert!(groups.is_multiple_of(STRIP), "AMX takes whole tiles");
                    amx::run(precision, &args);
                }
            }
        }
    }
}

/// How many groups ahead a product prefetches from the second-level cache into the first.
const PREFETCH_GROUPS: usize = 8;
/// The same for the first rows that a panel is multiplied with, when it comes from memory.
const PREFETCH_FIRST: usize = 64;

/// The operands, as checked by [`ProductKernel::multiply`].
struct Args {
    rows: *const u32,
    row_stride: usize,
    n_rows: usize,
    groups: usize,
    panel: *const u32,
    panel_stride: usize,
    strip: usize,
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "AMX alone needs it"))]
    ahead: usize,
    sums: *mut u32,
    accumulate: bool,
}

/// Vectors of sums on some instruction set. All methods are `#[inline(always)]`, so that they are
/// compiled with the features of their caller.
///
/// # Safety
/// Callers of every method guarantee that the CPU has the instruction set, and that the function
/// into which the method is inlined is compiled for it. `load_sums`, `store_sums` and `load` take
/// an address whose next [`LANES`](Self::LANES) 32-bit numbers may be read, or written for
/// `store_sums`. Neither they nor `prefetch` require alignment, and `prefetch` takes any address.
trait Product {
    /// A vector of sums.
    type Sums: Copy;
    /// A vector of groups: of the panel, or one group of a row in every lane.
    type Groups: Copy;
    /// Lanes of a vector.
    const LANES: usize;

    unsafe fn zero() -> Self::Sums;
    unsafe fn load_sums(at: *const u32) -> Self::Sums;
    unsafe fn store_sums(sums: Self::Sums, at: *mut u32);
    unsafe fn load(at: *const u32) -> Self::Groups;
    unsafe fn splat(group: u32) -> Self::Groups;
    /// `sums + row · panel`.
    unsafe fn add(sums: Self::Sums, row: Self::Groups, panel: Self::Groups) -> Self::Sums;
    /// Prefetches an address, which may be outside any slice.
    #[inline(always)]
    unsafe fn prefetch(_at: *const u32) {}
}

/// All rows by all columns, `ROWS` rows and `VECTORS` vectors of columns at a time.
///
/// # Safety
/// As of [`Product`]; `args` were checked by [`ProductKernel::multiply`].
#[inline(always)]
unsafe fn run<P: Product, const VECTORS: usize, const ROWS: usize>(args: &Args) {
    const { assert!(PANEL.is_multiple_of(VECTORS * P::LANES) && STRIP.is_multiple_of(P::LANES)) }
    const { assert!(ROWS <= 12) }
    for column in (0..PANEL).step_by(VECTORS * P::LANES) {
        let mut row = 0;
        // SAFETY: rows and columns stay within what the caller guarantees.
        unsafe {
            while row + ROWS <= args.n_rows {
                tile::<P, VECTORS, ROWS>(args, row, column);
                row += ROWS;
            }
            // Arms of `ROWS` and more are never reached, and never compiled.
            macro_rules! rest {
                ($($count:literal)*) => {
                    match args.n_rows - row {
                        $($count if $count < ROWS => tile::<P, VECTORS, $count>(args, row, column),)*
                        _ => {}
                    }
                };
            }
            rest!(1 2 3 4 5 6 7 8 9 10 11);
        }
    }
}

/// `COUNT` rows by `VECTORS` vectors of columns, with their sums in registers.
///
/// # Safety
/// As of [`run`]; the rows from `row` on and the columns from `column` on are within `args`.
#[inline(always)]
unsafe fn tile<P: Product, const VECTORS: usize, const COUNT: usize>(
    args: &Args,
    row: usize,
    column: usize,
) {
    // SAFETY: the caller guarantees `args`, and that the tile is within them.
    unsafe {
        let out = |r: usize, v: usize| args.sums.add((row + r) * PANEL + column + v * P::LANES);
        let mut sums = [[P::zero(); VECTORS]; COUNT];
        if args.accumulate {
            for (r, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = P::load_sums(out(r, v));
                }
            }
        }
        let rows: [*const u32; COUNT] =
            std::array::from_fn(|r| args.rows.add((row + r) * args.row_stride));
        // A vector of columns is within one strip.
        let offset = |c: usize| c / STRIP * args.strip + c % STRIP;
        let mut columns_of: [*const u32; VECTORS] =
            std::array::from_fn(|v| args.panel.add(offset(column + v * P::LANES)));
        let ahead = if row == 0 { PREFETCH_FIRST } else { PREFETCH_GROUPS };
        let ahead = ahead * args.panel_stride;
        for group in 0..args.groups {
            let columns: [P::Groups; VECTORS] = std::array::from_fn(|v| P::load(columns_of[v]));
            for columns in columns_of {
                P::prefetch(columns.wrapping_add(ahead));
            }
            for (sums, row) in sums.iter_mut().zip(rows) {
                let row = P::splat(*row.add(group));
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = P::add(*sum, row, column);
                }
            }
            for columns in &mut columns_of {
                *columns = columns.wrapping_add(args.panel_stride);
            }
        }
        for (r, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                P::store_sums(sum, out(r, v));
            }
        }
    }
}

#[cfg(test)]
mod tests;
