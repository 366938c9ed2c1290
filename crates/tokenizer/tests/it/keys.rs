//! No key of a tokenizer's files is silently dropped.

use proptest::prelude::*;
use serde_json::{Value, json};
use splade_tokenizer::TokenizerError;

use crate::folder::{CASED, Folder, UNCASED, message, tokens};

/// The reported keys, with their files.
fn unread(folder: &Folder) -> Vec<(&'static str, String)> {
    let tokenizer = folder.tokenizer();
    tokenizer.unread_keys().iter().map(|unread| (unread.file, unread.key.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_key_that_nobody_reads_is_reported(key in "[a-z]{3,12}_[a-z]{3,12}x", value in 1..9_u32) {
        for (file, whole) in [("tokenizer_config.json", CASED), ("special_tokens_map.json", UNCASED)] {
            let folder = Folder::copy_of(whole).put(file, &key, json!(value));
            prop_assert_eq!(unread(&folder), [(file, key.clone())]);
            // Then the older file is not read at all.
            let folder = folder.put("tokenizer_config.json", "added_tokens_decoder", json!({}));
            prop_assert_eq!(unread(&folder), [(file, key.clone())]);
        }
        // Every reader of this file refuses it.
        let error = Folder::copy_of(UNCASED).put("tokenizer.json", &key, json!(value)).load();
        prop_assert!(message(&error.unwrap_err()).contains(&key));
    }
}

#[test]
fn a_key_in_a_part_of_tokenizer_json_that_nobody_reads_is_reported() {
    for (pointer, named) in [
        ("/normalizer", "normalizer.lower"),
        ("/pre_tokenizer", "pre_tokenizer.lower"),
        ("/post_processor", "post_processor.lower"),
        ("/post_processor/special_tokens/[CLS]", "post_processor.special_tokens.[CLS].lower"),
        ("/post_processor/single/0/SpecialToken", "post_processor.single.SpecialToken.lower"),
        ("/decoder", "decoder.lower"),
        ("/model", "model.lower"),
        ("/added_tokens/1", "added_tokens.lower"),
    ] {
        let folder = Folder::copy_of(UNCASED).nested(pointer, "lower", json!(true));
        assert_eq!(unread(&folder), [("tokenizer.json", named.to_owned())], "{pointer}");
    }
    let folder = Folder::copy_of(UNCASED).nested("/model", "lower", Value::Null);
    assert_eq!(unread(&folder), []);
    let sequence =
        json!({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "NFC", "x": 1}]});
    let folder = Folder::copy_of(UNCASED).json("normalizer", sequence);
    assert_eq!(unread(&folder), [("tokenizer.json", "normalizer.normalizers.x".to_owned())]);
    // Metaspace reads keys that it does not write.
    let metaspace =
        json!({"type": "Metaspace", "replacement": "_", "add_prefix_space": true, "y": 1});
    let folder = Folder::copy_of(UNCASED).json("pre_tokenizer", metaspace);
    assert_eq!(unread(&folder), [("tokenizer.json", "pre_tokenizer.y".to_owned())]);
}

#[test]
fn keys_that_an_old_file_has_are_reported_unless_they_are_null() {
    let folder = Folder::copy_of(UNCASED).config("do_basic_tokenize", true);
    let folder = folder.config("never_split", Value::Null);
    let found = "do_basic_tokenize".to_owned();
    assert_eq!(unread(&folder), [("tokenizer_config.json", found)]);
}

#[test]
fn a_switch_of_another_class_is_reported() {
    let folder = Folder::copy_of(UNCASED).config("tokenizer_class", "PreTrainedTokenizerFast");
    let found = unread(&folder.config_without("strip_accents"));
    let found: Vec<&str> = found.iter().map(|(_, key)| key.as_str()).collect();
    assert_eq!(found, ["do_lower_case", "tokenize_chinese_chars"]);
}

#[test]
fn a_key_that_would_change_vectors_and_is_not_supported_is_refused_by_name() {
    for (key, value) in [
        ("vocab", json!({"a": 0})),
        ("merges", json!(["a b"])),
        ("post_processor", json!({"type": "ByteLevel"})),
        ("tokenizer_truncation", json!({"max_length": 3})),
        ("tokenizer_padding", json!({"length": 3})),
        ("_json_truncation", json!({"max_length": 3})),
        ("_json_padding", json!({"length": 3})),
        ("_spm_precompiled_charsmap", json!("AAAA")),
        ("tokenizer_object", json!("x")),
        ("gguf_file", json!("x.gguf")),
        ("init_inputs", json!(["x"])),
        ("trust_remote_code", json!(true)),
        ("fix_mistral_regex", json!(true)),
        ("fast_tokenizer_files", json!(["tokenizer.json", "tokenizer.4.0.0.json"])),
        ("model_input_names", json!(["input_ids"])),
        ("cls_token", Value::Null),
        ("sep_token", Value::Null),
        ("unk_token", Value::Null),
    ] {
        let error = Folder::copy_of(UNCASED).config(key, value).load().unwrap_err();
        assert!(
            matches!(&error, TokenizerError::UnsupportedKey { key: named, .. } if named == key),
            "{key}: {error:?}"
        );
    }
}

#[test]
fn values_of_keys_without_effect_have_none() {
    let whole = Folder::copy_of(UNCASED).tokenizer();
    let text = "Rivers, [MASK] and  stones";
    for (key, value) in [
        ("init_inputs", json!([])),
        ("fast_tokenizer_files", json!(["tokenizer.json"])),
        ("padding_side", json!("right")),
        ("padding_side", json!("left")),
        ("model_input_names", json!(["input_ids", "attention_mask"])),
        ("clean_up_tokenization_spaces", json!(true)),
        ("chat_template", json!("{{ x }}")),
        ("add_bos_token", json!(true)),
        ("add_eos_token", json!(true)),
        ("bos_token", Value::Null),
        ("name_or_path", json!("x")),
        ("tokenizer_file", json!("/x/tokenizer.json")),
        ("auto_map", json!({"AutoTokenizer": ["x.X", null]})),
    ] {
        let folder = Folder::copy_of(UNCASED).config(key, value.clone());
        let found = folder.tokenizer();
        assert_eq!(tokens(&found, text), tokens(&whole, text), "{key}: {value}");
        assert_eq!(unread(&folder), [], "{key}: {value}");
    }
}

#[test]
fn values_that_a_key_cannot_have_are_named() {
    for (key, value) in [
        ("padding_side", json!("up")),
        ("padding_side", Value::Null),
        ("truncation_side", Value::Null),
        ("split_special_tokens", Value::Null),
        ("do_lower_case", Value::Null),
        ("model_input_names", json!("input_ids")),
        ("tokenizer_class", json!(7)),
        ("extra_special_tokens", json!([7])),
        ("additional_special_tokens", json!([{"content": "a"}])),
        ("added_tokens_decoder", json!({"x": {"content": "a"}})),
        ("added_tokens_decoder", json!({"5": {"content": "a", "lstrip": null}})),
        ("added_tokens_decoder", Value::Null),
        ("model_specific_special_tokens", json!(["a"])),
    ] {
        let error = Folder::copy_of(UNCASED).config(key, value.clone()).load().unwrap_err();
        let named = message(&error);
        let key = key.replace("additional", "extra");
        assert!(matches!(error, TokenizerError::ConfigValue { .. }), "{key}: {error:?}");
        assert!(named.contains(&key), "{named}");
    }
}

#[test]
fn a_side_of_padding_that_moves_positions_is_refused() {
    let folder = |model: &str| {
        let config = json!({ "model_type": model }).to_string();
        let folder = Folder::copy_of(UNCASED).write("config.json", &config);
        folder.config("padding_side", "left").config("tokenizer_class", "BertTokenizer").load()
    };
    assert!(folder("roberta").is_ok());
    let error = folder("bert").unwrap_err();
    assert!(message(&error).contains("padding_side"), "{error}");
}

#[test]
fn a_class_that_builds_another_tokenizer_is_refused_with_the_way_out() {
    for class in ["GPT2Tokenizer", "BigBirdTokenizerFast", "LlamaTokenizer", "DebertaTokenizer"] {
        let folder = Folder::copy_of(UNCASED).config("tokenizer_class", class);
        let error = folder.load().unwrap_err();
        assert!(matches!(error, TokenizerError::UnsupportedClass { .. }), "{error:?}");
        assert!(message(&error).contains("PreTrainedTokenizerFast"), "{error}");
        // ModernBERT uses its file unchanged, whatever class is named.
        folder.write("config.json", r#"{"model_type": "modernbert"}"#).tokenizer();
    }
}

#[test]
fn a_class_of_the_model_s_own_is_refused() {
    let code = json!({"AutoTokenizer": ["tokenizing.OwnTokenizer", null]});
    let folder = Folder::copy_of(UNCASED).config("auto_map", code);
    let error = folder.config("tokenizer_class", "OwnTokenizer").load().unwrap_err();
    assert!(message(&error).contains("auto_map"), "{error}");
}

#[test]
fn segments_of_a_template_count_where_the_model_is_given_them() {
    let token = |token: &str| json!({"SpecialToken": {"id": token, "type_id": 1}});
    let specials = |token: &str, id: u32| json!({"id": token, "ids": [id], "tokens": [token]});
    let template = json!({
        "type": "TemplateProcessing",
        "single": [token("[CLS]"), {"Sequence": {"id": "A", "type_id": 1}}, token("[SEP]")],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {"[CLS]": specials("[CLS]", 2), "[SEP]": specials("[SEP]", 3)},
    });
    let folder = Folder::copy_of(UNCASED).json("post_processor", template);
    let folder = folder.config("tokenizer_class", "PreTrainedTokenizerFast");
    let types = |folder: &Folder| folder.tokenizer().encode_batch(&["a"]).unwrap().token_type_ids;
    assert_eq!(types(&folder), [0, 0, 0]);
    let names = json!(["input_ids", "token_type_ids", "attention_mask"]);
    assert_eq!(types(&folder.config("model_input_names", names)), [1, 1, 1]);
}
