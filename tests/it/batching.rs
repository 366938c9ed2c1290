//! A row depends on its text alone: neither the other texts nor the batches change it.

use std::num::NonZeroUsize;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use splade::sparse::SparseRowView;
use splade::{EncodeOptions, SparseEncoder};

use crate::devices;
use crate::folder::Folder;
use crate::golden::fixture;

/// Tolerance for a weight compared with the same text encoded alone: this absolute error plus the
/// same relative error, for summation order. It is much smaller than
/// [`devices::Tested::tolerance`], which is for comparing with another program.
const ROW_TOLERANCE: f32 = 1e-5;

/// The smallest checkpoint on each CPU backend of this build.
static ENCODERS: LazyLock<Vec<SparseEncoder>> = LazyLock::new(|| {
    devices::cpu().into_iter().map(|tested| load("random/bert-gelu", tested.device)).collect()
});

fn load(checkpoint: &str, device: splade::Device) -> SparseEncoder {
    let builder = SparseEncoder::builder().device(device);
    builder.load(fixture(checkpoint)).expect("a whole fixture")
}

fn count(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("not 0")
}

fn batches_of(max_batch_tokens: usize) -> EncodeOptions {
    EncodeOptions::default().with_max_batch_tokens(count(max_batch_tokens))
}

/// Words that the fixtures know, words that they do not, other scripts, and nothing.
fn text() -> impl Strategy<Value = String> {
    let words = select(vec![
        "river",
        "stone",
        "the",
        "weather",
        "Ünïcödé",
        "今天天气",
        "привет",
        "👩‍👩‍👧",
        "[SEP]",
        "?",
        "x",
    ]);
    prop_oneof![
        1 => Just(String::new()),
        5 => prop::collection::vec(words, 1..30).prop_map(|words| words.join(" ")),
        2 => "\\PC{0,20}",
    ]
}

fn texts(most: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(text(), 1..most)
}

#[track_caller]
fn assert_same_row(found: SparseRowView<'_>, expected: SparseRowView<'_>, context: &str) {
    for (entry, (a, b)) in found.to_dense().iter().zip(expected.to_dense()).enumerate() {
        let allowed = ROW_TOLERANCE + ROW_TOLERANCE * b.abs();
        assert!((a - b).abs() <= allowed, "{context}: entry {entry} is {a}, alone {b}");
    }
}

/// Checks that each row equals that of its text alone.
#[track_caller]
fn assert_rows_as_alone<T: AsRef<str> + Sync>(
    encoder: &SparseEncoder,
    texts: &[T],
    options: &EncodeOptions,
) {
    let found = encoder.encode_with(texts, options).expect("texts that can be encoded").embeddings;
    assert_eq!(found.n_rows(), texts.len());
    for (text, row) in texts.iter().zip(found.rows()) {
        let alone = encoder.encode_one(text.as_ref()).expect("a text that can be encoded");
        let context = format!("{:?} on {}", text.as_ref(), encoder.backend());
        assert_same_row(row, alone.view(), &context);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_row_does_not_depend_on_the_texts_beside_it(texts in texts(9)) {
        for encoder in ENCODERS.iter() {
            assert_rows_as_alone(encoder, &texts, &EncodeOptions::default());
        }
    }

    #[test]
    fn a_row_does_not_depend_on_max_batch_tokens(texts in texts(9), tokens in 1usize..150) {
        for encoder in ENCODERS.iter() {
            assert_rows_as_alone(encoder, &texts, &batches_of(tokens));
        }
    }

    #[test]
    fn permuted_texts_give_permuted_rows(
        (order, texts) in texts(12).prop_flat_map(|texts| {
            let order: Vec<usize> = (0..texts.len()).collect();
            (Just(order).prop_shuffle(), Just(texts))
        }),
        tokens in 1usize..150,
    ) {
        let permuted: Vec<&String> = order.iter().map(|&text| &texts[text]).collect();
        for encoder in ENCODERS.iter() {
            let rows = encoder.encode_with(&texts, &batches_of(tokens)).unwrap().embeddings;
            let found = encoder.encode_with(&permuted, &batches_of(tokens)).unwrap().embeddings;
            for (row, &text) in found.rows().zip(&order) {
                assert_same_row(row, rows.row(text), &texts[text]);
            }
        }
    }

    #[test]
    fn tokens_are_counted_once_each(texts in texts(9), tokens in 1usize..150) {
        for encoder in ENCODERS.iter() {
            let found = encoder.encode_with(&texts, &batches_of(tokens)).unwrap();
            let each = texts.iter().map(|text| encoder.pieces(text, &EncodeOptions::default()).unwrap().len());
            prop_assert_eq!(found.n_tokens, each.sum::<usize>());
        }
    }
}

#[test]
fn scripts_side_by_side_are_as_alone() {
    let texts = [
        "The weather is lovely today.",
        "今天天气很好，我们去公园散步吧。",
        "오늘은 날씨가 정말 좋아서 공원에 갔습니다.",
        "",
        "الطقس جميل اليوم، سنذهب إلى الحديقة.",
        "naïve café, e\u{301}",
        "👩‍👩‍👧 🎉",
        "\0\u{fffd}\u{200d}",
    ];
    for tested in devices::cpu() {
        let encoder = load("splade-tiny", tested.device);
        assert_rows_as_alone(&encoder, &texts, &EncodeOptions::default());
        assert_rows_as_alone(&encoder, &texts, &batches_of(20));
    }
}

#[test]
fn no_texts_give_no_rows_of_the_right_dimension() {
    for encoder in ENCODERS.iter() {
        let found = encoder.encode_with::<&str>(&[], &EncodeOptions::default()).unwrap();
        assert_eq!((found.embeddings.n_rows(), found.embeddings.dimension()), (0, 264));
        assert_eq!((found.n_tokens, found.n_truncated), (0, 0));
    }
}

#[test]
fn an_empty_text_is_a_row() {
    for encoder in ENCODERS.iter() {
        let found = encoder.encode(&["river", "", "stone"]).unwrap();
        assert_eq!(found.n_rows(), 3);
        let (river, stone) =
            (encoder.encode_one("river").unwrap(), encoder.encode_one("stone").unwrap());
        assert_same_row(found.row(0), river.view(), "before the empty text");
        assert_same_row(found.row(2), stone.view(), "after the empty text");
    }
}

#[test]
fn a_text_without_tokens_is_a_row_of_zeros() {
    // A tokenizer that adds no special tokens: an empty text has no tokens at all.
    let folder = Folder::copy_of("random/bert-gelu")
        .set("tokenizer_config.json", "tokenizer_class", "PreTrainedTokenizerFast")
        .set("tokenizer.json", "post_processor", Value::Null);
    for tested in devices::all() {
        let encoder = SparseEncoder::builder().device(tested.device).load(folder.path()).unwrap();
        let found = encoder.encode(&["", "river", ""]).unwrap();
        let nnz: Vec<usize> = found.rows().map(SparseRowView::nnz).collect();
        assert!(nnz[0] == 0 && nnz[1] > 0 && nnz[2] == 0, "{nnz:?} on {}", encoder.backend());
    }
}

#[test]
fn texts_without_any_tokens_are_rows_of_zeros() {
    let folder = Folder::copy_of("random/bert-gelu")
        .set("tokenizer_config.json", "tokenizer_class", "PreTrainedTokenizerFast")
        .set("tokenizer.json", "post_processor", Value::Null);
    for tested in devices::all() {
        let encoder = SparseEncoder::builder().device(tested.device).load(folder.path()).unwrap();
        let found = encoder.encode(&["", " "]).unwrap();
        assert_eq!((found.n_rows(), found.nnz()), (2, 0), "on {}", encoder.backend());
    }
}

#[test]
fn the_number_of_threads_does_not_change_a_row() {
    let texts = ["river stone market", "", "the weather is lovely today", &"x ".repeat(200)];
    for tested in devices::cpu() {
        let with = |threads| {
            let builder = SparseEncoder::builder().device(tested.device.clone());
            let encoder = builder.threads(count(threads)).load(fixture("splade-tiny")).unwrap();
            encoder.encode(&texts).unwrap()
        };
        let (one, two, three) = (with(1), with(2), with(3));
        for (i, row) in one.rows().enumerate() {
            assert_same_row(two.row(i), row, "two threads");
            assert_same_row(three.row(i), row, "three threads");
        }
    }
}

#[test]
fn more_texts_than_one_pass_takes_keep_their_order() {
    // A pass has at most 2^22 pooled weights: 137 texts of this vocabulary.
    let words = ["river", "stone", "market", "winter", "garden", "engine", "silver"];
    let texts: Vec<&str> = (0..300).map(|i| words[i % words.len()]).collect();
    let encoder = load("splade-tiny", devices::cpu().remove(0).device);
    let found = encoder.encode_with(&texts, &batches_of(1 << 20)).unwrap().embeddings;
    let alone: Vec<_> = words.iter().map(|word| encoder.encode_one(word).unwrap()).collect();
    for (i, row) in found.rows().enumerate() {
        assert_same_row(row, alone[i % words.len()].view(), &format!("text {i}"));
    }
}

#[test]
fn texts_that_were_cut_are_counted() {
    let encoder = load("random/bert-gelu", devices::cpu().remove(0).device);
    let encoder = encoder.with_max_seq_length(4).unwrap();
    // "a b" fits exactly, with its two special tokens.
    let found =
        encoder.encode_with(&["a b c", "", "a b", "a b c d e f g h", "a"], &batches_of(5)).unwrap();
    assert_eq!((found.n_truncated, found.n_tokens), (2, 4 + 2 + 4 + 4 + 3));
}

#[test]
fn an_empty_text_is_not_counted_as_cut() {
    let encoder = load("random/bert-gelu", devices::cpu().remove(0).device);
    let encoder = encoder.with_max_seq_length(2).unwrap();
    let found = encoder.encode_with(&["", "a"], &EncodeOptions::default()).unwrap();
    assert_eq!((found.n_truncated, found.n_tokens), (1, 4));
}
