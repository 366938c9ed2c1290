//! Figure 7: a text has the same vector alone, under load and without a server.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::command;
use crate::load::capacity::Capacity;
use crate::load::report::Section;
use crate::load::setup::Setup;

/// A vector by its indices.
type Vector = BTreeMap<u32, f64>;

#[derive(Deserialize)]
struct OfflineRow {
    indices: Vec<u32>,
    values: Vec<f64>,
}

/// An answer that the load generator kept.
#[derive(Deserialize)]
struct Kept {
    texts: Vec<usize>,
    answer: Vec<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    index: u32,
    value: f64,
}

pub(in crate::load) fn measure(setup: &Setup, _: Capacity) -> Result<Section> {
    let offline = offline(setup)?;
    let server = setup.serve(&[])?;
    let kept = setup.folder.join("kept.jsonl");
    let file = kept.to_string_lossy().into_owned();
    let mut rows = Vec::new();
    for (name, flags) in [
        ("alone: one request at a time", ["--connections", "1", "--texts-per-request", "1"]),
        ("64 connections, 1 text a request", ["--connections", "64", "--texts-per-request", "1"]),
        ("8 connections, 32 texts a request", ["--connections", "8", "--texts-per-request", "32"]),
    ] {
        let per_request: usize = flags[3].parse()?;
        let n_requests = setup.n_texts.div_ceil(per_request).to_string();
        let mut all = flags.to_vec();
        all.extend(["--requests", &n_requests, "--keep", &file, "--keep-every", "1"]);
        setup.driver.run(&server, &setup.texts, &all)?;
        let found = read_kept(&kept)?;
        let (n_texts, difference) = compare(&offline, &found)?;
        rows.push(vec![name.to_owned(), n_texts.to_string(), format!("{difference:.1e}")]);
    }
    Ok(Section {
        title: "7. The same vectors".into(),
        columns: vec!["server", "texts", "largest difference to `splade encode`"],
        n_text_columns: 1,
        rows,
        text: "The difference of two weights a and b is |a - b| / (1 + |b|); a word that only one vector has counts \
               as 0 in the other."
            .into(),
    })
}

/// The vectors that the program writes.
fn offline(setup: &Setup) -> Result<Vec<Vector>> {
    let path = setup.folder.join("offline.jsonl");
    let mut encode = setup.program("encode");
    encode.arg("-i").arg(&setup.texts).arg("-o").arg(&path).arg("--quiet");
    command::run(&mut encode)?;
    let lines = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    let rows = lines.lines().map(|line| {
        let row: OfflineRow = serde_json::from_str(line)?;
        Ok(row.indices.into_iter().zip(row.values).collect())
    });
    rows.collect()
}

fn read_kept(path: &Path) -> Result<Vec<Kept>> {
    let lines = fs::read_to_string(path).with_context(|| format!("no {}", path.display()))?;
    lines.lines().map(|line| serde_json::from_str(line).context("no answer")).collect()
}

/// How many texts were compared, and the largest difference.
fn compare(offline: &[Vector], found: &[Kept]) -> Result<(usize, f64)> {
    let (mut n_texts, mut largest) = (0, 0.0_f64);
    for kept in found {
        ensure!(kept.texts.len() == kept.answer.len(), "an answer lacks vectors");
        for (text, vector) in kept.texts.iter().zip(&kept.answer) {
            let vector = vector.iter().map(|entry| (entry.index, entry.value)).collect();
            let expected = offline.get(*text).context("a text that was not encoded")?;
            largest = largest.max(difference(&vector, expected));
            n_texts += 1;
        }
    }
    ensure!(n_texts > 0, "no answer was kept");
    Ok((n_texts, largest))
}

fn difference(found: &Vector, expected: &Vector) -> f64 {
    let indices = found.keys().chain(expected.keys());
    let differences = indices.map(|index| {
        let of = |vector: &Vector| vector.get(index).copied().unwrap_or(0.0);
        (of(found) - of(expected)).abs() / (1.0 + of(expected).abs())
    });
    differences.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_one_vector_lacks_is_a_difference() {
        let a = Vector::from([(1, 1.0), (5, 0.5)]);
        let b = Vector::from([(1, 1.0)]);
        assert_eq!(difference(&a, &a), 0.0);
        assert_eq!(difference(&a, &b), 0.5);
        assert_eq!(difference(&b, &a), 0.5 / 1.5);
    }
}
