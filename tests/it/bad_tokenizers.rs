//! A broken or unsupported tokenizer is refused, by the name of what is wrong.

use serde_json::json;
use splade::SpladeError;
use splade::errors::TokenizerError;

use crate::folder::{Folder, assert_refused, message};

const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

fn whole() -> Folder {
    Folder::copy_of("random/bert-gelu")
}

#[test]
fn a_missing_tokenizer_json_is_named() {
    assert_refused!(
        whole().remove("tokenizer.json"),
        SpladeError::Tokenizer(TokenizerError::NoTokenizer { .. }),
        ["tokenizer.json", "vocab.txt", "merges.txt"]
    );
}

#[test]
fn a_broken_tokenizer_json_is_named() {
    assert_refused!(
        whole().write("tokenizer.json", "{\"model\": 3}"),
        SpladeError::Tokenizer(TokenizerError::Parse { .. }),
        ["tokenizer.json"]
    );
}

#[test]
fn a_broken_tokenizer_config_is_named() {
    assert_refused!(
        whole().write(TOKENIZER_CONFIG, "{\"tokenizer_class\":"),
        SpladeError::Tokenizer(TokenizerError::ParseConfig { .. }),
        [TOKENIZER_CONFIG]
    );
}

#[test]
fn a_model_max_length_below_one_is_named() {
    for (limit, shown) in [(json!(0), "`0`"), (json!(-5), "`-5`")] {
        assert_refused!(
            whole().set(TOKENIZER_CONFIG, "model_max_length", limit),
            SpladeError::Tokenizer(TokenizerError::ConfigValue { .. }),
            ["model_max_length", shown]
        );
    }
}

#[test]
fn a_model_max_length_that_is_a_string_is_refused() {
    assert_refused!(
        whole().set(TOKENIZER_CONFIG, "model_max_length", "512"),
        SpladeError::Tokenizer(TokenizerError::ConfigValue { .. }),
        [TOKENIZER_CONFIG, "512"]
    );
}

#[test]
fn an_unknown_truncation_side_is_named() {
    assert_refused!(
        whole().set(TOKENIZER_CONFIG, "truncation_side", "up"),
        SpladeError::Tokenizer(TokenizerError::ConfigValue { .. }),
        ["truncation_side", "`up`"]
    );
}

#[test]
fn a_tokenizer_with_more_tokens_than_the_model_is_refused() {
    let added = json!({ "264": {
        "content": "<new>", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true
    } });
    assert_refused!(
        whole().set(TOKENIZER_CONFIG, "added_tokens_decoder", added),
        SpladeError::VocabularyTooLarge { tokenizer: 265, model: 264, .. },
        ["265", "264"]
    );
}

#[test]
fn a_new_special_token_that_the_model_has_no_row_for_is_refused() {
    for (file, key, value) in [
        (TOKENIZER_CONFIG, "extra_special_tokens", json!(["<new>"])),
        (TOKENIZER_CONFIG, "image_token", json!("<new>")),
        ("special_tokens_map.json", "additional_special_tokens", json!(["<new>"])),
        ("added_tokens.json", "<new>", json!(264)),
    ] {
        let folder = if file == TOKENIZER_CONFIG { whole() } else { whole().write(file, "{}") };
        assert_refused!(
            folder.set(file, key, value),
            SpladeError::VocabularyTooLarge { tokenizer: 265, model: 264, .. },
            ["265", "264"]
        );
    }
}

#[test]
fn a_text_that_spells_a_role_s_token_without_a_row_is_refused() {
    let folder = whole().set(TOKENIZER_CONFIG, "mask_token", "<mask>");
    let encoder = folder.load().unwrap();
    assert!(encoder.encode(&["a river"]).is_ok());
    let error = encoder.encode(&["a <mask>"]).unwrap_err();
    assert!(message(&error).contains("264"), "{error}");
}

#[test]
fn a_bert_tokenizer_with_byte_pairs_is_refused() {
    let bpe = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": "[UNK]",
            "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false,
            "byte_fallback": false, "vocab": { "[UNK]": 0, "a": 1 }, "merges": []
        }
    });
    assert_refused!(
        whole().write("tokenizer.json", bpe.to_string()),
        SpladeError::Tokenizer(TokenizerError::ModelOfClass { .. }),
        ["`BertTokenizer`", "BPE"]
    );
}
