//! Products without explicit instructions: arrays that the compiler vectorises.

use super::tile::Product;

const LANES: usize = 4;

pub(super) struct F32;
#[cfg(not(target_arch = "x86_64"))]
pub(super) struct Int16;

#[inline(always)]
fn lanes(f: impl Fn(usize) -> f32) -> [f32; LANES] {
    std::array::from_fn(f)
}

/// The part that all precisions share: vectors are arrays.
macro_rules! array_product {
    ($name:ty, $sum:ty, $zero:expr, |$total:ident, $row:ident, $panel:ident| $add:expr) => {
        impl Product for $name {
            type Sums = [$sum; LANES];
            type Groups = [u32; LANES];
            const LANES: usize = LANES;

            #[inline(always)]
            unsafe fn zero() -> Self::Sums {
                [$zero; LANES]
            }

            #[inline(always)]
            unsafe fn load_sums(at: *const u32) -> Self::Sums {
                // SAFETY: the caller guarantees LANES 32-bit numbers, of any pattern.
                unsafe { at.cast::<Self::Sums>().read_unaligned() }
            }

            #[inline(always)]
            unsafe fn store_sums(sums: Self::Sums, at: *mut u32) {
                // SAFETY: the caller guarantees LANES 32-bit numbers.
                unsafe { at.cast::<Self::Sums>().write_unaligned(sums) }
            }

            #[inline(always)]
            unsafe fn load(at: *const u32) -> Self::Groups {
                // SAFETY: the caller guarantees LANES groups.
                unsafe { at.cast::<Self::Groups>().read_unaligned() }
            }

            #[inline(always)]
            unsafe fn splat(group: u32) -> Self::Groups {
                [group; LANES]
            }

            #[inline(always)]
            unsafe fn add(
                $total: Self::Sums,
                $row: Self::Groups,
                $panel: Self::Groups,
            ) -> Self::Sums {
                $add
            }
        }
    };
}

array_product!(F32, f32, 0.0, |sums, row, panel| lanes(|i| {
    // Not fused: without the instruction that would be a call.
    f32::from_bits(row[i]) * f32::from_bits(panel[i]) + sums[i]
}));

// Pairs of 16 bits.
#[cfg(not(target_arch = "x86_64"))]
array_product!(Int16, i32, 0, |sums, row, panel| {
    let half = |pair: u32, k: u32| i32::from((pair >> (16 * k)) as i16);
    let product = |i: usize, k: u32| half(row[i], k) * half(panel[i], k);
    std::array::from_fn(|i| sums[i] + (product(i, 0) + product(i, 1)))
});
