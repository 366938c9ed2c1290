//! The other libraries: which exist, how to start a worker of one, how to compare vectors.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::cell::Cell;
use super::row::Agreement;
use super::worker;
use crate::command;

/// Engines of `benches/rivals.py`: the end of each name is its precision.
const ENGINES: [&str; 9] = [
    "st-f32",
    "ort-f32",
    "ov-f32",
    "fastembed-f32",
    "st-f16",
    "st-bf16",
    "ov-bf16",
    "ort-int8",
    "ov-int8",
];
const SCRIPT: &str = "benches/rivals.py";

/// Texts per forward pass: the default of sentence-transformers and fastembed.
pub(super) const BATCH: usize = 32;

/// Our names of instruction sets, with what holds oneDNN, MKL and ATen to them.
const LIMITS: [(&str, [&str; 3]); 7] = [
    ("avx2", ["AVX2", "AVX2", "avx2"]),
    ("avx-vnni", ["AVX2_VNNI", "AVX2", "avx2"]),
    ("avx512", ["AVX512_CORE", "AVX512", "avx512"]),
    ("avx512-vnni", ["AVX512_CORE_VNNI", "AVX512", "avx512"]),
    ("avx512-bf16", ["AVX512_CORE_BF16", "AVX512", "avx512"]),
    ("amx-int8", ["AVX512_CORE_AMX", "AVX512", "avx512"]),
    ("amx-bf16", ["AVX512_CORE_AMX", "AVX512", "avx512"]),
];

/// Holds a rival to the same instructions as ours, as far as its libraries let themselves be held.
pub(super) fn limit(command: &mut Command, isa: Option<&str>) {
    let variables = ["ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "ATEN_CPU_CAPABILITY"];
    if let Some((_, values)) = LIMITS.iter().find(|(name, _)| Some(*name) == isa) {
        command.envs(variables.into_iter().zip(*values));
    }
}

/// The rivals' interpreter, and the selected rivals.
pub(super) struct Rivals {
    pub(super) python: PathBuf,
    /// Folder for exported models.
    pub(super) cache: PathBuf,
    /// Empty selects all.
    pub(super) names: Vec<String>,
}

/// # Errors
/// A name is not a rival's.
pub(super) fn check_names(names: &[String]) -> Result<()> {
    for name in names {
        let known = ENGINES.join(", ");
        ensure!(ENGINES.contains(&name.as_str()), "no rival `{name}`: there are {known}");
    }
    Ok(())
}

impl Rivals {
    /// The engines that support this device and precision.
    pub(super) fn of(&self, device: &str, precision: &str) -> Vec<&'static str> {
        let Some(device) = torch_device(device) else {
            return Vec::new();
        };
        let chosen = |engine: &&str| {
            let Some((library, found)) = engine.rsplit_once('-') else { return false };
            let computes_there =
                device == "cpu" && precision != "f16" || library == "st" && device != "cpu";
            let named = self.names.is_empty() || self.names.iter().any(|name| name == engine);
            found == precision && computes_there && named
        };
        ENGINES.into_iter().filter(chosen).collect()
    }

    pub(super) fn worker(&self, engine: &str, cell: &Cell, root: &Path, threads: usize) -> Command {
        let mut command = self.script(root);
        command.args(["worker", "--engine", engine, "--model"]).arg(&cell.model);
        command.arg("--texts").arg(&cell.texts.path);
        command.args(["--threads", &threads.to_string(), "--batch", &BATCH.to_string()]);
        command.args(["--device", &torch_device(&cell.device).unwrap_or_default()]);
        command.arg("--cache").arg(&self.cache);
        command
    }

    pub(super) fn compare(&self, root: &Path, ours: &Path, theirs: &Path) -> Result<Agreement> {
        let answer = command::read(self.script(root).arg("compare").arg(ours).arg(theirs))?;
        worker::parse(&answer, "compare")
    }

    fn script(&self, root: &Path) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(root.join(SCRIPT));
        command
    }
}

/// Torch's name for one of our devices; it has none for Vulkan.
fn torch_device(device: &str) -> Option<String> {
    match device.split(':').next()? {
        "cpu" | "ndarray" | "flex" => Some("cpu".to_owned()),
        "cuda" => Some(device.to_owned()),
        "metal" | "mps" => Some("mps".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rivals(names: &[&str]) -> Rivals {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        Rivals { python: "python".into(), cache: "cache".into(), names }
    }

    #[test]
    fn rivals_compute_in_the_precision_of_the_cell() {
        assert_eq!(rivals(&[]).of("cpu", "bf16"), ["st-bf16", "ov-bf16"]);
        assert_eq!(rivals(&["st-f32", "ov-int8"]).of("flex", "f32"), ["st-f32"]);
        assert!(rivals(&["st-f32"]).of("cpu", "int8").is_empty());
        assert_eq!(rivals(&[]).of("cuda:1", "f16"), ["st-f16"]);
        assert_eq!(rivals(&[]).of("mps", "f32"), ["st-f32"]);
        assert!(rivals(&[]).of("vulkan", "f32").is_empty());
    }

    #[test]
    fn an_unknown_rival_is_refused() {
        assert!(check_names(&["ort-int8".to_owned()]).is_ok());
        assert!(check_names(&["onnx".to_owned()]).is_err());
    }
}
