//! Tokenizers from before `tokenizer.json`: a vocabulary and, for byte pairs, their merges. They
//! are converted to the `tokenizer.json` that transformers makes of them.
//!
//! # Source
//! transformers 5.24, `models/bert/tokenization_bert.py` and
//! `models/roberta/tokenization_roberta.py`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::TokenizerError;
use crate::classes::Class;

/// The file that a folder's tokenizer is read from.
pub(crate) enum Source {
    /// `tokenizer.json`.
    Json(PathBuf),
    /// `vocab.txt`: BERT's WordPiece.
    WordPiece(PathBuf),
    /// `vocab.json` and `merges.txt`: RoBERTa's byte pairs.
    BytePairs { vocab: PathBuf, merges: PathBuf },
}

impl Source {
    /// The source for a class: `tokenizer.json`, or else the files of the class; if no class is
    /// named, the first that exists.
    ///
    /// # Errors
    /// The folder has none.
    pub(crate) fn find(folder: &Path, class: Option<Class>) -> Result<Self, TokenizerError> {
        let [json, txt, vocab, merges] =
            ["tokenizer.json", "vocab.txt", "vocab.json", "merges.txt"]
                .map(|name| folder.join(name));
        if json.exists() {
            return Ok(Self::Json(json));
        }
        let may_be = |classes: &[Class]| class.is_none_or(|class| classes.contains(&class));
        if txt.exists() && may_be(&[Class::Bert, Class::MpNet]) {
            return Ok(Self::WordPiece(txt));
        }
        if vocab.exists() && merges.exists() && may_be(&[Class::Roberta]) {
            return Ok(Self::BytePairs { vocab, merges });
        }
        Err(TokenizerError::NoTokenizer { folder: folder.to_owned() })
    }
}

/// `vocab.txt` as a `tokenizer.json`: one token per line, whose id is the line number from 0.
/// Special tokens, normaliser and template are added later by the class, as for all its tokenizers.
pub(crate) fn word_piece(path: &Path) -> Result<Value, TokenizerError> {
    let text = read(path)?;
    let lines = text.strip_suffix('\n').unwrap_or(&text).split('\n');
    let lines = lines.map(|line| line.strip_suffix('\r').unwrap_or(line));
    let vocab: BTreeMap<&str, usize> = lines.enumerate().map(|(id, token)| (token, id)).collect();
    Ok(tokenizer(json!({
        "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100, "vocab": vocab,
    })))
}

/// `vocab.json` and `merges.txt` as a `tokenizer.json` of byte pairs; the class adds the rest
/// later.
pub(crate) fn byte_pairs(vocab_path: &Path, merges_path: &Path) -> Result<Value, TokenizerError> {
    let vocab: BTreeMap<String, u32> =
        serde_json::from_str(&read(vocab_path)?).map_err(|error| parse_error(vocab_path, error))?;
    let text = read(merges_path)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty());
    let lines = lines.filter(|(n, line)| !(*n == 0 && line.starts_with("#version")));
    let merges = lines.map(|(n, line)| match line.split_once(' ') {
        Some((a, b)) if !a.is_empty() && !b.is_empty() && !b.contains(' ') => Ok(json!([a, b])),
        _ => Err(parse_error(merges_path, format!("line {} is not a pair", n + 1))),
    });
    let merges: Vec<Value> = merges.collect::<Result<_, _>>()?;

    Ok(tokenizer(json!({
        "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
        "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false,
        "ignore_merges": false, "vocab": vocab, "merges": merges,
    })))
}

fn tokenizer(model: Value) -> Value {
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
        "model": model,
    })
}

fn read(path: &Path) -> Result<String, TokenizerError> {
    std::fs::read_to_string(path)
        .map_err(|source| TokenizerError::Read { path: path.to_owned(), source })
}

fn parse_error(
    path: &Path,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> TokenizerError {
    TokenizerError::Parse { path: path.to_owned(), source: source.into() }
}
