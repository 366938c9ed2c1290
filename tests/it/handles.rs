//! An encoder is a handle: cheap to clone, usable from any thread, with settings that do not affect
//! other handles.

use std::num::NonZeroUsize;

use splade::tokens::TruncationSide;
use splade::{
    CancelHandle, Device, EncodeOptions, EncoderPool, SimilarityFunction, SparseEncoder,
    SpladeError, TokenizedTexts, Truncation,
};

use crate::golden::{fixture, text};

const LONG: &str = "river stone market winter garden engine silver letter window doctor";

fn load(checkpoint: &str) -> SparseEncoder {
    SparseEncoder::load(fixture(checkpoint)).unwrap()
}

fn count(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

#[test]
fn handles_go_to_any_thread() {
    fn assert<T: Clone + Send + Sync + 'static>() {}
    assert::<SparseEncoder>();
    assert::<EncoderPool>();
    assert::<TokenizedTexts>();
    assert::<CancelHandle>();
    assert::<EncodeOptions>();
}

#[test]
fn a_handle_is_two_pointers() {
    assert_eq!(size_of::<SparseEncoder>(), 2 * size_of::<usize>());
}

#[test]
fn what_is_chosen_on_a_handle_leaves_the_others_alone() {
    let encoder = load("random/bert-gelu");
    let before = encoder.encode(&[LONG]).unwrap();
    let other = encoder
        .with_max_seq_length(4)
        .unwrap()
        .with_prompt("x", "stone ")
        .with_default_prompt_name(Some("x"))
        .unwrap()
        .with_similarity_function(SimilarityFunction::Cosine)
        .with_max_active_dims(Some(count(3)));
    let row = other.encode_one(LONG).unwrap();
    assert_eq!(row.nnz(), 3);
    assert_eq!(other.tokenize(&[LONG], &EncodeOptions::default()).unwrap().spelled(0)[1], "stone");
    assert_eq!((other.max_seq_length(), other.max_active_dims()), (Some(4), Some(count(3))));
    assert_eq!(other.default_prompt_name(), Some("x"));
    assert_eq!(other.similarity_function(), SimilarityFunction::Cosine);
    assert_eq!(other.info().unwrap().max_seq_length, Some(4));

    assert_eq!(encoder.encode(&[LONG]).unwrap(), before);
    assert_eq!((encoder.max_seq_length(), encoder.max_active_dims()), (Some(128), None));
    assert_eq!(encoder.default_prompt_name(), None);
    assert!(encoder.prompts().all(|(name, _)| name != "x"));
    assert_eq!(encoder.similarity_function(), SimilarityFunction::Dot);
}

#[test]
fn what_was_chosen_can_be_taken_back() {
    let encoder = load("random/bert-gelu");
    let few = encoder.with_max_active_dims(Some(count(3)));
    let named = few.with_default_prompt_name(Some("query")).unwrap();
    let back = named.with_max_active_dims(None).with_default_prompt_name(None).unwrap();
    assert_eq!((back.max_active_dims(), back.default_prompt_name()), (None, None));
    assert_eq!(back.encode(&[LONG]).unwrap(), encoder.encode(&[LONG]).unwrap());
}

#[test]
fn a_default_prompt_that_is_not_there_is_refused() {
    let error = load("random/bert-gelu").with_default_prompt_name(Some("x")).unwrap_err();
    assert!(matches!(error, SpladeError::UnknownPrompt { .. }), "{error}");
}

#[test]
fn handles_with_different_limits_work_at_once() {
    let encoder = load("random/bert-gelu");
    std::thread::scope(|scope| {
        for limit in 3..9 {
            let encoder = encoder.with_max_seq_length(limit).unwrap();
            scope.spawn(move || {
                for _ in 0..5 {
                    let found = encoder.encode_with(&[LONG], &EncodeOptions::default()).unwrap();
                    assert_eq!(found.n_tokens, limit);
                }
            });
        }
    });
}

#[test]
fn a_pool_has_the_limits_of_its_handle() {
    let encoder = load("random/bert-gelu");
    let pool = encoder.with_max_seq_length(4).unwrap().start_pool(&[Device::Cpu]).unwrap();
    let found = pool.clone().encode_with(&[LONG], &EncodeOptions::default()).unwrap();
    assert_eq!(found.n_tokens, 4);
}

#[test]
fn the_limit_of_a_call_is_that_of_a_handle() {
    for checkpoint in ["random/bert-gelu", "layouts/task-lengths", "layouts/router-static"] {
        let encoder = load(checkpoint);
        for options in [EncodeOptions::query(), EncodeOptions::document()] {
            let texts = [LONG, "river", text("passage_science")];
            let handle = encoder.with_max_seq_length(5).unwrap();
            let expected = handle.encode_with(&texts, &options).unwrap();
            let options = options.with_max_seq_length(5);
            let found = encoder.encode_with(&texts, &options).unwrap();
            assert_eq!(found, expected, "{checkpoint}, {options:?}");
        }
    }
}

#[test]
fn a_table_of_weights_keeps_its_limit() {
    let encoder = load("layouts/static-only");
    let expected = encoder.encode(&[LONG]).unwrap();
    let options = EncodeOptions::default().with_max_seq_length(3);
    assert_eq!(encoder.encode_with(&[LONG], &options).unwrap().embeddings, expected);
    assert_eq!(encoder.with_max_seq_length(3).unwrap().encode(&[LONG]).unwrap(), expected);
}

#[test]
fn the_side_of_a_call_is_cut_off() {
    let encoder = load("random/bert-gelu").with_max_seq_length(5).unwrap();
    let spelled = |side| {
        let options = EncodeOptions::default().with_truncation_side(side);
        encoder.tokenize(&["river stone market winter garden"], &options).unwrap().spelled(0)
    };
    assert_eq!(spelled(TruncationSide::Right), ["[CLS]", "river", "stone", "market", "[SEP]"]);
    assert_eq!(spelled(TruncationSide::Left), ["[CLS]", "market", "winter", "garden", "[SEP]"]);
}

#[test]
fn a_text_that_must_not_be_cut_is_refused_by_index_length_and_limit() {
    let encoder = load("random/bert-gelu");
    let options =
        EncodeOptions::default().with_truncation(Truncation::Refuse).with_max_seq_length(6);
    let texts = ["a", "a b c d", "a b c d e", "a b c d e f"];
    assert_eq!(encoder.encode_with(&texts[..2], &options).unwrap().n_truncated, 0);
    let pool = encoder.start_pool(&[Device::Cpu, Device::Cpu]).unwrap();
    let options = options.with_chunk_size(count(1));
    for error in [
        encoder.encode_with(&texts, &options).unwrap_err(),
        encoder.tokenize(&texts, &options).map(drop).unwrap_err(),
        pool.encode_with(&texts[..3], &options).unwrap_err(),
    ] {
        let SpladeError::TextTooLong { text, n_tokens, max_seq_length, .. } = error else {
            panic!("{error}")
        };
        assert_eq!((text, n_tokens, max_seq_length), (2, 7, 6));
    }
}
