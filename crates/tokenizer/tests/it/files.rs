//! The files beside a vocabulary mean what they mean in transformers
//! (tests/reference/tokenizer_files.py).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use splade_tokenizer::{Tokenizer, TokenizerError};
use tempfile::TempDir;

struct Case {
    checkpoint: String,
    files: Map<String, Value>,
    expected: Option<Expected>,
}

/// The result in transformers.
struct Expected {
    ids: Vec<Vec<u32>>,
    added: BTreeMap<u32, String>,
    special_ids: Vec<u32>,
    size: usize,
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}

fn golden() -> (Vec<String>, Vec<Case>) {
    let bytes = std::fs::read(tests().join("reference/golden/tokenizers/files.json")).unwrap();
    let golden: Value = serde_json::from_slice(&bytes).unwrap();
    let texts = serde_json::from_value(golden["texts"].clone()).unwrap();
    let case = |case: &Value| {
        let get = |key: &str| case[key].clone();
        let expected = (!case["ids"].is_null()).then(|| Expected {
            ids: serde_json::from_value(get("ids")).unwrap(),
            added: serde_json::from_value(get("added")).unwrap(),
            special_ids: serde_json::from_value(get("special_ids")).unwrap(),
            size: serde_json::from_value(get("size")).unwrap(),
        });
        let checkpoint = case["checkpoint"].as_str().unwrap().to_owned();
        Case { checkpoint, files: case["files"].as_object().unwrap().clone(), expected }
    };
    (texts, golden["cases"].as_array().unwrap().iter().map(case).collect())
}

impl Case {
    /// The fixture's files except its weights, with changes.
    fn folder(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(tests().join("fixtures").join(&self.checkpoint)).unwrap() {
            let entry = entry.unwrap();
            if !entry.file_name().to_string_lossy().ends_with(".safetensors") {
                std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
            }
        }
        for (file, changes) in &self.files {
            let path = folder.path().join(file);
            let content = match changes {
                Value::Array(lines) => {
                    lines.iter().map(|line| format!("{}\n", line.as_str().unwrap())).collect()
                }
                changes => changed(std::fs::read(&path).ok(), changes),
            };
            std::fs::write(path, content).unwrap();
        }
        folder
    }

    fn context(&self) -> String {
        format!("{} with {}", self.checkpoint, Value::Object(self.files.clone()))
    }
}

/// A JSON file with some fields changed; null removes a field, `a.b` is a field of an object.
fn changed(old: Option<Vec<u8>>, changes: &Value) -> String {
    let mut fields: Map<String, Value> =
        old.map(|bytes| serde_json::from_slice(&bytes).unwrap()).unwrap_or_default();
    for (key, value) in changes.as_object().unwrap() {
        let (inner, key) = match key.split_once('.') {
            Some((outer, key)) => (fields[outer].as_object_mut().unwrap(), key),
            None => (&mut fields, key.as_str()),
        };
        match value {
            Value::Null => inner.remove(key),
            value => inner.insert(key.to_owned(), value.clone()),
        };
    }
    Value::Object(fields).to_string()
}

#[test]
fn ids_with_every_file_are_the_reference_s() {
    let (texts, cases) = golden();
    let (mut n_refused, mut wrong) = (0, Vec::new());
    for case in &cases {
        let folder = case.folder();
        let loaded = Tokenizer::load(folder.path());
        let context = case.context();
        let (expected, tokenizer) = match (&case.expected, loaded) {
            (None, Err(_)) => {
                n_refused += 1;
                continue;
            }
            (None, Ok(_)) => {
                wrong.push(format!("{context}: the reference refuses this"));
                continue;
            }
            // A template with a token that is not in the vocabulary (the reference assigns ids
            // beyond it), or a missing unknown token (the reference fails at the first unknown
            // word).
            (Some(_), Err(TokenizerError::SpecialToken { .. })) => {
                n_refused += 1;
                continue;
            }
            (Some(_), Err(error)) => {
                wrong.push(format!("{context}: {error}"));
                continue;
            }
            (Some(expected), Ok(tokenizer)) => (expected, tokenizer),
        };
        for (text, ids) in texts.iter().zip(&expected.ids) {
            let found = tokenizer.encode_batch(&[text]).unwrap().input_ids;
            if found != *ids {
                wrong.push(format!("{context}: {text:?}: {found:?} and not {ids:?}"));
            }
        }
        for (id, token) in &expected.added {
            if tokenizer.token(*id).as_ref() != Some(token) {
                wrong.push(format!("{context}: {id} is {:?}, not {token}", tokenizer.token(*id)));
            }
        }
        let special = (0..expected.size as u32).filter(|id| tokenizer.is_special(*id));
        let special: Vec<u32> = special.collect();
        if special != expected.special_ids {
            wrong.push(format!("{context}: {special:?} and not {:?}", expected.special_ids));
        }
        if tokenizer.vocab_size() != expected.size {
            wrong.push(format!("{context}: {} and not {}", tokenizer.vocab_size(), expected.size));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(n_refused < cases.len() / 4, "{n_refused} of {} refused", cases.len());
}
