//! The tokenizer that transformers builds for the class `BertTokenizer`.
//!
//! transformers 5 takes no more than the vocabulary and the added tokens from `tokenizer.json` for
//! this class; the normaliser, the pre-tokenizer, the template and the settings of WordPiece come
//! from `tokenizer_config.json` and from the class. So a cased `tokenizer.json` beside a
//! configuration that does not say `do_lower_case: false` is lower-cased.
//!
//! # Source
//! transformers 5.24, `models/bert/tokenization_bert.py` and `tokenization_utils_tokenizers.py`.

use serde_json::json;
use tokenizers::models::ModelWrapper;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::{AddedToken, Tokenizer};

use crate::TokenizerError;
use crate::config::{TokenSpec, TokenizerConfig};
use crate::parts::{bert_normalizer, set_normalizer, set_pre_tokenizer, set_template};

/// Makes `inner` what `BertTokenizer` makes of its vocabulary and of `config`.
pub(crate) fn rebuild(
    inner: &mut Tokenizer,
    config: &TokenizerConfig,
) -> Result<(), TokenizerError> {
    // The caller has checked that the model is WordPiece.
    let special = |spec: &Option<TokenSpec>, default: &str| {
        spec.as_ref().map_or(default, TokenSpec::content).to_owned()
    };
    let unk = special(&config.unk_token, "[UNK]");
    let sep = special(&config.sep_token, "[SEP]");
    let cls = special(&config.cls_token, "[CLS]");

    set_model(inner, &unk)?;
    set_normalizer(inner, &bert_normalizer(config))?;
    set_pre_tokenizer(inner, &json!({"type": "BertPreTokenizer"}))?;
    set_template(inner, (&cls, "cls_token"), (&sep, "sep_token"))?;

    let pad = special(&config.pad_token, "[PAD]");
    let mask = special(&config.mask_token, "[MASK]");
    let others = config.additional_special_tokens.iter().flatten().map(|t| t.content().to_owned());
    // A token that is not in the vocabulary would get an id beyond the model's embeddings.
    let known: Vec<AddedToken> = [unk, sep, pad, cls, mask]
        .into_iter()
        .chain(others)
        .filter(|token| inner.token_to_id(token).is_some())
        .map(|token| AddedToken::from(token, true))
        .collect();
    inner
        .add_special_tokens(known)
        .map_err(|source| TokenizerError::Parse { path: "tokenizer.json".into(), source })?;
    Ok(())
}

/// WordPiece over the same vocabulary with the settings of the class: `##`, and words of more
/// than 100 characters become the unknown token.
fn set_model(inner: &mut Tokenizer, unk: &str) -> Result<(), TokenizerError> {
    if inner.token_to_id(unk).is_none() {
        return Err(TokenizerError::SpecialToken { token: unk.to_owned(), role: "unk_token" });
    }
    // Nearly every file has these settings; then the vocabulary need not be copied.
    if let ModelWrapper::WordPiece(found) = inner.get_model()
        && !(found.unk_token == unk
            && found.continuing_subword_prefix == "##"
            && found.max_input_chars_per_word == 100)
    {
        let mut model: WordPiece = found.clone();
        model.unk_token = unk.to_owned();
        model.continuing_subword_prefix = "##".to_owned();
        model.max_input_chars_per_word = 100;
        inner.with_model(model);
    }
    Ok(())
}
