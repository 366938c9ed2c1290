//! The loop over rows, columns and groups of a product, for any vectors.

use super::{Args, PREFETCH_FIRST, PREFETCH_GROUPS};
use crate::panels::{PANEL, STRIP};

/// Vectors of sums on some instruction set. All methods are `#[inline(always)]`, so that they are
/// compiled with the features of their caller.
///
/// # Safety
/// Callers of every method guarantee that the CPU has the instruction set, and that the function
/// into which the method is inlined is compiled for it. `load_sums`, `store_sums` and `load` take
/// an address whose next [`LANES`](Self::LANES) 32-bit numbers may be read, or written for
/// `store_sums`. Neither they nor `prefetch` require alignment, and `prefetch` takes any address.
pub(super) trait Product {
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
    /// Groups that all rows are multiplied with before the next ones: the panel's part of them
    /// stays in the first-level cache. Unlimited if that is prefetched in time from the second.
    const BLOCK: usize = usize::MAX;

    /// Groups of a row for each of the panel.
    const PARTS: usize = 1;
    /// What a row's group number `part` is multiplied with.
    #[inline(always)]
    unsafe fn part(groups: Self::Groups, _part: usize) -> Self::Groups {
        groups
    }

    /// `sums + row · panel`.
    unsafe fn add(sums: Self::Sums, row: Self::Groups, panel: Self::Groups) -> Self::Sums;
    /// Prefetches an address, which may be outside any slice.
    #[inline(always)]
    unsafe fn prefetch(_at: *const u32) {}
}

/// All rows by all columns, `ROWS` rows and `VECTORS` vectors of columns at a time.
///
/// # Safety
/// As of [`Product`]; `args` were checked by `ProductKernel::multiply`.
#[inline(always)]
pub(super) unsafe fn run<P: Product, const VECTORS: usize, const ROWS: usize>(args: &Args) {
    const { assert!(PANEL.is_multiple_of(VECTORS * P::LANES) && STRIP.is_multiple_of(P::LANES)) }
    const { assert!(ROWS <= 12) }
    for column in (0..args.columns).step_by(VECTORS * P::LANES) {
        for first in (0..args.groups).step_by(P::BLOCK) {
            // SAFETY: columns, and groups, stay within what the caller guarantees.
            unsafe {
                let block = Args {
                    rows: args.rows.add(first * P::PARTS),
                    panel: args.panel.add(first * args.panel_stride),
                    groups: (args.groups - first).min(P::BLOCK),
                    accumulate: args.accumulate || first > 0,
                    ..*args
                };
                all_rows::<P, VECTORS, ROWS>(&block, column);
            }
        }
    }
}

/// All rows by `VECTORS` vectors of columns.
///
/// # Safety
/// As of [`run`]; the columns from `column` on are within `args`.
#[inline(always)]
unsafe fn all_rows<P: Product, const VECTORS: usize, const ROWS: usize>(
    args: &Args,
    column: usize,
) {
    let mut row = 0;
    // SAFETY: rows stay within what the caller guarantees.
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
            let row_group = group * P::PARTS;
            add::<P, VECTORS, COUNT>(&mut sums, &rows, row_group, columns.map(|c| P::part(c, 0)));
            // Not a loop: the compiler would keep it, and the sums in memory.
            if P::PARTS == 2 {
                let columns = columns.map(|c| P::part(c, 1));
                add::<P, VECTORS, COUNT>(&mut sums, &rows, row_group + 1, columns);
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

/// Adds the products of one group of each row.
///
/// # Safety
/// As of [`run`]; the rows have that group.
#[inline(always)]
unsafe fn add<P: Product, const VECTORS: usize, const COUNT: usize>(
    sums: &mut [[P::Sums; VECTORS]; COUNT],
    rows: &[*const u32; COUNT],
    group: usize,
    columns: [P::Groups; VECTORS],
) {
    for (sums, row) in sums.iter_mut().zip(rows) {
        // SAFETY: the caller guarantees the group.
        unsafe {
            let row = P::splat(*row.add(group));
            for (sum, column) in sums.iter_mut().zip(columns) {
                *sum = P::add(*sum, row, column);
            }
        }
    }
}
