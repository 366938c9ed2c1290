//! The parts from which classes assemble a tokenizer, in the format of `tokenizer.json`.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokenizers::{
    DecoderWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper, Tokenizer,
};

use crate::TokenizerError;
use crate::config::TokenizerConfig;

pub(crate) fn bert_normalizer(config: &TokenizerConfig) -> Result<Value, TokenizerError> {
    Ok(json!({
        "type": "BertNormalizer", "clean_text": true,
        "handle_chinese_chars": config.switch("tokenize_chinese_chars", true)?,
        "strip_accents": config.choice("strip_accents")?,
        "lowercase": config.switch("do_lower_case", true)?,
    }))
}

pub(crate) fn byte_level(add_prefix_space: bool) -> Value {
    json!({
        "type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": true,
        "use_regex": true,
    })
}

pub(crate) fn replace(pattern: &str, content: &str) -> Value {
    json!({"type": "Replace", "pattern": {"String": pattern}, "content": content})
}

pub(crate) fn metaspace(prepend_scheme: &str) -> Value {
    json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": prepend_scheme, "split": true})
}

pub(crate) fn words_with_metaspace(config: &TokenizerConfig) -> Result<Value, TokenizerError> {
    let scheme = if config.switch("add_prefix_space", true)? { "always" } else { "never" };
    let steps = json!([{"type": "WhitespaceSplit"}, metaspace(scheme)]);
    Ok(json!({"type": "Sequence", "pretokenizers": steps}))
}

/// The character map of a SentencePiece model, if the file's normaliser has one.
pub(crate) fn charsmap(inner: &Tokenizer) -> Result<Option<Value>, TokenizerError> {
    let Some(normalizer) = inner.get_normalizer() else { return Ok(None) };
    let normalizer = serde_json::to_value(normalizer).map_err(|error| unusable(error.into()))?;
    let steps = match normalizer["normalizers"].as_array() {
        Some(steps) => steps.clone(),
        None => vec![normalizer],
    };
    Ok(steps.into_iter().find(|step| step["type"] == "Precompiled"))
}

pub(crate) fn set_normalizer(inner: &mut Tokenizer, json: &Value) -> Result<(), TokenizerError> {
    let normalizer: NormalizerWrapper = part(json)?;
    inner.with_normalizer(Some(normalizer)).map_err(unusable)?;
    Ok(())
}

pub(crate) fn set_pre_tokenizer(inner: &mut Tokenizer, json: &Value) -> Result<(), TokenizerError> {
    inner.with_pre_tokenizer(Some(part::<PreTokenizerWrapper>(json)?));
    Ok(())
}

/// Sets the decoder, which turns tokens back into text.
pub(crate) fn set_decoder(inner: &mut Tokenizer, json: &Value) -> Result<(), TokenizerError> {
    inner.with_decoder(Some(part::<DecoderWrapper>(json)?));
    Ok(())
}

/// What separates the two texts of a pair.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pairs {
    /// `first A last B last`, with type 1 for the tokens of B.
    Typed,
    /// `first A last last B last`, with type 0 throughout.
    LastTwice,
}

/// Sets the template `first text last`, with type 0 throughout, and a template for pairs.
pub(crate) fn set_template(
    inner: &mut Tokenizer,
    (first, first_role): (&str, &'static str),
    (last, last_role): (&str, &'static str),
    pairs: Pairs,
) -> Result<(), TokenizerError> {
    let special = |token: &str, role| -> Result<Value, TokenizerError> {
        let id = id(inner, token, role)?;
        Ok(json!({"id": token, "ids": [id], "tokens": [token]}))
    };
    let specials = json!({first: special(first, first_role)?, last: special(last, last_role)?});
    let token = |token: &str, of| json!({"SpecialToken": {"id": token, "type_id": of}});
    let text = |which: &str, of| json!({"Sequence": {"id": which, "type_id": of}});
    let single = [token(first, 0), text("A", 0), token(last, 0)];
    let second = match pairs {
        Pairs::Typed => vec![text("B", 1), token(last, 1)],
        Pairs::LastTwice => vec![token(last, 0), text("B", 0), token(last, 0)],
    };
    let pair = [&single[..], &second].concat();
    let template = json!({
        "type": "TemplateProcessing",
        "single": single,
        "pair": pair,
        "special_tokens": specials,
    });
    inner.with_post_processor(Some(part::<PostProcessorWrapper>(&template)?));
    Ok(())
}

/// The same template in RoBERTa's format.
pub(crate) fn set_roberta_template(
    inner: &mut Tokenizer,
    ((cls, cls_role), (sep, sep_role)): ((&str, &'static str), (&str, &'static str)),
    add_prefix_space: bool,
    trim_offsets: bool,
) -> Result<(), TokenizerError> {
    let template = json!({
        "type": "RobertaProcessing",
        "cls": [cls, id(inner, cls, cls_role)?], "sep": [sep, id(inner, sep, sep_role)?],
        "trim_offsets": trim_offsets, "add_prefix_space": add_prefix_space,
    });
    inner.with_post_processor(Some(part::<PostProcessorWrapper>(&template)?));
    Ok(())
}

fn id(inner: &Tokenizer, token: &str, role: &'static str) -> Result<u32, TokenizerError> {
    let missing = || TokenizerError::SpecialToken { token: token.to_owned(), role };
    inner.token_to_id(token).ok_or_else(missing)
}

/// A part of a tokenizer, given as in `tokenizer.json`.
fn part<T: DeserializeOwned>(json: &Value) -> Result<T, TokenizerError> {
    serde_json::from_value(json.clone()).map_err(|error| unusable(error.into()))
}

pub(crate) fn unusable(source: Box<dyn std::error::Error + Send + Sync>) -> TokenizerError {
    TokenizerError::Parse { path: "tokenizer_config.json".into(), source }
}
