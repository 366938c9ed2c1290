//! The texts for measuring: from a file or generated, unchanged or all of one length.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::passages;

/// Number of texts generated without a file, and the number of words of each.
const N_PASSAGES: usize = 256;
const WORDS: (usize, usize) = (20, 100);
const SEED: u64 = 11;

/// One line of a file of texts.
#[derive(Deserialize, Serialize)]
struct Line {
    text: String,
}

/// A file of texts to measure with.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    pub(super) path: PathBuf,
    /// Average number of words per text.
    pub(super) words: usize,
}

/// Which texts, and how many of them.
pub(super) struct Source<'a> {
    pub(super) file: Option<&'a Path>,
    pub(super) limit: Option<usize>,
}

/// Writes the texts to `folder`: with `words` words each, or unchanged.
pub(super) fn write(source: &Source<'_>, words: Option<usize>, folder: &Path) -> Result<Texts> {
    let limit = source.limit.unwrap_or(usize::MAX);
    ensure!(limit > 0 && words != Some(0), "no texts, and texts of no words, measure nothing");
    let texts = match (source.file, words) {
        (Some(path), None) => read(path)?.into_iter().take(limit).collect(),
        (Some(path), Some(words)) => {
            let texts = read(path)?;
            with_words(&texts, words, texts.len().min(limit))
                .with_context(|| format!("{} has no words", path.display()))?
        }
        (None, words) => {
            let words = words.map_or(WORDS, |words| (words, words));
            passages::generate(source.limit.unwrap_or(N_PASSAGES), words, SEED)
        }
    };
    ensure!(!texts.is_empty(), "the file of texts is empty");
    let n_words: usize = texts.iter().map(|text| text.split_whitespace().count()).sum();
    let name = words.map_or("texts.jsonl".to_owned(), |words| format!("texts-{words}.jsonl"));
    let path = folder.join(name);
    let mut lines = String::new();
    for text in &texts {
        lines += &serde_json::to_string(&Line { text: text.clone() })?;
        lines.push('\n');
    }
    fs::write(&path, lines).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Texts { path, words: (n_words + texts.len() / 2) / texts.len() })
}

fn read(path: &Path) -> Result<Vec<String>> {
    let lines =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    let texts = lines.map(|line| Ok(serde_json::from_str::<Line>(line)?.text));
    texts.collect::<Result<_>>().with_context(|| {
        format!("{} does not have a `text` in each of its lines of JSON", path.display())
    })
}

/// `n` texts of `words` words each: text i starts with the i-th given text and continues with those
/// after it. `None` if there are no words at all.
fn with_words(texts: &[String], words: usize, n: usize) -> Option<Vec<String>> {
    texts.iter().any(|text| !text.trim().is_empty()).then(|| {
        let text = |start: usize| {
            let following = texts.iter().cycle().skip(start);
            let found = following.flat_map(|text| text.split_whitespace()).take(words);
            found.collect::<Vec<_>>().join(" ")
        };
        (0..n).map(text).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_and_joined_to_one_length() {
        let texts = ["a b c", "", "d e"].map(str::to_owned);
        let found = with_words(&texts, 4, 3).unwrap();
        assert_eq!(found, ["a b c d", "d e a b", "d e a b"]);
        assert_eq!(with_words(&texts, 1, 1).unwrap(), ["a"]);
        assert_eq!(with_words(&["  ".to_owned()], 4, 1), None);
    }

    #[test]
    fn made_texts_have_the_words_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let source = Source { file: None, limit: Some(3) };
        let texts = write(&source, Some(8), folder.path()).unwrap();
        assert_eq!(texts.words, 8);
        assert_eq!(read(&texts.path).unwrap().len(), 3);
    }
}
