//! Texts to send when no file is given: passages and queries with the lengths of real ones.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use crate::passages;
use crate::random::Random;

const SEED: u64 = 17;

/// What the texts are like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Half of them have between 36 and 70 words, as passages of web pages do; the longest has four
    /// times as many as the shortest of those.
    Passages,
    /// Between 3 and 13 words, half of them up to 6.
    Queries,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Passages => "passages",
            Self::Queries => "queries",
        }
    }

    fn number(self) -> usize {
        match self {
            Self::Passages => 512,
            Self::Queries => 256,
        }
    }

    /// The median number of words.
    fn median(self) -> f64 {
        match self {
            Self::Passages => 50.0,
            Self::Queries => 6.0,
        }
    }
}

/// Writes texts of a kind to `folder` as JSON lines; always the same.
pub(super) fn write(folder: &Path, kind: Kind) -> Result<PathBuf> {
    write_lines(&folder.join(format!("{}.jsonl", kind.name())), &generate(kind))
}

/// Writes texts as JSON lines.
pub(super) fn write_lines(path: &Path, texts: &[String]) -> Result<PathBuf> {
    let lines: Vec<String> =
        texts.iter().map(|text| format!("{}\n", json!({"text": text}))).collect();
    fs::write(path, lines.concat()).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path.to_owned())
}

/// Number of texts in a file of JSON lines.
pub(super) fn count(path: &Path) -> Result<usize> {
    let lines =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(lines.lines().filter(|line| !line.trim().is_empty()).count())
}

fn generate(kind: Kind) -> Vec<String> {
    let mut random = Random::named(SEED, kind.name());
    let lengths = (0..kind.number()).map(|_| {
        // Log-normal: most are short, some are long.
        let words = kind.median() * (0.5 * random.truncated_normal()).exp();
        (words.round() as usize).max(3)
    });
    let texts = lengths
        .enumerate()
        .flat_map(|(text, words)| passages::generate(1, (words, words), SEED + 1 + text as u64));
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_vary_around_the_median() {
        for (kind, bounds) in [(Kind::Passages, 18..=136), (Kind::Queries, 3..=17)] {
            let mut lengths: Vec<usize> =
                generate(kind).iter().map(|text| text.split_whitespace().count()).collect();
            lengths.sort_unstable();
            assert!(lengths.iter().all(|length| bounds.contains(length)), "{lengths:?}");
            let median = lengths[lengths.len() / 2] as f64;
            assert!((median / kind.median() - 1.0).abs() < 0.2, "{median}");
            assert!(lengths[lengths.len() - 1] > 2 * lengths[lengths.len() / 2]);
        }
    }

    #[test]
    fn texts_are_always_the_same() {
        assert_eq!(generate(Kind::Queries), generate(Kind::Queries));
    }
}
