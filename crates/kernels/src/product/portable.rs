//! Products without explicit instructions: arrays that the compiler vectorises (NEON on AArch64).

use super::Product;

const LANES: usize = if cfg!(target_arch = "aarch64") { 8 } else { 4 };

pub(super) struct F32;
pub(super) struct Bf16;
pub(super) struct Int8;

/// `a * b + sum`, fused on targets that always have the instruction; elsewhere it would be a slow
/// call.
#[inline(always)]
fn multiply_add(a: f32, b: f32, sum: f32) -> f32 {
    if cfg!(target_arch = "aarch64") { a.mul_add(b, sum) } else { a * b + sum }
}

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
    multiply_add(f32::from_bits(row[i]), f32::from_bits(panel[i]), sums[i])
}));

array_product!(Bf16, f32, 0.0, |sums, row, panel| {
    let high = |group: u32| f32::from_bits(group & 0xffff_0000);
    let low = |group: u32| f32::from_bits(group << 16);
    lanes(|i| {
        let sum = multiply_add(low(row[i]), low(panel[i]), sums[i]);
        multiply_add(high(row[i]), high(panel[i]), sum)
    })
});

array_product!(Int8, i32, 0, |sums, row, panel| {
    let product = |i: usize| {
        let (row, panel) = (row[i].to_le_bytes(), panel[i].to_le_bytes());
        let byte = |k: usize| i32::from(row[k] as i8) * i32::from(panel[k]);
        sums[i] + byte(0) + byte(1) + byte(2) + byte(3)
    };
    std::array::from_fn(product)
});
