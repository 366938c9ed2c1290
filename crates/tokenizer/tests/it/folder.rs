//! A tokenizer's folder, copied from tests/fixtures and modified.

use std::path::Path;

use serde_json::Value;
use splade_tokenizer::{Input, TokenBatch, TokenizeRules, Tokenizer, TokenizerError};
use tempfile::TempDir;

/// Uncased, special tokens at 0 to 4, 264 tokens, no limit.
pub(crate) const UNCASED: &str = "random/bert-gelu";
/// Cased, special tokens at unusual ids, 288 tokens, no limit.
pub(crate) const CASED: &str = "random/bert-gelu-new-cased";

/// The two files of a tokenizer in a temporary folder.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn copy_of(fixture: &str) -> Self {
        let fixture =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(fixture);
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["tokenizer.json", "tokenizer_config.json"] {
            std::fs::copy(fixture.join(name), folder.path().join(name)).expect("a fixture's file");
        }
        Self(folder)
    }

    pub(crate) fn write(self, name: &str, content: &str) -> Self {
        std::fs::write(self.0.path().join(name), content).expect("a temporary file");
        self
    }

    pub(crate) fn remove(self, name: &str) -> Self {
        std::fs::remove_file(self.0.path().join(name)).expect("a temporary file");
        self
    }

    /// Sets a field of `tokenizer.json`.
    pub(crate) fn json(self, field: &str, value: Value) -> Self {
        self.set("tokenizer.json", field, Some(value))
    }

    /// Sets a field of a nested object in `tokenizer.json`.
    pub(crate) fn nested(self, pointer: &str, field: &str, value: Value) -> Self {
        let bytes = std::fs::read(self.0.path().join("tokenizer.json")).expect("a fixture's file");
        let mut json: Value = serde_json::from_slice(&bytes).expect("JSON");
        json.pointer_mut(pointer).expect("a part of the file")[field] = value;
        self.write("tokenizer.json", &json.to_string())
    }

    /// Sets a field of `tokenizer_config.json`.
    pub(crate) fn config(self, field: &str, value: impl Into<Value>) -> Self {
        self.set("tokenizer_config.json", field, Some(value.into()))
    }

    /// Removes a field from `tokenizer_config.json`.
    pub(crate) fn config_without(self, field: &str) -> Self {
        self.set("tokenizer_config.json", field, None)
    }

    /// Sets a field of any of its files, which is created if missing.
    pub(crate) fn put(self, file: &str, field: &str, value: Value) -> Self {
        self.set(file, field, Some(value))
    }

    fn set(self, file: &str, field: &str, value: Option<Value>) -> Self {
        let bytes = std::fs::read(self.0.path().join(file)).unwrap_or_else(|_| b"{}".to_vec());
        let mut json: Value = serde_json::from_slice(&bytes).expect("JSON");
        let fields = json.as_object_mut().expect("a JSON object");
        match value {
            Some(value) => fields.insert(field.to_owned(), value),
            None => fields.remove(field),
        };
        self.write(file, &json.to_string())
    }

    pub(crate) fn load(&self) -> Result<Tokenizer, TokenizerError> {
        Tokenizer::load(self.0.path())
    }

    pub(crate) fn tokenizer(&self) -> Tokenizer {
        self.load().expect("a tokenizer that loads")
    }
}

/// The tokens of a text as the vocabulary spells them.
pub(crate) fn tokens(tokenizer: &Tokenizer, text: &str) -> Vec<String> {
    let batch = tokenizer.encode_batch(&[text]).expect("a text that can be tokenised");
    batch.input_ids.iter().map(|&id| tokenizer.token(id).expect("a known id")).collect()
}

/// The inputs as a batch.
pub(crate) fn batch(
    tokenizer: &Tokenizer,
    rules: &TokenizeRules,
    inputs: &[Input<'_>],
) -> Result<TokenBatch, TokenizerError> {
    tokenizer
        .encode_inputs(inputs.len(), rules, |text| Ok::<_, TokenizerError>(inputs[text].clone()))
}

/// The message of an error, with those of its causes.
pub(crate) fn message(error: &TokenizerError) -> String {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        message += &format!(": {cause}");
        source = cause.source();
    }
    message
}
