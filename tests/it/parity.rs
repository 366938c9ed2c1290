//! Our vectors are sentence-transformers' vectors.

use std::num::NonZeroUsize;

use splade::{EncodeOptions, SparseEncoder};

use crate::devices::{self, Tested};
use crate::golden::{self, Golden, assert_row, assert_rows, text};

/// Checkpoints with a masked-LM head; tests/reference/README.md says what is special about each.
const CHECKPOINTS: [&str; 38] = [
    "splade-tiny",
    "bert-gelu",
    "bert-relu-untied",
    "bert-gelu-new-cased",
    "bert-silu-unprefixed",
    "bert-f16",
    "bert-bf16",
    "st-max-log1p",
    "st-sum",
    "architectures/albert-groups",
    "architectures/albert-shared",
    "architectures/bert-vocab-txt",
    "architectures/bert-vocab-txt-alone",
    "architectures/bert-vocab-txt-cjk",
    "architectures/camembert-unigram",
    "architectures/deberta-v2-buckets",
    "architectures/deberta-v2-c2p",
    "architectures/deberta-v2-new-head",
    "architectures/deberta-v2-plain",
    "architectures/distilbert-gelu",
    "architectures/distilbert-relu-sinusoidal-untied",
    "architectures/electra-projected",
    "architectures/electra-same",
    "architectures/gte-ntk",
    "architectures/gte-plain",
    "architectures/gte-silu-untied",
    "architectures/modernbert-biased",
    "architectures/modernbert-local",
    "architectures/modernbert-old-keys",
    "architectures/mpnet-gelu",
    "architectures/mpnet-relu-untied",
    "architectures/new-ntk",
    "architectures/new-plain",
    "architectures/roberta-bf16",
    "architectures/roberta-gelu",
    "architectures/roberta-merges",
    "architectures/roberta-untied-types",
    "architectures/xlm-roberta-unigram",
];

fn load(golden: &Golden, tested: &Tested) -> SparseEncoder {
    let folder = golden::fixture(&golden.checkpoint);
    SparseEncoder::builder().device(tested.device.clone()).load(folder).unwrap()
}

pub fn on_every_device(check: impl Fn(&str, &Golden, &SparseEncoder, &Tested)) {
    for tested in devices::all() {
        for name in CHECKPOINTS {
            let golden = golden::load(name);
            let encoder = load(&golden, &tested);
            check(&format!("{name} on {}", tested.device), &golden, &encoder, &tested);
        }
    }
}

#[test]
fn rows_equal_the_reference_in_one_batch() {
    on_every_device(|context, golden, encoder, tested| {
        let texts: Vec<_> = golden.rows.iter().map(|row| text(&row.name)).collect();
        let embeddings = encoder.encode(&texts).unwrap();
        assert_rows(&embeddings, &golden.rows, tested.tolerance, context);
    });
}

#[test]
fn rows_equal_the_reference_alone() {
    on_every_device(|context, golden, encoder, tested| {
        for row in &golden.rows {
            let embedding = encoder.encode_one(text(&row.name)).unwrap();
            assert_row(embedding.view(), row, tested.tolerance, context);
        }
    });
}

#[test]
fn rows_equal_the_reference_in_batches_of_few_tokens() {
    on_every_device(|context, golden, encoder, tested| {
        let texts: Vec<_> = golden.rows.iter().map(|row| text(&row.name)).collect();
        let options =
            EncodeOptions::default().with_max_batch_tokens(NonZeroUsize::new(60).unwrap());
        let embeddings = encoder.encode_with(&texts, &options).unwrap().embeddings;
        assert_rows(&embeddings, &golden.rows, tested.tolerance, context);
    });
}

#[test]
fn rows_equal_the_reference_under_a_shorter_limit() {
    on_every_device(|context, golden, encoder, tested| {
        for row in &golden.rows_max_seq_length {
            let encoder = encoder.with_max_seq_length(row.max_seq_length.unwrap()).unwrap();
            let embedding = encoder.encode_one(text(&row.name)).unwrap();
            assert_row(embedding.view(), row, tested.tolerance, context);
        }
    });
}

#[test]
fn rows_equal_the_reference_under_max_active_dims() {
    on_every_device(|context, golden, encoder, tested| {
        for row in &golden.rows_max_active_dims {
            let k = NonZeroUsize::new(row.max_active_dims.unwrap()).unwrap();
            let options = EncodeOptions::default().with_max_active_dims(k);
            let found = encoder.encode_with(&[text(&row.name)], &options).unwrap().embeddings;
            assert!(found.row(0).nnz() <= k.get());
            assert_row(found.row(0), row, tested.tolerance, context);
        }
    });
}

#[test]
fn rows_of_spelt_out_special_tokens_equal_the_reference() {
    on_every_device(|context, golden, encoder, tested| {
        for row in &golden.rows_special_text {
            let embedding = encoder.encode_one(row.text()).unwrap();
            assert_row(embedding.view(), row, tested.tolerance, context);
        }
    });
}

#[test]
fn tokens_are_the_reference_s() {
    for name in CHECKPOINTS {
        let golden = golden::load(name);
        let tokenizer =
            splade_tokenizer::Tokenizer::load(&golden::fixture(&golden.checkpoint)).unwrap();
        let mut tokenizer = tokenizer;
        tokenizer.set_max_seq_length(golden.max_seq_length).unwrap();
        for row in golden.rows.iter().chain(&golden.rows_special_text) {
            let batch = tokenizer.encode_batch(&[row.text()]).unwrap();
            assert_eq!(batch.input_ids, row.input_ids, "{name}, text `{}`", row.name);
        }
    }
}

#[test]
fn sizes_are_the_reference_s() {
    on_every_device(|context, golden, encoder, _| {
        assert_eq!(encoder.dimension(), golden.vocab_size, "{context}");
        assert_eq!(encoder.max_seq_length(), Some(golden.max_seq_length), "{context}");
    });
}
