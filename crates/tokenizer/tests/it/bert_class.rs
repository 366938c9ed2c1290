//! Which of two files decides: `BertTokenizer` is built from `tokenizer_config.json`, other classes
//! from `tokenizer.json` (crates/tokenizer/src/rebuild.rs).

use serde_json::{Value, json};
use splade_tokenizer::TokenizerError;

use crate::folder::{CASED, Folder, UNCASED, message, tokens};

fn bpe() -> Folder {
    let bpe = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": { "type": "Whitespace" }, "post_processor": null,
        "decoder": null,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": "[UNK]",
            "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false,
            "byte_fallback": false, "vocab": { "[UNK]": 0, "a": 1, "b": 2, "ab": 3 },
            "merges": [["a", "b"]]
        }
    });
    Folder::copy_of(UNCASED).write("tokenizer.json", &bpe.to_string())
}

#[test]
fn an_absent_do_lower_case_lower_cases_whatever_tokenizer_json_says() {
    let tokenizer = Folder::copy_of(CASED).config_without("do_lower_case").tokenizer();
    assert_eq!(tokens(&tokenizer, "A b"), ["[CLS]", "a", "b", "[SEP]"]);
}

#[test]
fn do_lower_case_false_keeps_case_whatever_tokenizer_json_says() {
    let tokenizer = Folder::copy_of(UNCASED).config("do_lower_case", false).tokenizer();
    // This vocabulary has no upper-case letters.
    assert_eq!(tokens(&tokenizer, "A b"), ["[CLS]", "[UNK]", "b", "[SEP]"]);
}

#[test]
fn a_cased_configuration_keeps_case() {
    let tokenizer = Folder::copy_of(CASED).tokenizer();
    assert_eq!(tokens(&tokenizer, "A b"), ["[CLS]", "A", "b", "[SEP]"]);
}

#[test]
fn no_tokenizer_config_is_the_class_with_its_defaults() {
    let tokenizer = Folder::copy_of(CASED).remove("tokenizer_config.json").tokenizer();
    assert_eq!(tokens(&tokenizer, "A b"), ["[CLS]", "a", "b", "[SEP]"]);
    assert_eq!(tokenizer.max_seq_length(), None);
}

#[test]
fn the_fast_and_the_distilbert_class_are_the_same() {
    for class in ["BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast"] {
        let folder = Folder::copy_of(CASED).config("tokenizer_class", class);
        let tokenizer = folder.config_without("do_lower_case").tokenizer();
        assert_eq!(tokens(&tokenizer, "A"), ["[CLS]", "a", "[SEP]"], "{class}");
    }
}

#[test]
fn the_class_adds_its_special_tokens_whatever_tokenizer_json_says() {
    let tokenizer = Folder::copy_of(UNCASED).json("post_processor", Value::Null).tokenizer();
    assert_eq!(tokens(&tokenizer, "a"), ["[CLS]", "a", "[SEP]"]);
    assert_eq!(tokenizer.n_special_tokens(), 2);
}

#[test]
fn pre_trained_tokenizer_fast_takes_the_normaliser_of_tokenizer_json() {
    let folder = Folder::copy_of(CASED).config("tokenizer_class", "PreTrainedTokenizerFast");
    let tokenizer = folder.config_without("do_lower_case").tokenizer();
    assert_eq!(tokens(&tokenizer, "A b"), ["[CLS]", "A", "b", "[SEP]"]);
}

#[test]
fn pre_trained_tokenizer_fast_takes_the_special_tokens_of_tokenizer_json() {
    let folder = Folder::copy_of(UNCASED).config("tokenizer_class", "PreTrainedTokenizerFast");
    let tokenizer = folder.json("post_processor", Value::Null).tokenizer();
    assert_eq!(tokens(&tokenizer, "a"), ["a"]);
    assert_eq!(tokenizer.n_special_tokens(), 0);
}

#[test]
fn an_absent_strip_accents_follows_the_case() {
    let uncased = Folder::copy_of(UNCASED).tokenizer();
    assert_eq!(tokens(&uncased, "é"), ["[CLS]", "e", "[SEP]"]);
    let cased = Folder::copy_of(CASED).tokenizer();
    assert_ne!(tokens(&cased, "é"), ["[CLS]", "e", "[SEP]"]);
}

#[test]
fn strip_accents_is_honoured() {
    let kept = Folder::copy_of(UNCASED).config("strip_accents", false).tokenizer();
    assert_ne!(tokens(&kept, "é"), ["[CLS]", "e", "[SEP]"]);
    let stripped = Folder::copy_of(CASED).config("strip_accents", true).tokenizer();
    assert_eq!(tokens(&stripped, "é"), ["[CLS]", "e", "[SEP]"]);
}

#[test]
fn tokenize_chinese_chars_is_honoured() {
    // Neither character is in the vocabulary: two unknown words, or one.
    let apart = Folder::copy_of(UNCASED).config("tokenize_chinese_chars", true).tokenizer();
    assert_eq!(tokens(&apart, "䀀䀁"), ["[CLS]", "[UNK]", "[UNK]", "[SEP]"]);
    let together = Folder::copy_of(UNCASED).config("tokenize_chinese_chars", false).tokenizer();
    assert_eq!(tokens(&together, "䀀䀁"), ["[CLS]", "[UNK]", "[SEP]"]);
}

#[test]
fn the_class_of_mecab_is_refused() {
    let error = Folder::copy_of(UNCASED).config("tokenizer_class", "BertJapaneseTokenizer").load();
    let error = error.unwrap_err();
    assert!(matches!(error, TokenizerError::UnsupportedClass { .. }), "{error:?}");
    let message = message(&error);
    assert!(message.contains("BertJapaneseTokenizer") && message.contains("MeCab"), "{message}");
}

#[test]
fn a_bert_class_without_word_pieces_is_refused() {
    let error = bpe().load().unwrap_err();
    assert!(matches!(error, TokenizerError::ModelOfClass { found: "BPE", .. }), "{error:?}");
    assert!(message(&error).contains("BertTokenizer"), "{error}");
}

#[test]
fn another_class_may_have_another_model() {
    let tokenizer = bpe().config("tokenizer_class", "PreTrainedTokenizerFast").tokenizer();
    assert_eq!(tokens(&tokenizer, "ab ba"), ["ab", "b", "a"]);
    let unnamed = bpe().config_without("tokenizer_class").tokenizer();
    assert_eq!(tokens(&unnamed, "ab ba"), ["ab", "b", "a"]);
}
