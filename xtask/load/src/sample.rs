//! A sample of the answers, checked and written after the run.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::requests::Requests;

/// An answer that was kept.
pub(crate) struct Kept {
    pub(crate) request: usize,
    pub(crate) body: Vec<u8>,
}

#[derive(Deserialize)]
struct Entry {
    index: u32,
    value: f32,
}

/// Checks that each answer has a vector for each text, with ascending indices and weights above 0;
/// returns how many answers were checked.
///
/// # Errors
/// The first answer that is not as it should be: what was measured then was not what was meant.
pub(crate) fn check(sample: &[Kept], requests: &Requests) -> Result<usize> {
    for kept in sample {
        check_one(&kept.body, requests.texts_per_request)
            .with_context(|| format!("the answer to request {} is wrong", kept.request))?;
    }
    Ok(sample.len())
}

fn check_one(body: &[u8], n_texts: usize) -> Result<()> {
    let vectors: Vec<Vec<Entry>> =
        serde_json::from_slice(body).context("no lists of `index` and `value`")?;
    ensure!(vectors.len() == n_texts, "{} vectors for {n_texts} texts", vectors.len());
    for vector in &vectors {
        ensure!(vector.is_sorted_by(|a, b| a.index < b.index), "indices do not ascend");
        ensure!(vector.iter().all(|entry| entry.value > 0.0), "a weight is not above 0");
    }
    Ok(())
}

/// The answers as JSON lines: `{"texts": [indices], "answer": ...}`.
///
/// # Errors
/// An answer is no JSON.
pub(crate) fn lines(sample: &[Kept], requests: &Requests) -> Result<String> {
    let mut lines = String::new();
    for kept in sample {
        let answer: &serde_json::value::RawValue = serde_json::from_slice(&kept.body)?;
        let texts: Vec<usize> = requests.texts(kept.request).collect();
        lines += &format!("{{\"texts\":{texts:?},\"answer\":{answer}}}\n");
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_vector_for_each_text() {
        let answer = br#"[[{"index":1,"value":0.5},{"index":7,"value":1}],[]]"#;
        assert!(check_one(answer, 2).is_ok());
        assert!(check_one(answer, 1).is_err());
        assert!(check_one(br#"[[{"index":7,"value":1},{"index":1,"value":1}]]"#, 1).is_err());
        assert!(check_one(br#"[[{"index":7,"value":0}]]"#, 1).is_err());
        assert!(check_one(br#"{"error":"x"}"#, 1).is_err());
    }

    #[test]
    fn a_line_says_which_texts_an_answer_is_for() {
        let requests = Requests::prepare(&["a".into(), "b".into(), "c".into()], 2);
        let kept = Kept { request: 1, body: b"[[],[]]".to_vec() };
        let lines = lines(&[kept], &requests).unwrap();
        assert_eq!(lines, "{\"texts\":[2, 0],\"answer\":[[],[]]}\n");
    }
}
