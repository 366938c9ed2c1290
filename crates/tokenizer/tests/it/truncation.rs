//! Where texts are cut.

use serde_json::{Value, json};
use splade_tokenizer::TokenizerError;

use crate::folder::{Folder, UNCASED, message, tokens};

fn truncation(direction: &str) -> Value {
    json!({ "direction": direction, "max_length": 4, "strategy": "LongestFirst", "stride": 0 })
}

#[test]
fn truncation_of_tokenizer_json_is_overridden() {
    let tokenizer = Folder::copy_of(UNCASED).json("truncation", truncation("Right")).tokenizer();
    assert_eq!(tokens(&tokenizer, "a b c d e").len(), 7);
    assert_eq!(tokenizer.max_seq_length(), None);
}

#[test]
fn padding_of_tokenizer_json_is_overridden() {
    let padding = json!({
        "strategy": { "Fixed": 20 }, "direction": "Right", "pad_to_multiple_of": 8, "pad_id": 0,
        "pad_type_id": 0, "pad_token": "[PAD]"
    });
    let tokenizer = Folder::copy_of(UNCASED).json("padding", padding).tokenizer();
    let batch = tokenizer.encode_batch(&["a", "a b c"]).unwrap();
    assert_eq!(batch.offsets, [0, 3, 8]);
}

#[test]
fn special_tokens_count_and_are_kept_when_the_end_is_cut() {
    let tokenizer = Folder::copy_of(UNCASED).config("model_max_length", 4).tokenizer();
    assert_eq!(tokens(&tokenizer, "a b c d e"), ["[CLS]", "a", "b", "[SEP]"]);
}

#[test]
fn special_tokens_count_and_are_kept_when_the_start_is_cut() {
    let folder = Folder::copy_of(UNCASED).config("model_max_length", 4);
    let tokenizer = folder.config("truncation_side", "left").tokenizer();
    assert_eq!(tokens(&tokenizer, "a b c d e"), ["[CLS]", "d", "e", "[SEP]"]);
}

#[test]
fn the_side_of_tokenizer_json_holds_where_the_configuration_names_none() {
    let folder = Folder::copy_of(UNCASED).json("truncation", truncation("Left"));
    let folder = folder.config("model_max_length", 4);
    assert_eq!(tokens(&folder.tokenizer(), "a b c"), ["[CLS]", "b", "c", "[SEP]"]);
    let folder = folder.config("truncation_side", "right");
    assert_eq!(tokens(&folder.tokenizer(), "a b c"), ["[CLS]", "a", "b", "[SEP]"]);
}

#[test]
fn a_limit_of_the_special_tokens_leaves_these() {
    let tokenizer = Folder::copy_of(UNCASED).config("model_max_length", 2).tokenizer();
    assert_eq!(tokens(&tokenizer, "a b c"), ["[CLS]", "[SEP]"]);
}

#[test]
fn a_limit_below_the_special_tokens_is_refused() {
    let mut tokenizer = Folder::copy_of(UNCASED).tokenizer();
    for limit in [0, 1] {
        let error = tokenizer.set_max_seq_length(limit).unwrap_err();
        assert!(matches!(error, TokenizerError::MaxSeqLength { n_special: 2, .. }), "{error:?}");
    }
    let error = Folder::copy_of(UNCASED).config("model_max_length", 1).load().unwrap_err();
    assert!(message(&error).contains("max_seq_length 1"), "{error}");
}

#[test]
fn a_limit_of_zero_is_refused_without_special_tokens_too() {
    let folder = Folder::copy_of(UNCASED).config("tokenizer_class", "PreTrainedTokenizerFast");
    let mut tokenizer = folder.json("post_processor", Value::Null).tokenizer();
    assert!(tokenizer.set_max_seq_length(0).is_err());
    tokenizer.set_max_seq_length(1).unwrap();
    assert_eq!(tokens(&tokenizer, "a b"), ["a"]);
}

#[test]
fn a_refused_limit_changes_nothing() {
    let mut tokenizer = Folder::copy_of(UNCASED).config("model_max_length", 4).tokenizer();
    tokenizer.set_max_seq_length(1).unwrap_err();
    assert_eq!(tokenizer.max_seq_length(), Some(4));
    assert_eq!(tokens(&tokenizer, "a b c d e").len(), 4);
}

#[test]
fn a_model_max_length_of_1e30_is_none() {
    for limit in [json!(1e30), json!(null)] {
        let tokenizer = Folder::copy_of(UNCASED).config("model_max_length", limit).tokenizer();
        assert_eq!((tokenizer.model_max_length(), tokenizer.max_seq_length()), (None, None));
        assert_eq!(tokens(&tokenizer, &"a ".repeat(3000)).len(), 3002);
    }
}

#[test]
fn a_new_limit_may_be_above_the_one_of_the_file() {
    let mut tokenizer = Folder::copy_of(UNCASED).config("model_max_length", 4).tokenizer();
    tokenizer.set_max_seq_length(6).unwrap();
    assert_eq!((tokenizer.model_max_length(), tokenizer.max_seq_length()), (Some(4), Some(6)));
    assert_eq!(tokens(&tokenizer, "a b c d e").len(), 6);
}

#[test]
fn texts_that_were_cut_are_counted() {
    let tokenizer = Folder::copy_of(UNCASED).config("model_max_length", 4).tokenizer();
    // "a b" fits exactly.
    let batch = tokenizer.encode_batch(&["a b c", "", "a b", "a b c d e f g h", "a"]).unwrap();
    assert_eq!(batch.n_truncated(), 2);
}

#[test]
fn texts_that_were_cut_at_the_start_are_counted() {
    let folder = Folder::copy_of(UNCASED).config("model_max_length", 4);
    let tokenizer = folder.config("truncation_side", "left").tokenizer();
    let batch = tokenizer.encode_batch(&["a b c", "", "a b", "a b c d e f g h", "a"]).unwrap();
    assert_eq!(batch.n_truncated(), 2);
}

#[test]
fn an_empty_text_is_never_cut() {
    let tokenizer = Folder::copy_of(UNCASED).config("model_max_length", 2).tokenizer();
    let batch = tokenizer.encode_batch(&["", " ", "a"]).unwrap();
    assert_eq!(batch.n_truncated(), 1);
}
