//! Finds how many dimensions of a vector are active, by running `splade`, and the word bias that
//! gives the share of a trained model.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;

use crate::{command, passages};

/// Share of active dimensions in the vectors of a trained model.
pub(super) const SHARE: f64 = 0.005;
const N_PASSAGES: usize = 32;
const WORDS: (usize, usize) = (40, 100);

/// Two sets of passages, so that the share is not verified on the texts that determined it.
#[derive(Clone, Copy)]
pub(super) enum Passages {
    ToSet,
    ToCheck,
}

/// One line of the program's output.
#[derive(Deserialize)]
struct Line {
    values: Vec<f32>,
}

/// The program that computes vectors.
pub(super) enum Program {
    /// Of the workspace in this folder, as built by `cargo build --release`, so that an existing
    /// build is reused.
    OfWorkspace(PathBuf),
    Built(PathBuf),
}

impl Program {
    /// Builds the program and shows its progress: the first time takes minutes.
    pub(super) fn build(root: &Path) -> Result<Self> {
        command::run(&mut cargo("build", root))?;
        Ok(Self::OfWorkspace(root.to_owned()))
    }

    fn run(&self) -> Command {
        match self {
            Self::OfWorkspace(root) => {
                let mut run = cargo("run", root);
                run.args(["--quiet", "--"]);
                run
            }
            Self::Built(program) => Command::new(program),
        }
    }
}

/// The positive logits of all passages: for each passage and word, the largest over the tokens.
pub(super) fn logits(program: &Program, model: &Path, passages: Passages) -> Result<Vec<f32>> {
    let seed = match passages {
        Passages::ToSet => 1,
        Passages::ToCheck => 2,
    };
    let lines: Vec<String> = passages::generate(N_PASSAGES, WORDS, seed)
        .iter()
        .enumerate()
        .map(|(id, text)| json!({"id": id.to_string(), "text": text}).to_string() + "\n")
        .collect();
    let mut input = tempfile::Builder::new().suffix(".jsonl").tempfile()?;
    input.write_all(lines.concat().as_bytes()).context("cannot write a temporary file")?;
    let output = command::read(
        program
            .run()
            .args(["encode", "--quiet", "--output", "-", "--model"])
            .arg(model)
            .arg("--input")
            .arg(input.path()),
    )?;
    let mut logits = Vec::new();
    for line in output.lines() {
        let line: Line = serde_json::from_str(line).context("the program wrote no JSON lines")?;
        // A weight is ln(1 + logit).
        logits.extend(line.values.iter().map(|weight| weight.exp_m1()));
    }
    Ok(logits)
}

/// The share of all passage-word pairs that have a weight.
pub(super) fn share(n_active: usize, vocab_size: usize) -> f64 {
    n_active as f64 / (N_PASSAGES * vocab_size) as f64
}

/// The logit that a share of all passage-word pairs exceed; `None` if too few are positive.
pub(super) fn quantile(mut logits: Vec<f32>, vocab_size: usize, share: f64) -> Option<f32> {
    let rank = (share * (N_PASSAGES * vocab_size) as f64).round() as usize;
    if rank >= logits.len() {
        return None;
    }
    let (_, found, _) = logits.select_nth_unstable_by(rank, |a, b| b.total_cmp(a));
    Some(*found)
}

fn cargo(task: &str, root: &Path) -> Command {
    let mut command = command::cargo();
    command.current_dir(root).args([task, "--release", "-p", "splade-cli"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_asked_for_is_above_the_quantile() {
        let vocab_size = 1000; // 32,000 pairs, of which 160 are to be active
        let logits: Vec<f32> = (0..16_000).map(|i| ((i * 7919) % 16_000) as f32).collect();
        let bound = quantile(logits.clone(), vocab_size, SHARE).unwrap();
        let n_active = logits.iter().filter(|logit| **logit > bound).count();
        assert_eq!(n_active, 160);
        assert_eq!(share(n_active, vocab_size), SHARE);
    }

    #[test]
    fn too_few_positive_logits_have_no_quantile() {
        assert_eq!(quantile(vec![1.0; 160], 1000, SHARE), None);
    }
}
