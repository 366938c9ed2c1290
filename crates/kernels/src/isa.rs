//! The instruction sets that this CPU has, by name, and how fast products are on them.

use std::fmt;
use std::str::FromStr;
#[cfg(target_arch = "x86_64")]
use std::sync::LazyLock;
use std::sync::OnceLock;

use crate::Precision;
use crate::simd::SimdLevel;

/// An instruction set: a token that exists only if this CPU has it. Kernels that are given one use
/// it at most: the fastest set up to it that has instructions for their precision.
///
/// The default is the best set of this CPU. Sets change results only by the order of `f32` sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Isa(Set);

/// Slowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Set {
    /// What every CPU of the target has, as far as the compiler uses it.
    #[cfg(not(target_arch = "aarch64"))]
    Portable,
    /// AVX2 with FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX2 with dot products of 8-bit integers.
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    /// AVX-512 F, DQ, BW and VL.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX-512 with dot products of 8-bit integers.
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
    /// AVX-512 with dot products of bf16.
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
    /// AMX: tiles of 16 rows by 16 columns.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    AmxInt8,
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    AmxBf16,
    /// What every 64-bit ARM CPU has, by its own loops.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// With dot products of 8-bit integers.
    #[cfg(target_arch = "aarch64")]
    NeonDotprod,
    /// With matrix products of bf16.
    #[cfg(target_arch = "aarch64")]
    NeonBf16,
    /// With matrix products of 8-bit integers.
    #[cfg(target_arch = "aarch64")]
    NeonI8mm,
}

impl Isa {
    /// The best set of this CPU, detected once.
    pub fn detect() -> Self {
        *Self::available().last().expect("every CPU has a set")
    }

    /// Every set of this CPU, slowest first, detected once.
    pub fn available() -> &'static [Self] {
        static SETS: OnceLock<Vec<Isa>> = OnceLock::new();
        SETS.get_or_init(|| sets_of_this_cpu().into_iter().map(Self).collect())
    }

    /// The set that products in `precision` run on if they may use this one at most.
    #[must_use]
    pub fn for_products(self, precision: Precision) -> Self {
        let fits = |set: &&Self| **set <= self && set.0.multiplies(precision);
        let best = Self::available().iter().rev().find(fits);
        *best.expect("the first set has products in each precision")
    }

    /// About how many times as fast products in `precision` are as those in `f32`, both on this set
    /// at most, by the instructions that they take. At least 1.
    pub fn times_f32(self, precision: Precision) -> f32 {
        self.for_products(precision).0.times_f32(precision)
    }

    /// Its name, as `splade info` prints it.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(not(target_arch = "aarch64"))]
            Set::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Set::AvxVnni => "avx-vnni",
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Set::Avx512Vnni => "avx512-vnni",
            #[cfg(target_arch = "x86_64")]
            Set::Avx512Bf16 => "avx512-bf16",
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Set::AmxInt8 => "amx-int8",
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Set::AmxBf16 => "amx-bf16",
            #[cfg(target_arch = "aarch64")]
            Set::Neon => "neon",
            #[cfg(target_arch = "aarch64")]
            Set::NeonDotprod => "neon-dotprod",
            #[cfg(target_arch = "aarch64")]
            Set::NeonBf16 => "neon-bf16",
            #[cfg(target_arch = "aarch64")]
            Set::NeonI8mm => "neon-i8mm",
        }
    }

    pub(crate) fn set(self) -> Set {
        self.0
    }

    /// What kernels other than products are compiled for.
    pub(crate) fn level(self) -> SimdLevel {
        SimdLevel::of(self)
    }
}

impl Default for Isa {
    fn default() -> Self {
        Self::detect()
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Isa {
    type Err = UnknownIsa;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::available().iter().find(|set| set.name() == name);
        found.copied().ok_or_else(|| UnknownIsa { name: name.to_owned() })
    }
}

/// A name that is not one of this CPU's instruction sets.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownIsa {
    /// The name.
    pub name: String,
}

impl fmt::Display for UnknownIsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<_> = Isa::available().iter().map(|set| set.name()).collect();
        write!(f, "this CPU has no instruction set `{}`; it has {}", self.name, known.join(", "))
    }
}

impl std::error::Error for UnknownIsa {}

/// In ascending order.
fn sets_of_this_cpu() -> Vec<Set> {
    let mut sets = Vec::new();
    #[cfg(not(target_arch = "aarch64"))]
    sets.push(Set::Portable);
    #[cfg(target_arch = "aarch64")]
    {
        use std::arch::is_aarch64_feature_detected;
        sets.push(Set::Neon);
        if is_aarch64_feature_detected!("dotprod") {
            sets.push(Set::NeonDotprod);
        }
        if is_aarch64_feature_detected!("bf16") {
            sets.push(Set::NeonBf16);
        }
        if is_aarch64_feature_detected!("i8mm") {
            sets.push(Set::NeonI8mm);
        }
    }
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        sets.push(Set::Avx2);
        if is_x86_feature_detected!("avxvnni") {
            sets.push(Set::AvxVnni);
        }
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
        {
            sets.push(Set::Avx512);
            if is_x86_feature_detected!("avx512vnni") {
                sets.push(Set::Avx512Vnni);
            }
            if is_x86_feature_detected!("avx512bf16") {
                sets.push(Set::Avx512Bf16);
            }
            #[cfg(target_os = "linux")]
            {
                use crate::product::has_amx;
                let amx = [(Precision::Int8, Set::AmxInt8), (Precision::Bf16, Set::AmxBf16)];
                sets.extend(amx.into_iter().filter(|(p, _)| has_amx(*p)).map(|(_, set)| set));
            }
        }
    }
    sets
}

impl Set {
    /// Whether it has a product of its own in this precision that is at least as fast as those of
    /// the sets before it.
    fn multiplies(self, precision: Precision) -> bool {
        #[cfg(target_arch = "x86_64")]
        if self == Self::Avx512Bf16 && *IS_INTEL {
            return false;
        }
        self.has_product(precision)
    }

    /// Whether it has a product of its own in this precision.
    pub(crate) fn has_product(self, precision: Precision) -> bool {
        match self {
            #[cfg(not(target_arch = "aarch64"))]
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 | Self::Avx512 => true,
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni | Self::Avx512Vnni => precision == Precision::Int8,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16 => precision == Precision::Bf16,
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::AmxInt8 => precision == Precision::Int8,
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::AmxBf16 => precision == Precision::Bf16,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => true,
            #[cfg(target_arch = "aarch64")]
            Self::NeonBf16 => precision == Precision::Bf16,
            #[cfg(target_arch = "aarch64")]
            Self::NeonDotprod | Self::NeonI8mm => precision == Precision::Int8,
        }
    }

    fn times_f32(self, precision: Precision) -> f32 {
        match (self, precision) {
            (_, Precision::F32) => 1.0,
            #[cfg(not(target_arch = "aarch64"))]
            (Self::Portable, _) => 1.0,
            // bf16 is widened to f32. Integers are widened to 16 bits: 1.2 times as fast on Zen 2
            // and Skylake by their models, 1.5 on Zen 4 as measured (docs/performance.md).
            #[cfg(target_arch = "x86_64")]
            (Self::Avx2 | Self::Avx512, Precision::Bf16) => 1.0,
            #[cfg(target_arch = "x86_64")]
            (Self::Avx2 | Self::Avx512, _) => 1.3,
            #[cfg(target_arch = "x86_64")]
            (Self::AvxVnni | Self::Avx512Vnni, _) => 4.0,
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512Bf16, _) => 2.0,
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            (Self::AmxInt8, _) => 16.0,
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            (Self::AmxBf16, _) => 8.0,
            #[cfg(target_arch = "aarch64")]
            (Self::Neon, _) => 1.0,
            #[cfg(target_arch = "aarch64")]
            (Self::NeonDotprod | Self::NeonBf16, _) => 4.0,
            #[cfg(target_arch = "aarch64")]
            (Self::NeonI8mm, _) => 8.0,
        }
    }
}

/// Whether the CPU is one of Intel's. Theirs begin a dot product of bf16 in every second cycle, so
/// that one takes as long as four of `f32`, which do twice as much (a Xeon with AMX: 116 to 195
/// billion operations a second); AMD's begin one in every cycle. Asked once: in a virtual machine
/// the question goes to the host.
#[cfg(target_arch = "x86_64")]
static IS_INTEL: LazyLock<bool> = LazyLock::new(|| {
    let vendor = std::arch::x86_64::__cpuid(0);
    let name = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes);
    name.as_flattened() == b"GenuineIntel"
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_is_found_by_its_name_and_others_are_refused_with_the_list() {
        for set in Isa::available() {
            assert_eq!(set.name().parse(), Ok(*set));
        }
        let error = "avx3".parse::<Isa>().unwrap_err().to_string();
        let first = Isa::available()[0].name();
        assert!(error.contains("avx3") && error.contains(first), "{error}");
    }

    #[test]
    fn products_stay_below_the_ceiling_and_lower_precisions_are_no_slower() {
        for ceiling in Isa::available() {
            let mut least = 1.0;
            for precision in Precision::ALL {
                assert!(ceiling.for_products(precision) <= *ceiling);
                let times = ceiling.times_f32(precision);
                assert!(times >= least, "{ceiling} {precision}");
                least = times;
            }
        }
        let first = Isa::available()[0];
        assert_eq!(first.for_products(Precision::Int8), first);
    }
}
