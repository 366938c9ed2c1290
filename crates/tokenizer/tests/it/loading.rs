//! Files that are missing or broken are named.

use std::path::Path;

use serde_json::json;
use splade_tokenizer::{Tokenizer, TokenizerError};

use crate::folder::{Folder, UNCASED, message};

#[test]
fn a_folder_without_a_tokenizer_is_reported_with_what_was_looked_for() {
    let error = Folder::copy_of(UNCASED).remove("tokenizer.json").load().unwrap_err();
    assert!(matches!(error, TokenizerError::NoTokenizer { .. }), "{error:?}");
    for named in ["tokenizer.json", "vocab.txt", "merges.txt"] {
        assert!(message(&error).contains(named), "{error}");
    }
}

#[test]
fn a_vocabulary_alone_is_what_its_class_makes_of_it() {
    let words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nriver\nstone\n##s\n";
    let folder = Folder::copy_of(UNCASED).remove("tokenizer.json").write("vocab.txt", words);
    let tokenizer = folder.load().unwrap();
    assert_eq!(tokenizer.vocab_size(), 8);
    let ids = tokenizer.encode_batch(&["River STONES x"]).unwrap().input_ids;
    assert_eq!(ids, [2, 5, 6, 7, 1, 3]);
    let folder = folder.config("tokenizer_class", "CanineTokenizer");
    let error = folder.load().unwrap_err();
    assert!(matches!(error, TokenizerError::UnsupportedClass { .. }), "{error:?}");
}

#[test]
fn broken_byte_pairs_are_named() {
    let vocab = r#"{"<s>": 0, "</s>": 1, "<pad>": 2, "a": 3, "b": 4, "ab": 5}"#;
    let folder = |vocab: &str, merges: &str| {
        let folder = Folder::copy_of(UNCASED).remove("tokenizer.json");
        let folder = folder.remove("tokenizer_config.json");
        folder.write("vocab.json", vocab).write("merges.txt", merges)
    };
    let whole = folder(vocab, "#version: 0.2\na b\n").load().unwrap();
    assert_eq!(whole.encode_batch(&["ab"]).unwrap().input_ids, [0, 5, 1]);
    for (vocab, merges, named) in [
        ("{", "a b\n", "vocab.json"),
        (vocab, "a b\nab\n", "merges.txt"),
        (vocab, "a b c\n", "line 1"),
        (r#"{"a": 0}"#, "", "`<s>`"),
    ] {
        let error = folder(vocab, merges).load().unwrap_err();
        assert!(message(&error).contains(named), "{named}: {}", message(&error));
    }
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
    for broken in ["", "{", "[1]", "7"] {
        let folder = Folder::copy_of(UNCASED).write("tokenizer_config.json", broken);
        let error = folder.load().unwrap_err();
        assert!(matches!(error, TokenizerError::ParseConfig { .. }), "{broken}: {error:?}");
        assert!(message(&error).contains("tokenizer_config.json"), "{broken}: {error}");
    }
}

#[test]
fn a_value_of_another_type_is_named() {
    for (key, value) in [("do_lower_case", json!("yes")), ("cls_token", json!(7))] {
        let error = Folder::copy_of(UNCASED).config(key, value).load().unwrap_err();
        assert!(matches!(&error, TokenizerError::ConfigValue { field, .. } if field == key));
        assert!(message(&error).contains("tokenizer_config.json"), "{error}");
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
    assert!(matches!(&error, TokenizerError::ConfigValue { field: f, .. } if f == field));
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
