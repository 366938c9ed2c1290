//! Products on AMX: tiles of 16 rows by 16 groups times tiles of 16 groups by 16 columns.
//!
//! Two by two tiles of sums and the tiles that they are computed from fill the eight registers.
//! Rows and panels are stored as whole tiles, each sixteen consecutive cache lines. Rust has no
//! stable intrinsics for AMX, so the instructions are in `asm!`: one block for a whole sum over the
//! groups.

use std::arch::asm;
use std::sync::OnceLock;

use super::{Args, PANEL, STRIP, TILE};
use crate::Precision;

/// Bytes of a tile.
const TILE_BYTES: usize = 1024;

/// Whether the CPU has AMX and the system lets this process use it; determined once.
pub(crate) fn is_available(precision: Precision) -> bool {
    static FOUND: OnceLock<[bool; 3]> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let [bf16, tiles, int8] = cpu_bits();
        let usable = tiles && ask_for_tiles();
        Precision::ALL.map(|precision| match precision {
            Precision::F32 => false,
            Precision::Bf16 => usable && bf16,
            Precision::Int8 => usable && int8,
        })
    });
    found[precision as usize]
}

/// AMX-BF16, AMX-TILE and AMX-INT8, as reported by CPUID.
fn cpu_bits() -> [bool; 3] {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    if __cpuid(0).eax < 7 {
        return [false; 3];
    }
    let features = __cpuid_count(7, 0).edx;
    [22, 24, 25].map(|bit| features >> bit & 1 == 1)
}

/// Requests the tile state from Linux, which saves it only for processes that ask. False if Linux
/// refuses, or does not know the request.
fn ask_for_tiles() -> bool {
    const ARCH_PRCTL: isize = 158;
    const REQUEST_PERMISSION: usize = 0x1023;
    const TILE_DATA: usize = 18;
    let result: isize;
    // SAFETY: a system call that touches no memory of ours; the kernel overwrites rcx and r11.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => result,
            in("rdi") REQUEST_PERMISSION,
            in("rsi") TILE_DATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result == 0
}

/// The operand of `ldtilecfg`: eight tiles of sixteen rows of 64 bytes.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static CONFIGURATION: Configuration = Configuration {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    row_bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

/// # Safety
/// `is_available` returned true for `precision`. `args` are checked as in
/// `ProductKernel::multiply`, in whole tiles: rows in tile order, the number of groups a multiple
/// of 16, the groups of a strip adjacent.
pub(super) unsafe fn run(precision: Precision, args: &Args) {
    // SAFETY: AMX is available, and the configuration is a constant in the format of the
    // instruction. No code outside this module uses tiles, so the state lasts until `tilerelease`.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const CONFIGURATION, options(nostack, readonly)) };
    let n_tiles = args.n_rows.div_ceil(TILE);
    let (pairs, single) = (n_tiles / 2, n_tiles % 2);
    for strip in (0..PANEL / STRIP).step_by(2) {
        for pair in 0..pairs {
            // SAFETY: two tiles of rows and two strips within `args`.
            unsafe {
                match precision {
                    Precision::Int8 => two_by_two_int8(args, 2 * pair, strip),
                    _ => two_by_two_bf16(args, 2 * pair, strip),
                }
            }
        }
    }
    if single == 1 {
        // SAFETY: the last tile of rows, and all strips.
        unsafe {
            match precision {
                Precision::Int8 => one_by_four_int8(args, n_tiles - 1),
                _ => one_by_four_bf16(args, n_tiles - 1),
            }
        }
    }
    // SAFETY: AMX is available.
    unsafe { asm!("tilerelease", options(nostack, nomem)) };
}

/// Pointers to a tile's rows, a strip's groups, and their sums.
///
/// # Safety
/// As [`run`]; tile and strip are within `args`.
unsafe fn pointers(args: &Args, tile: usize, strip: usize) -> (*const u32, *const u32, *mut u32) {
    // SAFETY: the caller guarantees `args`, and that tile and strip are within them.
    unsafe {
        (
            args.rows.add(tile * TILE * args.row_stride),
            args.panel.add(strip * args.strip),
            args.sums.add(tile * TILE * PANEL + strip * STRIP),
        )
    }
}

macro_rules! two_by_two {
    ($name:ident, $dot:literal) => {
        /// Two tiles of rows by two strips.
        ///
        /// # Safety
        /// As [`run`]; both tiles and both strips are within `args`.
        unsafe fn $name(args: &Args, tile: usize, strip: usize) {
            // SAFETY: every tile that is loaded or stored is within `args`; the counter is at least
            // 1 when the loop is entered.
            unsafe {
                let (rows, columns, sums) = pointers(args, tile, strip);
                asm!(
                    "test {accumulate:e}, {accumulate:e}",
                    "jz 2f",
                    "tileloadd tmm0, [{upper} + {row}*1]",
                    "tileloadd tmm1, [{upper} + {row}*1 + 64]",
                    "tileloadd tmm2, [{lower} + {row}*1]",
                    "tileloadd tmm3, [{lower} + {row}*1 + 64]",
                    "jmp 3f",
                    "2:",
                    "tilezero tmm0",
                    "tilezero tmm1",
                    "tilezero tmm2",
                    "tilezero tmm3",
                    "3:",
                    "test {steps}, {steps}",
                    "jz 5f",
                    "4:",
                    "tileloadd tmm4, [{a} + {line}*1]",
                    "tileloadd tmm6, [{b} + {line}*1]",
                    concat!($dot, " tmm0, tmm4, tmm6"),
                    "prefetcht1 [{b} + {ahead}*1]",
                    "prefetcht1 [{b1} + {ahead}*1]",
                    "tileloadd tmm7, [{b1} + {line}*1]",
                    concat!($dot, " tmm1, tmm4, tmm7"),
                    "prefetcht1 [{b} + {ahead}*1 + 64]",
                    "prefetcht1 [{b1} + {ahead}*1 + 64]",
                    "tileloadd tmm5, [{a1} + {line}*1]",
                    concat!($dot, " tmm2, tmm5, tmm6"),
                    concat!($dot, " tmm3, tmm5, tmm7"),
                    "add {a}, {step}",
                    "add {a1}, {step}",
                    "add {b}, {step}",
                    "add {b1}, {step}",
                    "dec {steps}",
                    "jnz 4b",
                    "5:",
                    "tilestored [{upper} + {row}*1], tmm0",
                    "tilestored [{upper} + {row}*1 + 64], tmm1",
                    "tilestored [{lower} + {row}*1], tmm2",
                    "tilestored [{lower} + {row}*1 + 64], tmm3",
                    accumulate = in(reg) u32::from(args.accumulate),
                    upper = in(reg) sums,
                    lower = in(reg) sums.wrapping_add(TILE * PANEL),
                    row = in(reg) 4 * PANEL,
                    a = inout(reg) rows => _,
                    a1 = inout(reg) rows.wrapping_add(TILE * args.row_stride) => _,
                    b = inout(reg) columns => _,
                    b1 = inout(reg) columns.wrapping_add(args.strip) => _,
                    line = in(reg) 4 * STRIP,
                    // Each pair of tiles prefetches two more lines of a step. It is a hint: the
                    // address may be beyond the weights.
                    ahead = in(reg) args.ahead.wrapping_mul(4).wrapping_add(tile * 4 * STRIP % TILE_BYTES),
                    steps = inout(reg) args.groups / TILE => _,
                    step = const TILE_BYTES,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack),
                );
            }
        }
    };
}

two_by_two!(two_by_two_bf16, "tdpbf16ps");
two_by_two!(two_by_two_int8, "tdpbsud");

/// The instructions that prefetch the sixteen lines of a strip's tile, `{ahead}` bytes ahead.
macro_rules! prefetch_tile {
    ($strip:literal) => {
        prefetch_tile!($strip, 0 64 128 192 256 320 384 448 512 576 640 704 768 832 896 960)
    };
    ($strip:literal, $($offset:literal)*) => {
        concat!($("prefetcht1 [{", $strip, "} + {ahead}*1 + ", $offset, "]\n"),*)
    };
}

macro_rules! one_by_four {
    ($name:ident, $dot:literal) => {
        /// One tile of rows by all strips. With so few rows, reading weights dominates, so all of
        /// the next ones are prefetched.
        ///
        /// # Safety
        /// As [`run`]; the tile is within `args`.
        unsafe fn $name(args: &Args, tile: usize) {
            // SAFETY: every tile that is loaded or stored is within `args`.
            unsafe {
                let (rows, columns, sums) = pointers(args, tile, 0);
                asm!(
                    "test {accumulate:e}, {accumulate:e}",
                    "jz 2f",
                    "tileloadd tmm0, [{sums} + {row}*1]",
                    "tileloadd tmm1, [{sums} + {row}*1 + 64]",
                    "tileloadd tmm2, [{sums} + {row}*1 + 128]",
                    "tileloadd tmm3, [{sums} + {row}*1 + 192]",
                    "jmp 3f",
                    "2:",
                    "tilezero tmm0",
                    "tilezero tmm1",
                    "tilezero tmm2",
                    "tilezero tmm3",
                    "3:",
                    "test {steps}, {steps}",
                    "jz 5f",
                    "4:",
                    "test {ahead}, {ahead}",
                    "jz 6f",
                    prefetch_tile!("b"),
                    prefetch_tile!("b1"),
                    prefetch_tile!("b2"),
                    prefetch_tile!("b3"),
                    "6:",
                    "tileloadd tmm4, [{a} + {line}*1]",
                    "tileloadd tmm5, [{b} + {line}*1]",
                    concat!($dot, " tmm0, tmm4, tmm5"),
                    "tileloadd tmm6, [{b1} + {line}*1]",
                    concat!($dot, " tmm1, tmm4, tmm6"),
                    "tileloadd tmm7, [{b2} + {line}*1]",
                    concat!($dot, " tmm2, tmm4, tmm7"),
                    "tileloadd tmm5, [{b3} + {line}*1]",
                    concat!($dot, " tmm3, tmm4, tmm5"),
                    "add {a}, {step}",
                    "add {b}, {step}",
                    "add {b1}, {step}",
                    "add {b2}, {step}",
                    "add {b3}, {step}",
                    "dec {steps}",
                    "jnz 4b",
                    "5:",
                    "tilestored [{sums} + {row}*1], tmm0",
                    "tilestored [{sums} + {row}*1 + 64], tmm1",
                    "tilestored [{sums} + {row}*1 + 128], tmm2",
                    "tilestored [{sums} + {row}*1 + 192], tmm3",
                    accumulate = in(reg) u32::from(args.accumulate),
                    sums = in(reg) sums,
                    row = in(reg) 4 * PANEL,
                    a = inout(reg) rows => _,
                    b = inout(reg) columns => _,
                    b1 = inout(reg) columns.wrapping_add(args.strip) => _,
                    b2 = inout(reg) columns.wrapping_add(2 * args.strip) => _,
                    b3 = inout(reg) columns.wrapping_add(3 * args.strip) => _,
                    line = in(reg) 4 * STRIP,
                    ahead = in(reg) args.ahead.wrapping_mul(4),
                    steps = inout(reg) args.groups / TILE => _,
                    step = const TILE_BYTES,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack),
                );
            }
        }
    };
}

one_by_four!(one_by_four_bf16, "tdpbf16ps");
one_by_four!(one_by_four_int8, "tdpbsud");
