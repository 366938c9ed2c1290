//! `cargo xtask kernels`: compiles the CUDA kernels with NVRTC, which needs no card.

#[path = "../../crates/gpu/src/hopper/sizes.rs"]
#[expect(dead_code, reason = "the crate uses the rest")]
mod sizes;
#[path = "../../crates/gpu/src/hopper/text.rs"]
mod text;

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use self::sizes::{Epilogue, Number, Variant};
use crate::{command, venv, workspace};

/// What CubeCL compiles for on the cards of these kernels.
const ARCHITECTURE: &str = "sm_90a";

/// Fails if a kernel does not compile, spills registers, or has serialised matrix instructions.
pub(crate) fn run() -> Result<()> {
    let metadata = workspace::load_metadata()?;
    let scripts = metadata.workspace_root.as_std_path().join("xtask/kernels");
    let target = workspace::target_folder(&metadata);
    let python = venv::ensure(&target.join("kernels-venv"), &scripts.join("requirements.txt"))?;
    let folder = target.join("kernels");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut compile = Command::new(python);
    compile.arg(scripts.join("compile.py")).arg(ARCHITECTURE);
    for epilogue in Epilogue::ALL {
        for number in [Number::Bf16, Number::F16] {
            let variant = Variant { epilogue, number };
            let path = folder.join(format!("{}.cu", variant.entry()));
            fs::write(&path, variant.text())
                .with_context(|| format!("cannot write {}", path.display()))?;
            compile.arg(path);
        }
    }
    command::run(&mut compile)
}
