//! The kernel's text in CUDA C++: `kernel.cu`, below the constants of `sizes.rs` and the one
//! instruction that is too long to write by hand.

use std::fmt::Write;

use super::sizes::{
    ALIGNMENT, COPIED_ROWS, Epilogue, GELU, GELU_LIMIT, GROUP, Number, OUT_TILE, STAGES, THREADS,
    TILE_COLUMNS, TILE_DEPTH, TILE_ROWS, Variant,
};

/// The kernel without its constants.
const BODY: &str = include_str!("kernel.cu");
/// The line of `kernel.cu` that the instruction replaces.
const MULTIPLY: &str = "// MULTIPLY_64x256x16\n";
/// Sums per thread: 64 rows x 256 columns, shared by 128 threads.
const SUMS: usize = 128;

impl Variant {
    /// The name of the kernel's function.
    pub(crate) fn entry(self) -> String {
        format!("splade_hopper_{}_{}", self.epilogue.name(), self.number.name())
    }

    /// The whole text, which includes no header.
    pub(crate) fn text(self) -> String {
        let sizes = [
            ("TILE_ROWS", TILE_ROWS),
            ("TILE_COLUMNS", TILE_COLUMNS),
            ("TILE_DEPTH", TILE_DEPTH),
            ("STAGES", STAGES),
            ("COPIED_ROWS", COPIED_ROWS),
            ("OUT_TILE", OUT_TILE),
            ("GROUP", GROUP),
            ("THREADS", THREADS),
            ("ALIGNMENT", ALIGNMENT),
        ];
        let mut text = String::new();
        let mut define = |name: &str, value: &dyn std::fmt::Display| {
            writeln!(text, "#define {name} {value}").expect("a string can be written to");
        };
        for (name, size) in sizes {
            define(name, &size);
        }
        for epilogue in Epilogue::ALL {
            define(&epilogue.name().to_uppercase(), &(epilogue as u32));
        }
        define("EPILOGUE", &self.epilogue.name().to_uppercase());
        define("IS_F16", &u32::from(self.number == Number::F16));
        define("NUMBER", &format_args!("\"{}\"", self.number.name()));
        define("GELU_LIMIT", &format_args!("{GELU_LIMIT:e}f"));
        for (power, coefficient) in GELU.iter().enumerate() {
            define(&format!("GELU_{power}"), &format_args!("{coefficient:e}f"));
        }
        define("ENTRY", &self.entry());
        text + &BODY.replace(MULTIPLY, &multiply())
    }
}

/// `wgmma.mma_async` of 64 x 256 sums over 16 inner indices, with a thread's 128 sums as operands.
fn multiply() -> String {
    let list = |of: &dyn Fn(usize) -> String| (0..SUMS).map(of).collect::<Vec<_>>().join(", ");
    let operands = list(&|sum| format!("%{sum}"));
    let sums = list(&|sum| format!("\"+f\"(sums[{sum}])"));
    let (a, b, keep) = (SUMS, SUMS + 1, SUMS + 2);
    format!(
        "__device__ __forceinline__ void multiply_16(float (&sums)[{SUMS}], u64 a, u64 b, int keep) {{\n  \
         asm volatile(\"{{\\n.reg .pred p;\\nsetp.ne.b32 p, %{keep}, 0;\\n\"\n    \
         \"wgmma.mma_async.sync.aligned.m64n256k16.f32.\" NUMBER \".\" NUMBER \" \"\n    \
         \"{{{operands}}}, \"\n    \
         \"%{a}, %{b}, p, 1, 1, 0, 0;\\n}}\\n\"\n    \
         : {sums}\n    : \"l\"(a), \"l\"(b), \"r\"(keep));\n}}\n"
    )
}
