//! Tokenising and encoding as two calls give the rows of one call, and the tokens in between can be
//! inspected.

use std::num::NonZeroUsize;

use serde::Deserialize;
use splade::errors::TokenizerError;
use splade::tokens::{DecodeSpecial, SpecialTokens};
use splade::{Device, EncodeOptions, SparseEncoder, SpladeError};

use crate::devices;
use crate::golden::{self, assert_row, fixture, text};

/// Every kind of pipeline: masked LM, prompts that are pooled, a table, routes, token weights.
pub const KINDS: [&str; 8] = [
    "random/bert-gelu",
    "architectures/roberta-gelu",
    "layouts/csr-exclude-prompt",
    "layouts/static-only",
    "layouts/router-static",
    "layouts/router-lexical",
    "layouts/task-lengths",
    "architectures/bge-m3",
];

fn load(checkpoint: &str) -> SparseEncoder {
    SparseEncoder::load(fixture(checkpoint)).unwrap()
}

fn texts() -> [&'static str; 5] {
    ["river stone", "", text("weather"), text("passage_science"), "garden engine silver"]
}

/// Options of calls for which a checkpoint has a route.
pub fn calls() -> [EncodeOptions; 3] {
    let prompted = EncodeOptions::document().with_prompt("find: ");
    [EncodeOptions::query(), EncodeOptions::document(), prompted]
}

#[test]
fn two_calls_are_one() {
    for device in devices::cpu().into_iter().map(|tested| tested.device) {
        for checkpoint in KINDS {
            let builder = SparseEncoder::builder().device(device.clone());
            let encoder = builder.load(fixture(checkpoint)).unwrap();
            let pool = encoder.start_pool(&[device.clone(), device.clone()]).unwrap();
            for options in calls() {
                let context = format!("{checkpoint} on {device}, {options:?}");
                let expected = encoder.encode_with(&texts(), &options).unwrap();
                let tokens = encoder.tokenize(&texts(), &options).unwrap();
                assert_eq!(tokens.n_tokens(), expected.n_tokens, "{context}");
                assert_eq!(tokens.n_truncated(), expected.n_truncated, "{context}");
                let lengths: Vec<_> = tokens.iter().map(|text| text.length).collect();
                assert_eq!(lengths, expected.lengths, "{context}");
                let found = encoder.encode_tokenized(&tokens, &EncodeOptions::default()).unwrap();
                assert_eq!(found, expected, "{context}");
                let chunks = EncodeOptions::default().with_chunk_size(NonZeroUsize::MIN);
                let found = pool.encode_tokenized(&tokens, &chunks).unwrap();
                assert_eq!(found.lengths, expected.lengths, "{context}");
                for (found, expected) in found.embeddings.rows().zip(expected.embeddings.rows()) {
                    assert_close(found, expected, &context);
                }
            }
        }
    }
}

#[track_caller]
pub fn assert_close(
    found: splade::sparse::SparseRowView<'_>,
    expected: splade::sparse::SparseRowView<'_>,
    context: &str,
) {
    for (entry, (a, b)) in found.to_dense().iter().zip(expected.to_dense()).enumerate() {
        assert!((a - b).abs() <= 1e-5 + 1e-5 * b.abs(), "{context}: entry {entry} is {a}, not {b}");
    }
}

#[test]
fn the_tokens_of_each_text_are_reported() {
    let encoder = load("random/bert-gelu");
    let options = EncodeOptions::default().with_max_seq_length(5);
    let encoded = encoder.encode_with(&["a b", "", "a b c d e"], &options).unwrap();
    let lengths: Vec<_> = encoded.lengths.iter().map(|l| (l.n_tokens, l.n_cut)).collect();
    assert_eq!(lengths, [(4, 0), (2, 0), (5, 2)]);
    assert_eq!((encoded.n_tokens, encoded.n_truncated), (11, 1));
}

#[test]
fn texts_that_were_tokenised_apart_share_a_batch() {
    let encoder = load("layouts/csr-exclude-prompt");
    let of = |text: &str, prompt: &str| {
        encoder.tokenize(&[text], &EncodeOptions::default().with_prompt(prompt)).unwrap()
    };
    let parts = [of("river stone", ""), of("garden engine", "find: "), of("a", "x y z ")];
    let mut all = parts[0].clone();
    parts[1..].iter().for_each(|part| all.append(part).unwrap());
    let found = encoder.encode_tokenized(&all, &EncodeOptions::default()).unwrap();
    for (part, row) in parts.iter().zip(found.embeddings.rows()) {
        let alone = encoder.encode_tokenized(part, &EncodeOptions::default()).unwrap().embeddings;
        assert_close(row, alone.row(0), &format!("{part:?}"));
    }
    let last = all.select(&[2, 0]);
    assert_eq!((last.text(0), last.text(1)), (parts[2].text(0), parts[0].text(0)));
}

#[test]
fn tokens_of_another_model_are_refused() {
    let options = EncodeOptions::default();
    let encoder = load("random/bert-gelu");
    let (same_files, other) = (load("random/bert-gelu"), load("random/bert-gelu-new-cased"));
    let tokens = encoder.tokenize(&["a"], &options).unwrap();
    encoder.clone().with_max_seq_length(4).unwrap().encode_tokenized(&tokens, &options).unwrap();
    let pool = other.start_pool(&[Device::Cpu]).unwrap();
    for error in [
        same_files.encode_tokenized(&tokens, &options).unwrap_err(),
        other.encode_tokenized(&tokens, &options).unwrap_err(),
        pool.encode_tokenized(&tokens, &options).unwrap_err(),
        other.tokenize(&["a"], &options).unwrap().append(&tokens).unwrap_err(),
    ] {
        assert!(matches!(error, SpladeError::OtherTokens), "{error}");
    }
}

#[test]
fn tokens_of_another_route_are_not_mixed_in() {
    let encoder = load("layouts/router-static");
    let mut queries = encoder.tokenize(&["a"], &EncodeOptions::query()).unwrap();
    let documents = encoder.tokenize(&["a"], &EncodeOptions::document()).unwrap();
    assert!(matches!(queries.append(&documents), Err(SpladeError::OtherTokens)));
    assert_eq!(queries.len(), 1);
}

#[test]
fn ids_are_encoded_as_the_text_that_they_are_of() {
    for checkpoint in KINDS {
        let encoder = load(checkpoint);
        for task in [EncodeOptions::query(), EncodeOptions::document()] {
            let task = task.with_prompt("");
            let expected = encoder.encode_with(&texts(), &task).unwrap();
            // With their special tokens, and without, to be added.
            let whole = encoder.tokenize(&texts(), &task).unwrap();
            let bare = task.clone().with_special_tokens(SpecialTokens::Leave);
            let whole: Vec<&[u32]> = whole.iter().map(|text| text.input_ids).collect();
            let found = encoder.tokenize_ids(&whole, &bare).unwrap();
            let found = encoder.encode_tokenized(&found, &task).unwrap().embeddings;
            assert_eq!(found, expected.embeddings, "{checkpoint}");
            let ids = encoder.tokenize(&texts()[..3], &bare).unwrap();
            let ids: Vec<Vec<u32>> = ids.iter().map(|text| text.input_ids.to_vec()).collect();
            let found = encoder.tokenize_ids(&ids, &task).unwrap();
            let expected = encoder.tokenize(&texts()[..3], &task).unwrap();
            assert!(found.iter().eq(expected.iter()), "{checkpoint}: {found:?}, not {expected:?}");
        }
    }
}

#[test]
fn an_id_outside_the_vocabulary_is_refused() {
    let encoder = load("random/bert-gelu");
    let ids = [vec![5, 6], vec![7, encoder.vocab_size() as u32]];
    let error = encoder.tokenize_ids(&ids, &EncodeOptions::default()).unwrap_err();
    let SpladeError::Tokenizer(TokenizerError::UnknownId { text: 1, id, .. }) = error else {
        panic!("{error}")
    };
    assert_eq!(id as usize, encoder.vocab_size());
}

#[test]
fn a_prompt_before_ids_is_refused() {
    let options = EncodeOptions::default().with_prompt("find: ");
    let error = load("random/bert-gelu").tokenize_ids(&[[5]], &options).unwrap_err();
    assert!(
        matches!(&error, SpladeError::PromptBeforeIds { prompt, .. } if prompt == "find: "),
        "{error}"
    );
}

#[derive(Deserialize)]
struct Pairs {
    pairs: Vec<(String, String)>,
    rows: Vec<PairRows>,
}

#[derive(Debug, Deserialize)]
struct PairRows {
    checkpoint: String,
    prompt: Option<String>,
    task: Option<String>,
    row_list: Vec<golden::Row>,
}

/// See tests/reference/token_calls.py.
#[test]
fn pairs_have_the_rows_of_the_reference() {
    let golden: Pairs = golden::load_as("tokenizers/calls");
    for tested in devices::all() {
        for given in &golden.rows {
            let builder = SparseEncoder::builder().device(tested.device.clone());
            let encoder = builder.load(fixture(&given.checkpoint)).unwrap();
            let mut options = EncodeOptions::default();
            options.prompt = given.prompt.clone();
            options.task = given.task.clone();
            let pairs = encoder.tokenize_pairs(&golden.pairs, &options).unwrap();
            let found = encoder.encode_tokenized(&pairs, &options).unwrap().embeddings;
            for ((row, exact), pair) in found.rows().zip(&given.row_list).zip(&golden.pairs) {
                let context = format!("{} on {}: {pair:?}", given.checkpoint, tested.device);
                assert_row(row, exact, tested.tolerance, &context);
            }
        }
    }
}

#[test]
fn pieces_say_what_is_special_and_where_they_stand() {
    let encoder = load("random/bert-gelu");
    let pieces = |options: EncodeOptions| {
        let pieces = encoder.pieces("river [SEP]", &options).unwrap().into_iter();
        pieces.map(|p| (p.token, p.is_special, p.range)).collect::<Vec<_>>()
    };
    let token = |token: &str, is_special, range| (token.to_owned(), is_special, range);
    let own = [token("river", false, 0..5), token("[SEP]", false, 6..11)];
    let [cls, sep] = ["[CLS]", "[SEP]"].map(|special| token(special, true, 0..0));
    assert_eq!(pieces(EncodeOptions::default()), [&[cls][..], &own, &[sep]].concat());
    let bare = EncodeOptions::default().with_special_tokens(SpecialTokens::Leave);
    assert_eq!(pieces(bare), own);
}

#[test]
fn ids_are_turned_back_into_text() {
    let encoder = load("splade-tiny");
    let texts = encoder.tokenize(&["It's so sunny outside!"], &EncodeOptions::default()).unwrap();
    let decode = |special| encoder.decode_ids(texts.text(0).input_ids, special).unwrap();
    assert_eq!(decode(DecodeSpecial::Drop), "it's so sunny outside!");
    assert_eq!(decode(DecodeSpecial::Keep), "[CLS] it's so sunny outside! [SEP]");
}

#[test]
fn the_vocabulary_has_each_token_by_its_id() {
    for checkpoint in ["splade-tiny", "architectures/roberta-gelu", "layouts/static-only"] {
        let encoder = load(checkpoint);
        let vocabulary = encoder.vocabulary();
        assert!(vocabulary.is_sorted_by_key(|(_, id)| *id));
        assert_eq!(vocabulary.last().unwrap().1 as usize + 1, encoder.vocab_size());
        for (token, id) in &vocabulary {
            assert_eq!(encoder.token_id(token), Some(*id), "{checkpoint}: {token}");
            assert_eq!(encoder.token(*id), *token, "{checkpoint}");
        }
    }
}
