//! An encoder without a head, from checkpoints with and without one.
#![cfg(any(feature = "ndarray", feature = "flex"))]

use std::path::Path;

#[cfg(not(feature = "ndarray"))]
use splade_model::Flex as Cpu;
#[cfg(feature = "ndarray")]
use splade_model::NdArray as Cpu;
use splade_model::{Checkpoint, Encoder, ModelError, PackedTokens, SpladeModel};

use crate::folders::{Tensors, filled, fixture, read_tensors, scratch, write_tensors};

const HEADLESS: &str = "layouts/csr-mean";

fn load(folder: &Path) -> Result<Encoder<Cpu>, ModelError> {
    Encoder::load(&Checkpoint::open(folder).expect("a whole fixture"), &Default::default())
}

fn states(encoder: &Encoder<Cpu>) -> Vec<f32> {
    let tokens = PackedTokens::new(&[2, 105, 180, 3, 2, 3], &[0; 6], &[0, 4, 6]);
    encoder.forward_to_host(tokens).expect("a whole fixture")
}

/// Loads `HEADLESS` with changed weights from a folder `name`.
fn changed(name: &str, change: impl Fn(&mut Tensors)) -> Result<Encoder<Cpu>, ModelError> {
    let (from, to) = (fixture(HEADLESS), scratch(name));
    std::fs::copy(from.join("config.json"), to.join("config.json")).expect("a whole fixture");
    let mut tensors = read_tensors(&from.join("model.safetensors"));
    change(&mut tensors);
    write_tensors(&to.join("model.safetensors"), &tensors);
    load(&to)
}

#[test]
fn each_token_has_a_state() {
    let encoder = load(&fixture(HEADLESS)).unwrap();
    let states = states(&encoder);
    assert_eq!(states.len(), 6 * encoder.hidden_size());
    assert!(states.iter().all(|v| v.is_finite()) && states.iter().any(|&v| v != 0.0));
}

#[test]
fn names_with_and_without_prefix_give_the_same_states() {
    let prefixed = changed("encoder-prefixed", |tensors| {
        tensors.iter_mut().for_each(|(name, ..)| name.insert_str(0, "bert."));
    });
    assert_eq!(states(&prefixed.unwrap()), states(&load(&fixture(HEADLESS)).unwrap()));
}

#[test]
fn heads_of_the_checkpoint_are_left_aside() {
    // Untied decoders, bias, pooler, seq_relationship, position_ids: each in one of these.
    for name in ["bert-gelu", "bert-relu-untied", "bert-silu-unprefixed", "bert-f16", "bert-bf16"] {
        load(&fixture(&format!("random/{name}"))).unwrap();
    }
}

#[test]
fn other_weights_are_refused() {
    let error = changed("encoder-unused", |tensors| {
        tensors.push(filled("classifier.weight", &[2, 16], 0.0));
    });
    let error = error.unwrap_err();
    let is_named = matches!(&error, ModelError::WeightsUnused { names, .. } if names == &["classifier.weight"]);
    assert!(is_named, "{error:?}");
}

#[test]
fn a_missing_weight_is_refused() {
    let error = changed("encoder-missing", |tensors| {
        tensors.retain(|(name, ..)| !name.ends_with("intermediate.dense.bias"));
    });
    let error = error.unwrap_err();
    let is_named = matches!(&error, ModelError::WeightMissing { name, .. }
        if name == "bert.encoder.layer.0.intermediate.dense.bias");
    assert!(is_named, "{error:?}");
}

#[test]
fn a_splade_model_needs_the_head_that_an_encoder_does_not() {
    let checkpoint = Checkpoint::open(&fixture(HEADLESS)).unwrap();
    let error = SpladeModel::<Cpu>::load(&checkpoint, &Default::default()).unwrap_err();
    assert!(
        matches!(&error, ModelError::NotMaskedLm { found, .. } if found == "BertModel"),
        "{error:?}"
    );
    assert_eq!(checkpoint.config().hidden_size(), 16);
}

#[test]
fn tokens_that_an_encoder_cannot_have_are_refused() {
    let encoder = load(&fixture(HEADLESS)).unwrap();
    let error = encoder.forward_to_host(PackedTokens::new(&[264], &[0], &[0, 1])).unwrap_err();
    assert!(matches!(error, ModelError::TokenId { id: 264, vocab_size: 264, .. }), "{error:?}");
    let error = encoder.forward_to_host(PackedTokens::new(&[3; 33], &[0; 33], &[0, 33]));
    let error = error.unwrap_err();
    assert!(matches!(error, ModelError::TooLong { length: 33, positions: 32, .. }), "{error:?}");
}

#[test]
fn no_tokens_have_no_states() {
    let encoder = load(&fixture(HEADLESS)).unwrap();
    for offsets in [&[0][..], &[0, 0]] {
        assert!(encoder.forward_to_host(PackedTokens::new(&[], &[], offsets)).unwrap().is_empty());
    }
}
