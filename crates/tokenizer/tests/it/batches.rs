//! A batch of texts equals each text alone, concatenated.

use std::sync::LazyLock;

use proptest::prelude::*;
use splade_tokenizer::{Input, SpecialTokens, TokenBatch, TokenizeRules, Tokenizer};

use crate::folder::{CASED, Folder, UNCASED, batch};

static UNLIMITED: LazyLock<Tokenizer> = LazyLock::new(|| Folder::copy_of(UNCASED).tokenizer());
/// Cased, cut to 7 tokens.
static LIMITED: LazyLock<Tokenizer> =
    LazyLock::new(|| Folder::copy_of(CASED).config("model_max_length", 7).tokenizer());

/// Any text, and texts made of pieces that are difficult for tokenizers.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("river"),
        Just("[SEP]"),
        Just("[CLS]"),
        Just("##ing"),
        Just("é"),
        Just("e\u{301}"),
        Just("中"),
        Just("\0"),
        Just("\u{fffd}"),
        Just("\u{200d}"),
        Just("👩‍👩‍👧"),
        Just("İ"),
        Just(" "),
    ];
    prop_oneof![any::<String>(), prop::collection::vec(piece, 0..12).prop_map(|p| p.concat())]
}

/// Each text alone, concatenated by hand.
fn one_by_one(tokenizer: &Tokenizer, texts: &[String]) -> TokenBatch {
    let mut whole = TokenBatch { offsets: vec![0], ..TokenBatch::default() };
    for text in texts {
        let one = tokenizer.encode_batch(&[text]).expect("a text that can be tokenised");
        whole.input_ids.extend(&one.input_ids);
        whole.token_type_ids.extend(&one.token_type_ids);
        whole.offsets.push(whole.input_ids.len() as u32);
        whole.n_cut.extend(&one.n_cut);
    }
    whole
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_batch_is_its_texts_one_by_one(texts in prop::collection::vec(text(), 0..12)) {
        for tokenizer in [&*UNLIMITED, &*LIMITED] {
            let batch = tokenizer.encode_batch(&texts).unwrap();
            prop_assert_eq!(batch, one_by_one(tokenizer, &texts));
        }
    }

    #[test]
    fn any_texts_give_a_batch_that_fits_together(texts in prop::collection::vec(text(), 0..12)) {
        for tokenizer in [&*UNLIMITED, &*LIMITED] {
            let batch = tokenizer.encode_batch(&texts).unwrap();
            prop_assert_eq!(batch.n_texts(), texts.len());
            prop_assert_eq!(batch.n_tokens(), batch.token_type_ids.len());
            prop_assert_eq!((batch.offsets[0], batch.offsets[texts.len()] as usize), (0, batch.n_tokens()));
            let limit = tokenizer.max_seq_length().unwrap_or(usize::MAX);
            prop_assert!(batch.lengths().all(|length| (2..=limit).contains(&length)));
            prop_assert!(batch.token_type_ids.iter().all(|&id| id == 0));
            prop_assert!(batch.input_ids.iter().all(|&id| tokenizer.token(id).is_some()));
            prop_assert_eq!(batch.n_cut.len(), texts.len());
        }
    }

    #[test]
    fn selected_texts_are_a_batch_of_these_texts(
        texts in prop::collection::vec(text(), 1..8),
        picked in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let picked: Vec<usize> = picked.iter().map(|index| index.index(texts.len())).collect();
        let selected = UNLIMITED.encode_batch(&texts).unwrap().select(&picked);
        let alone: Vec<&String> = picked.iter().map(|&text| &texts[text]).collect();
        prop_assert_eq!(selected, UNLIMITED.encode_batch(&alone).unwrap());
    }
}

#[test]
fn no_texts_are_a_batch_without_tokens() {
    let batch = UNLIMITED.encode_batch::<&str>(&[]).unwrap();
    assert_eq!(batch, TokenBatch { offsets: vec![0], ..TokenBatch::default() });
}

#[test]
fn an_empty_text_is_its_special_tokens() {
    let batch = UNLIMITED.encode_batch(&["", " \n\t"]).unwrap();
    assert_eq!((batch.input_ids, batch.offsets), (vec![2, 3, 2, 3], vec![0, 2, 4]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_are_the_tokens_with_their_ranges(text in text()) {
        for tokenizer in [&*UNLIMITED, &*LIMITED] {
            for special_tokens in [SpecialTokens::Add, SpecialTokens::Leave] {
                let rules = TokenizeRules { special_tokens, ..tokenizer.rules() };
                let (pieces, n_cut) = tokenizer.pieces(&text, &rules).unwrap();
                let ids: Vec<u32> = pieces.iter().map(|piece| piece.id).collect();
                let batch = batch(tokenizer, &rules, &[Input::from(&*text)]).unwrap();
                prop_assert_eq!(ids, batch.input_ids);
                prop_assert_eq!([n_cut as u32], &batch.n_cut[..]);
                for piece in pieces {
                    prop_assert!(text.get(piece.range).is_some());
                }
            }
        }
    }
}

#[test]
fn a_piece_says_where_its_token_stands() {
    let (pieces, _) = UNLIMITED.pieces("A  river", &UNLIMITED.rules()).unwrap();
    let ranges: Vec<_> = pieces.iter().map(|piece| piece.range.clone()).collect();
    assert_eq!(ranges, [0..0, 0..1, 3..8, 0..0]);
    let special: Vec<bool> = pieces.iter().map(|piece| piece.is_special).collect();
    assert_eq!(special, [true, false, false, true]);
}
