//! Detects the vector instructions of this CPU, and compiles one body of code for each set.

use crate::Isa;
#[cfg(not(target_arch = "aarch64"))]
use crate::isa::Set;

/// An instruction set that kernels are compiled for: a token that exists only if the CPU has it.
///
/// Bodies use no fused multiply-add and fix the order of every sum, so that all levels give the
/// same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SimdLevel(Level);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// What every CPU of the target has (SSE2 on x86-64, NEON on AArch64).
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl SimdLevel {
    /// The best level of this CPU.
    pub(crate) fn detect() -> Self {
        Isa::detect().level()
    }

    /// The best level within an instruction set.
    pub(crate) fn of(isa: Isa) -> Self {
        Self(match isa.set() {
            #[cfg(not(target_arch = "aarch64"))]
            Set::Portable => Level::Portable,
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 | Set::AvxVnni => Level::Avx2,
            #[cfg(target_arch = "x86_64")]
            _ => Level::Avx512,
            // The compiler uses NEON wherever it may.
            #[cfg(target_arch = "aarch64")]
            _ => Level::Portable,
        })
    }

    /// Every level of this CPU, slowest first.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Self> {
        let mut levels: Vec<Self> = Isa::available().iter().map(|isa| isa.level()).collect();
        levels.dedup();
        levels
    }

    #[cfg(target_arch = "x86_64")]
    pub(crate) fn level(self) -> Level {
        self.0
    }
}

/// Prefetches a slice.
#[inline(always)]
pub(crate) fn prefetch(values: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.iter().step_by(16) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which every CPU of this architecture supports.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(line).cast()) }
    }
    #[cfg(target_arch = "aarch64")]
    for line in values.iter().step_by(16) {
        let line = std::ptr::from_ref(line);
        // SAFETY: a hint, which every CPU of this architecture supports.
        unsafe {
            std::arch::asm!("prfm pldl1keep, [{}]", in(reg) line, options(nostack, preserves_flags, readonly));
        }
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = values;
}

/// Defines `fn name(level, args...)`, which runs `body` compiled for `level`. It may have one type
/// parameter.
///
/// `body` must be `#[inline(always)]`, so that it is compiled with the features of its caller.
macro_rules! multiversion {
    ($(#[$doc:meta])* $vis:vis fn $name:ident $(<$param:ident: $bound:ident>)? ($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? = $body:path) => {
        $(#[$doc])*
        $vis fn $name $(<$param: $bound>)? (level: $crate::simd::SimdLevel, $($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
                fn avx512 $(<$param: $bound>)? ($($arg: $ty),*) $(-> $ret)? { $body($($arg),*) }
                #[target_feature(enable = "avx2")]
                fn avx2 $(<$param: $bound>)? ($($arg: $ty),*) $(-> $ret)? { $body($($arg),*) }
                match level.level() {
                    // SAFETY: a `SimdLevel` of this kind is made only of an `Isa` that has all of
                    // these features, and an `Isa` only after they were detected on this CPU.
                    $crate::simd::Level::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: as above.
                    $crate::simd::Level::Avx2 => return unsafe { avx2($($arg),*) },
                    $crate::simd::Level::Portable => {}
                }
            }
            #[cfg(not(target_arch = "x86_64"))]
            let _ = level;
            $body($($arg),*)
        }
    };
}
pub(crate) use multiversion;
