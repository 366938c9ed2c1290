//! `cargo xtask cycles`: how near the inner loops of products come to the limit of CPUs that are
//! not here, by llvm-mca's models of them.
//!
//! The kernels are compiled to assembly. In the function of each instruction set, the loop with the
//! most multiplications is the inner loop of its largest tile. llvm-mca says how many cycles a CPU
//! takes for it if everything is in the first-level cache, and how many for its multiplications
//! alone: that is the limit.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::{arm, command, workspace};

const ITERATIONS: u32 = 1000;
const PROGRAMS: [&str; 2] = ["llvm-mca-22", "llvm-mca"];

/// A product's inner loop.
struct Product {
    /// As `splade info` names the instructions.
    name: &'static str,
    precision: &'static str,
    /// Parts of the mangled name of its function.
    function: &'static [&'static str],
    /// How the instructions that multiply begin.
    prefix: &'static str,
    /// One of them, and its operands for an accumulator `{}`.
    multiply: &'static str,
    operands: &'static str,
    /// Multiply-adds of an instruction.
    multiply_adds: u32,
    cpus: &'static [&'static str],
}

/// The products of an architecture.
struct Architecture {
    target: &'static str,
    triple: &'static str,
    attributes: &'static str,
    /// How comments begin in its assembly.
    comment: &'static str,
    products: &'static [Product],
}

const AVX2: &[&str] = &["znver2", "znver4", "skylake", "icelake-server"];
const AVX512: &[&str] = &["znver4", "icelake-server"];
const ARM: &[&str] = &["neoverse-n1", "neoverse-n2", "neoverse-v1", "neoverse-v2", "apple-m1"];
const NEW_ARM: &[&str] = &["neoverse-n2", "neoverse-v1", "neoverse-v2"];

const ARCHITECTURES: [Architecture; 2] = [
    Architecture {
        target: "x86_64-unknown-linux-gnu",
        triple: "x86_64",
        attributes: "",
        comment: "#",
        products: &[
            Product {
                name: "avx2",
                precision: "f32",
                function: &["product4avx2", "3run17h"],
                prefix: "vfmadd",
                multiply: "vfmadd231ps",
                operands: "%ymm14, %ymm15, %ymm{}",
                multiply_adds: 8,
                cpus: AVX2,
            },
            Product {
                name: "avx2",
                precision: "bf16",
                function: &["product4avx2", "run_widening"],
                prefix: "vfmadd",
                multiply: "vfmadd231ps",
                operands: "%ymm14, %ymm15, %ymm{}",
                multiply_adds: 8,
                cpus: AVX2,
            },
            Product {
                name: "avx2",
                precision: "int8",
                function: &["product4avx2", "3run17h"],
                prefix: "vpmaddwd",
                multiply: "vpmaddwd",
                operands: "%ymm14, %ymm15, %ymm{}",
                multiply_adds: 16,
                cpus: AVX2,
            },
            Product {
                name: "avx-vnni",
                precision: "int8",
                function: &["product4avx2", "run_int8_vnni"],
                prefix: "{vex}",
                multiply: "{vex} vpdpbusd",
                operands: "%ymm14, %ymm15, %ymm{}",
                multiply_adds: 32,
                cpus: &["alderlake"],
            },
            Product {
                name: "avx512",
                precision: "f32",
                function: &["product6avx512", "3run17h"],
                prefix: "vfmadd",
                multiply: "vfmadd231ps",
                operands: "%zmm14, %zmm15, %zmm{}",
                multiply_adds: 16,
                cpus: AVX512,
            },
            Product {
                name: "avx512",
                precision: "bf16",
                function: &["product6avx512", "run_widening"],
                prefix: "vfmadd",
                multiply: "vfmadd231ps",
                operands: "%zmm14, %zmm15, %zmm{}",
                multiply_adds: 16,
                cpus: AVX512,
            },
            Product {
                name: "avx512",
                precision: "int8",
                function: &["product6avx512", "run_widening"],
                prefix: "vpmaddwd",
                multiply: "vpmaddwd",
                operands: "%zmm14, %zmm15, %zmm{}",
                multiply_adds: 32,
                cpus: AVX512,
            },
            Product {
                name: "avx512-vnni",
                precision: "int8",
                function: &["product6avx512", "run_int8_vnni"],
                prefix: "vpdpbusd",
                multiply: "vpdpbusd",
                operands: "%zmm14, %zmm15, %zmm{}",
                multiply_adds: 64,
                cpus: AVX512,
            },
            Product {
                name: "avx512-bf16",
                precision: "bf16",
                function: &["product6avx512", "run_bf16"],
                prefix: "vdpbf16ps",
                multiply: "vdpbf16ps",
                operands: "%zmm14, %zmm15, %zmm{}",
                multiply_adds: 32,
                cpus: &["znver4"],
            },
        ],
    },
    Architecture {
        target: arm::TARGET,
        triple: "aarch64",
        attributes: "+dotprod,+bf16,+i8mm",
        comment: "//",
        products: &[
            Product {
                name: "neon",
                precision: "f32, bf16",
                function: &["product4neon", "run_f32"],
                prefix: "fmla",
                multiply: "fmla",
                operands: "v{}.4s, v30.4s, v31.s[0]",
                multiply_adds: 4,
                cpus: ARM,
            },
            Product {
                name: "neon",
                precision: "int8",
                function: &["product4neon", "8run_int817h"],
                prefix: "sm",
                multiply: "smlal",
                operands: "v{}.8h, v30.8b, v31.8b",
                multiply_adds: 8,
                cpus: &["cortex-a72", "cortex-a53"],
            },
            Product {
                name: "neon-dotprod",
                precision: "int8",
                function: &["product4neon", "run_int8_dot"],
                prefix: "sdot",
                multiply: "sdot",
                operands: "v{}.4s, v30.16b, v31.4b[0]",
                multiply_adds: 16,
                cpus: ARM,
            },
            Product {
                name: "neon-bf16",
                precision: "bf16",
                function: &["product4neon", "run_bf16"],
                prefix: "bfmmla",
                multiply: "bfmmla",
                operands: "v{}.4s, v30.8h, v31.8h",
                multiply_adds: 16,
                cpus: NEW_ARM,
            },
            Product {
                name: "neon-i8mm",
                precision: "int8",
                function: &["product4neon", "run_int8_pairs"],
                prefix: "smmla",
                multiply: "smmla",
                operands: "v{}.4s, v30.16b, v31.16b",
                multiply_adds: 32,
                cpus: NEW_ARM,
            },
        ],
    },
];

pub(crate) fn run() -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let root = metadata.workspace_root.as_std_path();
    let folder = workspace::target_folder(&metadata).join("cycles");
    let mca = PROGRAMS
        .into_iter()
        .find(|name| command::read(Command::new(name).arg("--version")).is_ok());
    let mca = mca.context("no llvm-mca (Debian, Ubuntu: apt-get install llvm-22)")?;
    let mut table = String::from(
        "| Instructions | precision | CPU | multiply-adds | cycles | a cycle | of the limit |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for architecture in &ARCHITECTURES {
        let assembly = compile(architecture, root, &folder)?;
        for product in architecture.products {
            let body = inner_loop(&assembly, architecture.comment, product)?;
            let is_multiply = |line: &&String| mnemonic(line).starts_with(product.prefix);
            let multiplies = body.iter().filter(is_multiply).count() as u32;
            let alone: Vec<String> = (0..12)
                .map(|i| {
                    format!(
                        "{} {}",
                        product.multiply,
                        product.operands.replace("{}", &i.to_string())
                    )
                })
                .collect();
            for cpu in product.cpus {
                let cycles = cycles(mca, architecture, cpu, &body)?;
                let limit = cycles_of_one(mca, architecture, cpu, &alone)? * f64::from(multiplies);
                let multiply_adds = f64::from(multiplies * product.multiply_adds);
                let Product { name, precision, .. } = product;
                let _infallible = writeln!(
                    table,
                    "| {name} | {precision} | {cpu} | {multiply_adds} | {cycles:.1} | {:.1} | {:.0} % |",
                    multiply_adds / cycles,
                    100.0 * limit / cycles,
                );
            }
        }
    }
    print!("{table}");
    Ok(())
}

/// The assembly of the kernels.
fn compile(architecture: &Architecture, root: &Path, folder: &Path) -> Result<String> {
    let file: PathBuf = folder.join(format!("{}.s", architecture.triple));
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut build = command::cargo();
    build.current_dir(root);
    build.args(["rustc", "--release", "--package", "splade-kernels", "--lib"]);
    build.args(["--target", architecture.target, "--target-dir"]).arg(folder);
    if architecture.target == arm::TARGET {
        arm::set_up(&mut build)?;
    }
    build.arg("--").arg(format!("--emit=asm={}", file.display())).arg("-Ccodegen-units=1");
    command::run(&mut build)?;
    fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
}

/// The instructions of the loop with the most multiplications in a product's function. A loop here
/// is one block: from a label to a jump back to it, without another label.
fn inner_loop(assembly: &str, comment: &str, product: &Product) -> Result<Vec<String>> {
    let mut best: Vec<String> = Vec::new();
    let (mut inside, mut label, mut block) = (false, "", Vec::new());
    for line in assembly.lines() {
        let code = line.split(comment).next().unwrap_or_default().trim();
        if let Some(name) = code.strip_suffix(':') {
            if name.starts_with("_ZN") || name.starts_with("_R") {
                inside = product.function.iter().all(|part| name.contains(part));
            }
            (label, block) = (name, Vec::new());
            continue;
        }
        if !inside || code.is_empty() || code.starts_with('.') {
            continue;
        }
        block.push(code.to_owned());
        if code.split(|c: char| c.is_whitespace() || c == ',').any(|word| word == label) {
            let count = |block: &[String]| {
                block.iter().filter(|line| mnemonic(line).starts_with(product.prefix)).count()
            };
            if count(&block) > count(&best) {
                best.clone_from(&block);
            }
        }
    }
    ensure!(
        !best.is_empty(),
        "no loop with {} in the function {:?}",
        product.multiply,
        product.function
    );
    Ok(best)
}

fn mnemonic(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

/// Cycles of an iteration.
fn cycles(mca: &str, architecture: &Architecture, cpu: &str, body: &[String]) -> Result<f64> {
    let mut command = Command::new(mca);
    command.arg(format!("-mtriple={}", architecture.triple)).arg(format!("-mcpu={cpu}"));
    if !architecture.attributes.is_empty() {
        command.arg(format!("-mattr={}", architecture.attributes));
    }
    command
        .arg(format!("-iterations={ITERATIONS}"))
        .args(["-instruction-info=0", "-resource-pressure=0"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {mca}"))?;
    let mut input = child.stdin.take().context("llvm-mca has an input")?;
    // Jumps of the loop go to its start, wherever that is.
    std::io::Write::write_all(&mut input, body.join("\n").as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let total = text.lines().find_map(|line| line.strip_prefix("Total Cycles:"));
    match total.and_then(|total| total.trim().parse::<f64>().ok()) {
        Some(total) => Ok(total / f64::from(ITERATIONS)),
        None => bail!("llvm-mca, for {cpu}: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// Cycles of one of several independent instructions.
fn cycles_of_one(
    mca: &str,
    architecture: &Architecture,
    cpu: &str,
    alone: &[String],
) -> Result<f64> {
    Ok(cycles(mca, architecture, cpu, alone)? / alone.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_with_the_most_multiplications_of_the_right_function_is_taken() {
        let assembly = "_ZN4neon7run_f3217hE:\n.LBB0_1:\n\tldr q0, [x0]\n\tfmla v1.4s, v0.4s, v2.s[0]\n\
            \tb.ne\t.LBB0_1\n.LBB0_2:\n\tfmla v1.4s, v0.4s, v2.s[0]\n\tfmla v2.4s, v0.4s, v2.s[0] // two\n\
            \tcbnz x1, .LBB0_2\n_ZN4neon5other17hE:\n.LBB1_1:\n\tfmla v1.4s, v0.4s, v2.s[0]\n\
            \tfmla v1.4s, v0.4s, v2.s[0]\n\tfmla v1.4s, v0.4s, v2.s[0]\n\tb.ne .LBB1_1\n";
        let product = Product {
            name: "",
            precision: "",
            function: &["neon", "run_f32"],
            prefix: "fmla",
            multiply: "fmla",
            operands: "",
            multiply_adds: 4,
            cpus: &[],
        };
        let body = inner_loop(assembly, "//", &product).unwrap();
        assert_eq!(body.len(), 3, "{body:?}");
    }
}
