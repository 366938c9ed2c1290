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
//!     for rows, ROWS at a time:                        (tile.rs)
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
#[cfg(target_arch = "aarch64")]
mod neon;
mod operands;
#[cfg(not(target_arch = "aarch64"))]
mod portable;
#[cfg(target_arch = "x86_64")]
mod sse2;
#[cfg(not(target_arch = "aarch64"))]
mod tile;
mod widen;

use crate::int8::ZERO_GROUP;
use crate::isa::Set;
use crate::output::entries;
use crate::panels::{PANEL, PanelOrder, STRIP};
use crate::{Arithmetic, Isa, Precision, SimdLevel};

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub(crate) use amx::is_available as has_amx;
#[cfg(any(test, all(target_arch = "x86_64", target_os = "linux")))]
pub(crate) use operands::TILE;
pub(crate) use operands::{PanelView, RowOrder, Rows, bits, bits_mut, numbers_mut};

/// Products in one precision on one instruction set: a token that exists only if the CPU has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProductKernel {
    precision: Precision,
    /// The set of its own instructions.
    set: Set,
    /// The best set that other kernels beside it may use.
    isa: Isa,
}

impl ProductKernel {
    /// The best kernel for a precision, on the instructions that may be used.
    pub(crate) fn of(arithmetic: Arithmetic) -> Self {
        let Arithmetic { precision, isa } = arithmetic;
        Self { precision, set: isa.for_products(precision).set(), isa }
    }

    /// All kernels of this CPU for a precision, also those that are never the best.
    #[cfg(test)]
    pub(crate) fn available(precision: Precision) -> Vec<Self> {
        let sets = Isa::available().iter().filter(|isa| isa.set().has_product(precision));
        sets.map(|&isa| Self { precision, set: isa.set(), isa }).collect()
    }

    /// The precision of its operands.
    pub(crate) fn precision(self) -> Precision {
        self.precision
    }

    /// What kernels around it, other than products, are compiled for.
    pub(crate) fn level(self) -> SimdLevel {
        self.isa.level()
    }

    /// A description for the messages of tests.
    #[cfg(test)]
    pub(crate) fn name(self) -> String {
        format!("{} on {}", self.precision, self.isa)
    }

    /// The row order that it reads.
    pub(crate) fn order(self) -> RowOrder {
        match self.set {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Set::AmxInt8 | Set::AmxBf16 => RowOrder::Tiles,
            _ if self.precision == Precision::F32 => RowOrder::Rows,
            #[cfg(not(target_arch = "aarch64"))]
            Set::Portable => RowOrder::Widened,
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 | Set::Avx512 => RowOrder::Widened,
            #[cfg(target_arch = "aarch64")]
            Set::Neon if self.precision == Precision::Bf16 => RowOrder::Widened,
            #[cfg(target_arch = "aarch64")]
            Set::NeonBf16 | Set::NeonI8mm => RowOrder::Pairs,
            #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
            _ => RowOrder::Rows,
        }
    }

    /// Whether a panel is widened in registers, by each tile anew, if the kernel's order is the
    /// widened one. Otherwise it is widened in memory, once for all rows of a product.
    pub(crate) fn widens_in_registers(self, rows: usize) -> bool {
        match (self.set, self.precision, rows) {
            #[cfg(target_arch = "x86_64")]
            (Set::Avx2, Precision::Int8, rows) => rows <= MAX_ROWS_IN_REGISTERS,
            #[cfg(target_arch = "x86_64")]
            (Set::Avx2 | Set::Avx512, _, _) => true,
            _ => false,
        }
    }

    /// The panel order that it reads.
    pub(crate) fn panel_order(self) -> PanelOrder {
        match self.order() {
            RowOrder::Pairs => PanelOrder::Pairs,
            _ => PanelOrder::Lines,
        }
    }

    /// A group of zeros in a panel. Integers are stored + 128 (unsigned) for kernels that multiply
    /// unsigned with signed, and signed for others.
    pub(crate) fn zero_group(self) -> u32 {
        match (self.set, self.precision) {
            (_, Precision::F32 | Precision::Bf16) => 0,
            _ if cfg!(target_arch = "aarch64") => 0,
            _ => ZERO_GROUP,
        }
    }

    /// `sums[r][c] (+)= Σ_g rows[r][g] · panel[g][c]` for the columns of a panel; with
    /// `accumulate`, added to the present sums. Sums are the bits of `f32`, or of `i32` for
    /// integers.
    ///
    /// Integers of rows are signed, and those of panels exclusive or
    /// [`zero_group`](Self::zero_group). In widened order, the groups of rows are counted as they
    /// are in memory: two for each group of the panel.
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
        if rows.count == 0 {
            return;
        }
        assert!(rows.order == self.order(), "rows are not in the kernel's order");
        let widening = rows.order.widening();
        assert!(rows.groups.is_multiple_of(widening), "half a group of the panel");
        let groups = rows.groups / widening;
        if widening == 1 || groups == 0 || self.widens_in_registers(rows.count) {
            self.multiply_groups(groups, rows, panel, sums, accumulate);
            return;
        }
        assert!(panel.end(groups) <= panel.data.len(), "a panel beyond its slice");
        let at_once = if rows.count <= FEW_ROWS { FEW_GROUPS } else { groups };
        for first in (0..groups).step_by(at_once) {
            let count = at_once.min(groups - first);
            let widened = widening * first..widening * (first + count);
            let rows = Rows { data: &rows.data[widened.start..], groups: widened.len(), ..rows };
            let panel = PanelView { data: &panel.data[first * panel.stride..], ..panel };
            widen::with_panel(self.level(), self.precision, panel, count, |panel| {
                self.multiply_groups(rows.groups, rows, panel, sums, accumulate || first > 0);
            });
        }
    }

    /// [`multiply`](Self::multiply) for `groups` of the panel. They are the groups of a row, or, if
    /// a row has twice as many, become two each in registers.
    fn multiply_groups(
        self,
        groups: usize,
        rows: Rows<'_>,
        panel: PanelView<'_>,
        sums: &mut [u32],
        accumulate: bool,
    ) {
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
            columns: panel.columns.min(PANEL),
            sums: sums.as_mut_ptr(),
            accumulate,
        };
        // SAFETY: a `ProductKernel` is made only of an `Isa`, which exists only after its features
        // were detected; the asserts above keep every pointer of `args` within its slice.
        unsafe {
            match (self.set, self.precision) {
                // bf16 in widened order is `f32`, and integers are of 16 bits.
                #[cfg(target_arch = "x86_64")]
                (Set::Portable, Precision::Int8) => tile::run::<sse2::Int16, 2, 6>(&args),
                #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
                (Set::Portable, Precision::Int8) => tile::run::<portable::Int16, 2, 6>(&args),
                #[cfg(not(target_arch = "aarch64"))]
                (Set::Portable, _) => tile::run::<portable::F32, 2, 6>(&args),
                #[cfg(target_arch = "x86_64")]
                (Set::Avx2, _) if rows.groups != groups => {
                    avx2::run_widening(self.precision, &args)
                }
                #[cfg(target_arch = "x86_64")]
                (Set::Avx2, precision) => avx2::run(precision, &args),
                #[cfg(target_arch = "x86_64")]
                (Set::AvxVnni, _) => avx2::run_int8_vnni(&args),
                #[cfg(target_arch = "x86_64")]
                (Set::Avx512, Precision::F32) => avx512::run(&args),
                #[cfg(target_arch = "x86_64")]
                (Set::Avx512, precision) => avx512::run_widening(precision, &args),
                #[cfg(target_arch = "x86_64")]
                (Set::Avx512Vnni, _) => avx512::run_int8_vnni(&args),
                #[cfg(target_arch = "x86_64")]
                (Set::Avx512Bf16, _) => avx512::run_bf16(&args),
                #[cfg(target_arch = "aarch64")]
                (Set::Neon, Precision::Int8) => neon::run_int8(&args),
                #[cfg(target_arch = "aarch64")]
                (Set::Neon, _) => neon::run_f32(&args),
                #[cfg(target_arch = "aarch64")]
                (Set::NeonDotprod, _) => neon::run_int8_dot(&args),
                #[cfg(target_arch = "aarch64")]
                (Set::NeonBf16 | Set::NeonI8mm, precision) => {
                    assert!(panel.stride == STRIP, "pairs take packed panels");
                    assert!(groups.is_multiple_of(2), "pairs take whole pairs of groups");
                    match precision {
                        Precision::Int8 => neon::run_int8_pairs(&args),
                        _ => neon::run_bf16(&args),
                    }
                }
                #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
                (Set::AmxInt8 | Set::AmxBf16, precision) => {
                    assert!(panel.stride == STRIP, "AMX takes packed panels");
                    assert!(groups.is_multiple_of(STRIP), "AMX takes whole tiles");
                    amx::run(precision, &args);
                }
            }
        }
    }
}

/// With more rows, AVX2 multiplies integers sooner if the panel was widened in memory.
#[cfg(target_arch = "x86_64")]
const MAX_ROWS_IN_REGISTERS: usize = 48;
/// With so few rows, widening takes a good part of the time of a product, so that a panel is
/// widened into the first-level cache: so many of its groups at a time (24 KB).
const FEW_ROWS: usize = 24;
const FEW_GROUPS: usize = 48;
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
    columns: usize,
    sums: *mut u32,
    accumulate: bool,
}

#[cfg(test)]
mod tests;
