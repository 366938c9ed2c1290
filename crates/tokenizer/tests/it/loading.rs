//! Files that are missing or broken are named.

use std::path::Path;

use serde_json::json;
use splade_tokenizer::{Tokenizer, TokenizerError};

use crate::folder::{Folder, UNCASED, message};

#[test]
fn a_missing_tokenizer_json_is_named() {
    let error = Folder::copy_of(UNCASED).remove("tokenizer.json").load().unwrap_err();
    assert!(matches!(error, TokenizerError::Read { .. }), "{error:?}");
    assert!(message(&error).contains("tokenizer.json"), "{error}");
}

#[test]
fn a_missing_folder_is_named() {
    let error = Tokenizer::load(Path::new("/no/such/folder")).unwrap_err();
    assert!(message(&error).contains("/no/such/folder"), "{error}");
}

#[test]
fn a_broken_tokenizer_json_is_named() {
    for broken in ["", "{", "[]", "{}", "{\"model\": {\"type\": \"WordPiece\"}}"] {
        let error = Folder::copy_of(UNCASED).write("tokenizer.json", broken).load().unwrap_err();
        assert!(matches!(error, TokenizerError::Parse { .. }), "{broken}: {error:?}");
        assert!(message(&error).contains("tokenizer.json"), "{broken}: {error}");
    }
}

#[test]
fn a_broken_tokenizer_json_is_named_where_added_tokens_replace_its_own() {
    let added = json!({ "0": { "content": "[PAD]", "special": true } });
    for broken in ["{", "[]"] {
        let folder = Folder::copy_of(UNCASED).config("added_tokens_decoder", added.clone());
        let error = folder.write("tokenizer.json", broken).load().unwrap_err();
        assert!(matches!(error, TokenizerError::Parse { .. }), "{broken}: {error:?}");
    }
}

#[test]
fn a_tokenizer_json_cut_short_anywhere_is_named() {
    // `decoder` is where tokenizers 0.23.2 panics.
    let whole = json!({
        "version": "1.0", "added_tokens": [], "decoder": { "type": "WordPiece", "prefix": "##" },
        "normalizer": { "type": "Lowercase" }, "pre_tokenizer": { "type": "Whitespace" },
        "model": { "type": "WordLevel", "vocab": { "[UNK]": 0 }, "unk_token": "[UNK]" }
    });
    let whole = whole.to_string();
    for end in 0..whole.len() {
        let folder = Folder::copy_of(UNCASED).write("tokenizer.json", &whole[..end]);
        let error = folder.load().unwrap_err();
        assert!(matches!(error, TokenizerError::Parse { .. }), "{end}: {error:?}");
    }
}

#[test]
fn a_decoder_that_is_no_json_is_named() {
    for broken in ["nul", "{\"type\": \"\\ud800\"}", "1e999", "[1,]"] {
        let broken = format!("{{\"decoder\": {broken}}}");
        let error = Folder::copy_of(UNCASED).write("tokenizer.json", &broken).load().unwrap_err();
        assert!(matches!(error, TokenizerError::Parse { .. }), "{broken}: {error:?}");
    }
}

#[test]
fn a_broken_tokenizer_config_is_named() {
    for broken in ["", "{", "[1]", "{\"do_lower_case\": \"yes\"}", "{\"cls_token\": 7}"] {
        let folder = Folder::copy_of(UNCASED).write("tokenizer_config.json", broken);
        let error = folder.load().unwrap_err();
        assert!(matches!(error, TokenizerError::ParseConfig { .. }), "{broken}: {error:?}");
        assert!(message(&error).contains("tokenizer_config.json"), "{broken}: {error}");
    }
}

#[test]
fn a_special_token_that_the_vocabulary_lacks_is_named_with_its_role() {
    for role in ["unk_token", "cls_token", "sep_token"] {
        let error = Folder::copy_of(UNCASED).config(role, "<nowhere>").load().unwrap_err();
        assert!(matches!(error, TokenizerError::SpecialToken { .. }), "{error:?}");
        let message = message(&error);
        assert!(message.contains("<nowhere>") && message.contains(role), "{message}");
    }
}

#[test]
fn an_unknown_truncation_side_is_named() {
    let error = Folder::copy_of(UNCASED).config("truncation_side", "up").load().unwrap_err();
    let field = "truncation_side";
    assert!(matches!(&error, TokenizerError::ConfigValue { field: f, .. } if *f == field));
    assert!(message(&error).contains("`up`"), "{error}");
}

#[test]
fn a_limit_that_is_no_positive_integer_is_named() {
    for limit in [json!(0), json!(-1), json!(2.5), json!(-1e30)] {
        let folder = Folder::copy_of(UNCASED).config("model_max_length", limit.clone());
        let error = folder.load().unwrap_err();
        assert!(matches!(error, TokenizerError::ConfigValue { .. }), "{limit}: {error:?}");
        assert!(message(&error).contains("model_max_length"), "{limit}: {error}");
    }
}
