//! The requests, serialised before anything is sent.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use hyper::body::Bytes;
use serde::Deserialize;

#[derive(Deserialize)]
struct Line {
    text: String,
}

/// The texts of a file of JSON lines.
///
/// # Errors
/// The file cannot be read, a line has no text, or there is none.
pub(crate) fn read_texts(path: &Path) -> Result<Vec<String>> {
    let lines =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut texts = Vec::new();
    for (index, line) in lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).with_context(|| {
            format!("{} line {}: expected an object with `text`", path.display(), index + 1)
        })?;
        texts.push(line.text);
    }
    ensure!(!texts.is_empty(), "{} has no texts", path.display());
    Ok(texts)
}

/// Requests that go round the texts; request i follows request i - 1, and the first follows the
/// last.
pub(crate) struct Requests {
    bodies: Vec<Bytes>,
    pub(crate) texts_per_request: usize,
    n_texts: usize,
}

impl Requests {
    pub(crate) fn prepare(texts: &[String], texts_per_request: usize) -> Self {
        let n_texts = texts.len();
        // After so many requests the first text is first again.
        let n_bodies = n_texts / common_divisor(n_texts, texts_per_request);
        let body = |request: usize| {
            let inputs: Vec<&str> = indices(request, texts_per_request, n_texts)
                .map(|text| texts[text].as_str())
                .collect();
            // A single text as a string, as clients send it.
            let inputs = match inputs.as_slice() {
                [text] => serde_json::json!(text),
                texts => serde_json::json!(texts),
            };
            Bytes::from(serde_json::json!({ "inputs": inputs }).to_string())
        };
        Self { bodies: (0..n_bodies).map(body).collect(), texts_per_request, n_texts }
    }

    pub(crate) fn body(&self, request: usize) -> Bytes {
        self.bodies[request % self.bodies.len()].clone()
    }

    /// Which texts a request has.
    pub(crate) fn texts(&self, request: usize) -> impl Iterator<Item = usize> + use<> {
        indices(request % self.bodies.len(), self.texts_per_request, self.n_texts)
    }
}

fn indices(request: usize, per_request: usize, n_texts: usize) -> impl Iterator<Item = usize> {
    (request * per_request..(request + 1) * per_request).map(move |text| text % n_texts)
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(n_texts: usize, per_request: usize) -> Requests {
        let texts: Vec<String> = (0..n_texts).map(|text| format!("t{text}")).collect();
        Requests::prepare(&texts, per_request)
    }

    #[test]
    fn requests_go_round_the_texts() {
        let requests = requests(3, 2);
        let bodies: Vec<Bytes> = (0..4).map(|request| requests.body(request)).collect();
        assert_eq!(bodies[0], r#"{"inputs":["t0","t1"]}"#);
        assert_eq!(bodies[1], r#"{"inputs":["t2","t0"]}"#);
        assert_eq!(bodies[2], r#"{"inputs":["t1","t2"]}"#);
        assert_eq!(bodies[3], bodies[0]);
        assert_eq!(requests.texts(4).collect::<Vec<_>>(), [2, 0]);
    }

    #[test]
    fn a_request_of_one_text_is_a_string() {
        assert_eq!(requests(2, 1).body(3), r#"{"inputs":"t1"}"#);
    }

    #[test]
    fn a_request_may_have_more_texts_than_there_are() {
        assert_eq!(requests(1, 3).body(0), r#"{"inputs":["t0","t0","t0"]}"#);
    }
}
