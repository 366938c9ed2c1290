//! What an encoder does besides encoding: decoding, limits, options, threads.

use std::num::NonZeroUsize;
use std::sync::LazyLock;

use splade::{EncodeOptions, SparseEncoder, SparseRow};

use crate::golden::fixture;

const TEXTS: [&str; 3] =
    ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."];

static TINY: LazyLock<SparseEncoder> =
    LazyLock::new(|| SparseEncoder::load(fixture("splade-tiny")).expect("a whole fixture"));

fn count(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("not 0")
}

/// An encoder can be shared between threads, and moved to one.
const fn is_send_and_sync<T: Send + Sync>() {}
const _: () = is_send_and_sync::<SparseEncoder>();

#[test]
fn three_sentences_are_as_similar_as_in_sentence_transformers() {
    let embeddings = TINY.encode(&TEXTS).unwrap();
    let scores = TINY.similarity(&embeddings, &embeddings);
    let expected = [[39.7253, 7.1662, 0.0], [7.1662, 27.0255, 0.1385], [0.0, 0.1385, 26.3539]];
    for (i, row) in expected.iter().enumerate() {
        for (j, exact) in row.iter().enumerate() {
            assert!((scores[(i, j)] - exact).abs() < 1e-3, "({i}, {j}): {}", scores[(i, j)]);
        }
    }
}

#[test]
fn the_first_sentence_is_about_today_lovely_and_weather() {
    let row = TINY.encode_one(TEXTS[0]).unwrap();
    let found = TINY.decode(row.view(), Some(3));
    let expected = [("today", 2.54373), ("lovely", 2.12074), ("weather", 2.04324)];
    for ((token, weight), (expected, exact)) in found.iter().zip(expected) {
        assert_eq!(token, expected);
        assert!((weight - exact).abs() < 1e-4, "{token}: {weight}");
    }
    assert_eq!(found.len(), 3);
}

#[test]
fn decoding_lists_falling_weights() {
    let row = TINY.encode_one(TEXTS[1]).unwrap();
    let weights: Vec<f32> = TINY.decode(row.view(), None).into_iter().map(|t| t.1).collect();
    assert!(weights.is_sorted_by(|a, b| a >= b), "{weights:?}");
}

#[test]
fn decoding_without_top_k_lists_every_entry() {
    let row = TINY.encode_one(TEXTS[1]).unwrap();
    assert_eq!(TINY.decode(row.view(), None).len(), row.nnz());
}

#[test]
fn top_k_takes_the_first_of_the_whole_list() {
    let row = TINY.encode_one(TEXTS[2]).unwrap();
    let all = TINY.decode(row.view(), None);
    for k in [0, 1, 5, all.len(), all.len() + 1] {
        assert_eq!(TINY.decode(row.view(), Some(k)), all[..k.min(all.len())], "top {k}");
    }
}

#[test]
fn of_equal_weights_the_lower_entry_is_decoded_first() {
    let ids = [2000, 2001, 2002, 2003, 2004];
    let row = SparseRow::from_parts(30522, ids.to_vec(), vec![1.0, 2.0, 1.0, 2.0, 1.0]).unwrap();
    let one = |id: u32| {
        let row = SparseRow::from_parts(30522, vec![id], vec![1.0]).unwrap();
        TINY.decode(row.view(), None).remove(0).0
    };
    let found: Vec<String> = TINY.decode(row.view(), None).into_iter().map(|t| t.0).collect();
    assert_eq!(found, [2001, 2003, 2000, 2002, 2004].map(one));
}

#[test]
fn an_entry_without_a_token_is_decoded_as_its_id() {
    let row = SparseRow::from_parts(40000, vec![39999], vec![0.5]).unwrap();
    assert_eq!(TINY.decode(row.view(), None), [("[id 39999]".to_owned(), 0.5)]);
}

#[test]
fn an_empty_row_is_decoded_as_no_tokens() {
    let row = SparseRow::from_parts(30522, vec![], vec![]).unwrap();
    assert!(TINY.decode(row.view(), Some(10)).is_empty());
}

#[test]
fn one_text_is_encoded_as_a_list_of_it() {
    for text in TEXTS.into_iter().chain([""]) {
        let embeddings = TINY.encode(&[text]).unwrap();
        assert_eq!(TINY.encode_one(text).unwrap(), embeddings.row(0).to_row(), "{text}");
    }
}

#[test]
fn tokenizing_shows_what_the_model_sees() {
    let tokens = TINY.tokenize(&["Lovely weather"], &EncodeOptions::default()).unwrap();
    assert_eq!(tokens.spelled(0), ["[CLS]", "lovely", "weather", "[SEP]"]);
}

#[test]
fn max_active_dims_of_the_encoder_hold_for_every_call() {
    let few = SparseEncoder::builder().max_active_dims(count(8)).load(fixture("splade-tiny"));
    let few = few.unwrap().encode(&TEXTS).unwrap();
    assert_eq!(few, TINY.encode(&TEXTS).unwrap().top_k(count(8)));
}

#[test]
fn max_active_dims_of_a_call_win() {
    let few = SparseEncoder::builder().max_active_dims(count(8)).load(fixture("splade-tiny"));
    let few = few.unwrap();
    let all = TINY.encode(&TEXTS).unwrap();
    for k in [3, 16] {
        let options = EncodeOptions::default().with_max_active_dims(count(k));
        let found = few.encode_with(&TEXTS, &options).unwrap().embeddings;
        assert_eq!(found, all.top_k(count(k)), "{k}");
    }
}

#[test]
fn max_seq_length_is_what_was_set() {
    assert_eq!(TINY.max_seq_length(), Some(512));
    for limit in [2, 16, 512] {
        assert_eq!(TINY.with_max_seq_length(limit).unwrap().max_seq_length(), Some(limit));
    }
}

#[test]
fn a_max_seq_length_that_cannot_be_is_refused() {
    let encoder = SparseEncoder::load(fixture("random/bert-gelu")).unwrap();
    for limit in [0, 1, 129, usize::MAX] {
        encoder.with_max_seq_length(limit).unwrap_err();
        let options = EncodeOptions::default().with_max_seq_length(limit);
        encoder.encode_with(&["a"], &options).unwrap_err();
    }
}

#[test]
fn a_shorter_limit_and_back_gives_the_first_row() {
    let encoder = SparseEncoder::load(fixture("random/bert-gelu")).unwrap();
    let text = "river stone market winter garden engine silver letter window doctor";
    let before = encoder.encode_one(text).unwrap();
    let short = encoder.with_max_seq_length(4).unwrap();
    assert_ne!(short.encode_one(text).unwrap(), before);
    let long = short.with_max_seq_length(128).unwrap();
    assert_eq!(long.encode_one(text).unwrap(), before);
}

#[test]
fn max_seq_length_at_load_is_the_one_that_is_set() {
    let builder = SparseEncoder::builder().max_seq_length(16);
    let encoder = builder.load(fixture("splade-tiny")).unwrap();
    assert_eq!(encoder.max_seq_length(), Some(16));
    let texts = encoder.tokenize(&["river ".repeat(100)], &EncodeOptions::default()).unwrap();
    assert_eq!(texts.n_tokens(), 16);
}

#[test]
fn the_positions_are_the_limit_where_the_tokenizer_allows_more() {
    let folder = crate::folder::Folder::copy_of("random/bert-gelu");
    let folder = folder.set("tokenizer_config.json", "model_max_length", 4096);
    assert_eq!(folder.load().unwrap().max_seq_length(), Some(128));
}

#[test]
fn several_threads_share_an_encoder() {
    let expected = TINY.encode(&TEXTS).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(TINY.encode(&TEXTS).unwrap(), expected);
                }
            });
        }
    });
}
