//! Tokenizers from before `tokenizer.json`: a vocabulary, and for byte pairs their merges, as the
//! `tokenizer.json` that transformers makes of them.
//!
//! # Source
//! transformers 5.24, `models/bert/tokenization_bert.py` and `models/roberta/tokenization_roberta.py`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::TokenizerError;
use crate::config::{TokenSpec, TokenizerConfig};

/// What a folder's tokenizer is read from.
pub(crate) enum Source {
    /// `tokenizer.json`.
    Json(PathBuf),
    /// `vocab.txt`: BERT's WordPiece.
    WordPiece(PathBuf),
    /// `vocab.json` and `merges.txt`: RoBERTa's byte pairs.
    BytePairs { vocab: PathBuf, merges: PathBuf },
}

impl Source {
    /// The first of these that a folder has.
    ///
    /// # Errors
    /// It has none.
    pub(crate) fn find(folder: &Path) -> Result<Self, TokenizerError> {
        let [json, txt, vocab, merges] =
            ["tokenizer.json", "vocab.txt", "vocab.json", "merges.txt"]
                .map(|name| folder.join(name));
        if json.exists() {
            return Ok(Self::Json(json));
        }
        if txt.exists() {
            return Ok(Self::WordPiece(txt));
        }
        if vocab.exists() && merges.exists() {
            return Ok(Self::BytePairs { vocab, merges });
        }
        Err(TokenizerError::NoTokenizer { folder: folder.to_owned() })
    }
}

/// `vocab.txt` as a `tokenizer.json`: a token a line, its id the number of the line from 0. The
/// normaliser and the template are made later, by the class, as for every tokenizer of it.
pub(crate) fn word_piece(path: &Path, config: &TokenizerConfig) -> Result<Value, TokenizerError> {
    let text = read(path)?;
    let lines = text.strip_suffix('\n').unwrap_or(&text).split('\n');
    let lines = lines.map(|line| line.strip_suffix('\r').unwrap_or(line));
    let vocab: BTreeMap<&str, usize> = lines.enumerate().map(|(id, token)| (token, id)).collect();
    let unk = config.unk_token.as_ref().map_or("[UNK]", TokenSpec::content);
    Ok(tokenizer(json!({
        "type": "WordPiece", "unk_token": unk, "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100, "vocab": vocab,
    })))
}

/// `vocab.json` and `merges.txt` as a `tokenizer.json` of byte pairs; the same holds for it.
pub(crate) fn byte_pairs(
    vocab_path: &Path,
    merges_path: &Path,
    config: &TokenizerConfig,
) -> Result<Value, TokenizerError> {
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

    let special = |spec: &Option<TokenSpec>, default: &str, role| {
        let token = spec.as_ref().map_or(default, TokenSpec::content).to_owned();
        match vocab.get(&token) {
            Some(id) => Ok((token, *id)),
            None => Err(TokenizerError::SpecialToken { token, role }),
        }
    };
    let (cls, cls_id) = special(&config.cls_token, "<s>", "cls_token")?;
    let (sep, sep_id) = special(&config.sep_token, "</s>", "sep_token")?;
    let mut json = tokenizer(json!({
        "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
        "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false,
        "ignore_merges": false, "vocab": vocab, "merges": merges,
    }));
    let others = [
        (&config.pad_token, "<pad>", "pad_token"),
        (&config.unk_token, "<unk>", "unk_token"),
        (&config.mask_token, "<mask>", "mask_token"),
    ];
    // Of these a vocabulary may lack some.
    let others = others.into_iter().filter_map(|(spec, name, role)| special(spec, name, role).ok());
    let mut specials: BTreeMap<u32, String> = others.map(|(token, id)| (id, token)).collect();
    specials.extend([(cls_id, cls), (sep_id, sep)]);
    let added = specials.into_iter().map(|(id, content)| {
        json!({
            "id": id, "content": content, "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true,
        })
    });
    json["added_tokens"] = added.collect();
    Ok(json)
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
