//! Texts with different options share a batch, and each gets the row that it gets alone.

use std::num::NonZeroUsize;

use splade::{Device, EncodeOptions, Pruning, SparseEncoder, SpladeError, TextOptions};

use crate::devices;
use crate::golden::{fixture, text};
use crate::tokenized::{KINDS, assert_close, calls};

fn count(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

fn keep(n: usize) -> Pruning {
    Pruning::default().with_max_active_dims(count(n))
}

/// Texts with their options.
fn cases() -> (Vec<&'static str>, Vec<TextOptions>) {
    let light = Pruning::default().with_minimum_weight(0.3).unwrap();
    let shares = Pruning::default().with_mass_share(0.6).unwrap().with_max_active_dims(count(5));
    let none = TextOptions::default;
    let cases = [
        ("river stone", none()),
        ("river stone", none().with_pruning(keep(2))),
        ("river stone", none().with_pruning(keep(4)).with_prompt("find: ")),
        ("garden engine silver", none().with_prompt_name("document")),
        ("garden engine silver", none().with_prompt("x y z ").with_prompt_name("query")),
        (text("passage_science"), none().with_pruning(light)),
        (text("weather"), none().with_pruning(shares)),
        ("", none().with_prompt("")),
    ];
    cases.into_iter().unzip()
}

/// Options of a call that apply the text's options to all texts.
fn alone(options: &EncodeOptions, own: &TextOptions) -> EncodeOptions {
    let mut options = options.clone();
    if own.prompt.is_some() || own.prompt_name.is_some() {
        options.prompt = own.prompt.clone();
        options.prompt_name = own.prompt_name.clone();
    }
    match own.pruning {
        Some(pruning) => options.with_pruning(pruning),
        None => options,
    }
}

#[test]
fn a_row_is_that_of_the_text_alone_with_its_options() {
    let (texts, each) = cases();
    for device in devices::cpu().into_iter().map(|tested| tested.device) {
        for checkpoint in KINDS {
            let builder = SparseEncoder::builder().device(device.clone());
            let encoder = builder.load(fixture(checkpoint)).unwrap();
            let pool = encoder.start_pool(&[device.clone(), device.clone()]).unwrap();
            for options in calls() {
                let tokens = encoder.tokenize_each(&texts, &each, &options).unwrap();
                for found in [
                    encoder.encode_each(&texts, &each, &options).unwrap(),
                    encoder.encode_tokenized_each(&tokens, &each, &options).unwrap(),
                    pool.encode_each(&texts, &each, &options).unwrap(),
                    pool.encode_tokenized_each(&tokens, &each, &options).unwrap(),
                ] {
                    for (i, row) in found.embeddings.rows().enumerate() {
                        let options = alone(&options, &each[i]);
                        let alone = encoder.encode_with(&[texts[i]], &options).unwrap();
                        let context = format!("{checkpoint} on {device}: {:?}", each[i]);
                        assert_close(row, alone.embeddings.row(0), &context);
                        assert_eq!(found.lengths[i], alone.lengths[0], "{context}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_limit_of_a_text_beats_the_call_s_beats_the_handle_s_beats_the_checkpoint_s() {
    let encoder = SparseEncoder::load(fixture("layouts/max-active-dims")).unwrap();
    let of_checkpoint = encoder.max_active_dims().unwrap().get();
    let nnz = |encoder: &SparseEncoder, options: &EncodeOptions, own: TextOptions| {
        let texts = [text("passage_science")];
        encoder.encode_each(&texts, &[own], options).unwrap().embeddings.nnz()
    };
    let (call, own) = (EncodeOptions::default(), TextOptions::default());
    assert_eq!(nnz(&encoder, &call, own.clone()), of_checkpoint);
    let handle = encoder.with_max_active_dims(Some(count(5)));
    assert_eq!(nnz(&handle, &call, own.clone()), 5);
    let call = call.with_max_active_dims(count(4));
    assert_eq!(nnz(&handle, &call, own.clone()), 4);
    // Other rules for the text do not change the call's limit.
    let rule = Pruning::default().with_minimum_weight(0.0).unwrap();
    assert_eq!(nnz(&handle, &call, own.clone().with_pruning(rule)), 4);
    assert_eq!(nnz(&handle, &call, own.with_pruning(keep(3))), 3);
}

#[test]
fn rules_that_are_set_after_a_limit_leave_it() {
    let rule = Pruning::default().with_minimum_weight(0.1).unwrap();
    let options = EncodeOptions::default().with_max_active_dims(count(4));
    assert_eq!(options.clone().with_pruning(rule).pruning, rule.with_max_active_dims(count(4)));
    assert_eq!(options.with_pruning(keep(3)).pruning, keep(3));
}

#[test]
fn a_prompt_of_a_text_that_the_model_does_not_have_is_refused() {
    let encoder = SparseEncoder::load(fixture("random/bert-gelu")).unwrap();
    let each = [TextOptions::default(), TextOptions::default().with_prompt_name("nobody's")];
    let error = encoder.encode_each(&["a", "b"], &each, &EncodeOptions::default()).unwrap_err();
    assert!(matches!(error, SpladeError::UnknownPrompt { .. }), "{error}");
}

#[test]
fn options_for_another_number_of_texts_are_refused() {
    let encoder = SparseEncoder::load(fixture("random/bert-gelu")).unwrap();
    let pool = encoder.start_pool(&[Device::Cpu]).unwrap();
    let (texts, each, options) = (["a", "b"], [TextOptions::default()], EncodeOptions::default());
    let tokens = encoder.tokenize(&texts, &options).unwrap();
    for error in [
        encoder.encode_each(&texts, &each, &options).unwrap_err(),
        encoder.tokenize_each(&texts, &each, &options).unwrap_err(),
        encoder.encode_tokenized_each(&tokens, &each, &options).unwrap_err(),
        pool.encode_each(&texts, &each, &options).unwrap_err(),
    ] {
        assert!(matches!(error, SpladeError::TextOptionsCount { n_texts: 2, n_options: 1, .. }));
    }
}
