//! Special and added tokens, and texts that spell them.

use serde_json::{Value, json};

use crate::folder::{Folder, UNCASED, tokens};

fn token(content: &str) -> Value {
    json!({
        "content": content, "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true
    })
}

#[test]
fn a_text_that_spells_a_special_token_has_it() {
    let tokenizer = Folder::copy_of(UNCASED).tokenizer();
    assert_eq!(tokens(&tokenizer, "a [MASK][SEP]"), ["[CLS]", "a", "[MASK]", "[SEP]", "[SEP]"]);
}

#[test]
fn a_special_token_is_spelt_in_its_own_case() {
    let tokenizer = Folder::copy_of(UNCASED).tokenizer();
    assert!(!tokens(&tokenizer, "[mask]").contains(&"[MASK]".to_owned()));
}

#[test]
fn split_special_tokens_reads_them_as_text() {
    let tokenizer = Folder::copy_of(UNCASED).config("split_special_tokens", true).tokenizer();
    let found = tokens(&tokenizer, "[MASK]");
    assert_eq!((&found[1][..], &found[found.len() - 2][..]), ("[", "]"));
    assert!(!found.contains(&"[MASK]".to_owned()));
}

#[test]
fn added_tokens_decoder_adds_tokens() {
    let added = json!({
        "0": token("[PAD]"), "1": token("[UNK]"), "2": token("[CLS]"), "3": token("[SEP]"),
        "4": token("[MASK]"), "264": token("<new>")
    });
    let tokenizer = Folder::copy_of(UNCASED).config("added_tokens_decoder", added).tokenizer();
    assert_eq!((tokenizer.token_to_id("<new>"), tokenizer.vocab_size()), (Some(264), 265));
    assert_eq!(tokens(&tokenizer, "a<new>b"), ["[CLS]", "a", "<new>", "b", "[SEP]"]);
}

#[test]
fn added_tokens_decoder_replaces_those_of_tokenizer_json() {
    let mut gone = token("<gone>");
    gone["id"] = json!(264);
    let folder = Folder::copy_of(UNCASED).json("added_tokens", json!([gone]));
    assert_eq!(folder.tokenizer().token_to_id("<gone>"), Some(264));
    let added = json!({ "2": token("[CLS]"), "3": token("[SEP]") });
    let tokenizer = folder.config("added_tokens_decoder", added).tokenizer();
    assert_eq!((tokenizer.token_to_id("<gone>"), tokenizer.vocab_size()), (None, 264));
}

#[test]
fn additional_special_tokens_of_the_vocabulary_are_matched_whole() {
    // `[` and `]` are words of the vocabulary, and so is `a`.
    let folder = Folder::copy_of(UNCASED).config("additional_special_tokens", json!(["##s"]));
    let tokenizer = folder.tokenizer();
    assert_eq!(tokens(&tokenizer, "a##s"), ["[CLS]", "a", "##s", "[SEP]"]);
}

#[test]
fn special_tokens_that_the_vocabulary_lacks_get_the_next_ids() {
    let folder = Folder::copy_of(UNCASED).config("additional_special_tokens", json!(["<new>"]));
    let tokenizer = folder.config("mask_token", "<mask>").tokenizer();
    // Roles come first.
    let ids = ["<mask>", "<new>"].map(|token| tokenizer.token_to_id(token));
    assert_eq!(ids, [Some(264), Some(265)]);
    assert_eq!((tokenizer.vocab_size(), tokenizer.n_needed_rows()), (266, 266));
}

#[test]
fn a_token_that_only_has_a_role_needs_no_row_of_the_model() {
    let tokenizer = Folder::copy_of(UNCASED).config("mask_token", "<mask>").tokenizer();
    assert_eq!((tokenizer.vocab_size(), tokenizer.n_needed_rows()), (265, 264));
    assert_eq!(tokens(&tokenizer, "<mask>"), ["[CLS]", "<mask>", "[SEP]"]);
}

#[test]
fn new_tokens_get_their_ids_in_the_order_of_the_file() {
    let config = r#"{"tokenizer_class": "BertTokenizer",
        "extra_special_tokens": {"z": "<z>", "a": "<a>"}}"#;
    let tokenizer = Folder::copy_of(UNCASED).write("tokenizer_config.json", config).tokenizer();
    let ids = ["<z>", "<a>"].map(|token| tokenizer.token_to_id(token));
    assert_eq!(ids, [Some(264), Some(265)]);
}

#[test]
fn a_special_token_may_be_an_object_that_calls_itself_one() {
    let mut cls = token("[MASK]");
    let folder = Folder::copy_of(UNCASED).config("cls_token", cls.clone());
    assert!(folder.load().is_err());
    cls["__type"] = json!("AddedToken");
    let tokenizer = folder.config("cls_token", cls).tokenizer();
    assert_eq!(tokens(&tokenizer, "a"), ["[MASK]", "a", "[SEP]"]);
}
