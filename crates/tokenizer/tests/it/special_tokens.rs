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
fn special_tokens_that_the_vocabulary_lacks_get_no_new_id() {
    let folder = Folder::copy_of(UNCASED).config("additional_special_tokens", json!(["<new>"]));
    let tokenizer = folder.config("mask_token", "<mask>").tokenizer();
    assert_eq!(tokenizer.vocab_size(), 264);
    assert_eq!(tokenizer.token_to_id("<new>"), None);
}

#[test]
fn a_special_token_may_be_an_object() {
    let tokenizer = Folder::copy_of(UNCASED).config("cls_token", token("[MASK]")).tokenizer();
    assert_eq!(tokens(&tokenizer, "a"), ["[MASK]", "a", "[SEP]"]);
}
