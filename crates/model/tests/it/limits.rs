//! Invalid tokens are refused before any arithmetic.
#![cfg(any(feature = "ndarray", feature = "flex"))]

use std::path::Path;

#[cfg(not(feature = "ndarray"))]
use splade_model::Flex as Cpu;
#[cfg(feature = "ndarray")]
use splade_model::NdArray as Cpu;
use splade_model::{Checkpoint, ModelError, PackedTokens, Pooling, SpladeModel};

/// 264 tokens, 2 token types, 128 positions.
fn model() -> SpladeModel<Cpu> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    let checkpoint = Checkpoint::open(&fixtures.join("random/bert-gelu")).expect("a whole fixture");
    SpladeModel::load(&checkpoint, &Default::default()).expect("a whole fixture")
}

fn forward(ids: &[u32], types: &[u32], offsets: &[u32]) -> Result<Vec<f32>, ModelError> {
    let tokens = PackedTokens::new(ids, types, offsets);
    Ok(model().forward_to_host(tokens, Pooling::default(), None)?.into_dense(264))
}

#[test]
fn a_token_without_an_embedding_is_refused() {
    forward(&[263], &[0], &[0, 1]).unwrap();
    let error = forward(&[3, 264], &[0, 0], &[0, 2]).unwrap_err();
    assert!(matches!(error, ModelError::TokenId { id: 264, vocab_size: 264, .. }), "{error:?}");
}

#[test]
fn a_token_type_without_an_embedding_is_refused() {
    forward(&[3], &[1], &[0, 1]).unwrap();
    let error = forward(&[3, 3], &[0, 2], &[0, 2]).unwrap_err();
    assert!(matches!(error, ModelError::TokenType { id: 2, type_vocab_size: 2, .. }), "{error:?}");
}

#[test]
fn a_text_of_more_tokens_than_positions_is_refused() {
    forward(&[3; 128], &[0; 128], &[0, 128]).unwrap();
    let error = forward(&[3; 130], &[0; 130], &[0, 1, 130]).unwrap_err();
    assert!(matches!(error, ModelError::TooLong { length: 129, positions: 128, .. }), "{error:?}");
}

#[test]
fn no_texts_give_no_weights() {
    assert!(forward(&[], &[], &[0]).unwrap().is_empty());
}

#[test]
fn a_text_without_tokens_gives_zeros() {
    let weights = forward(&[3], &[0], &[0, 0, 1, 1]).unwrap();
    let sums: Vec<f32> = weights.chunks_exact(264).map(|row| row.iter().sum()).collect();
    assert!(sums[0] == 0.0 && sums[1] > 0.0 && sums[2] == 0.0, "{sums:?}");
}

#[test]
#[should_panic(expected = "offsets end at the number of tokens")]
fn offsets_that_miss_tokens_are_the_caller_s_mistake() {
    let _ = PackedTokens::new(&[1, 2], &[0, 0], &[0, 1]);
}

#[test]
#[should_panic(expected = "offsets decrease")]
fn offsets_that_fall_are_the_caller_s_mistake() {
    let _ = PackedTokens::new(&[1, 2], &[0, 0], &[0, 2, 1, 2]);
}

#[test]
#[should_panic(expected = "a token type for each token")]
fn missing_token_types_are_the_caller_s_mistake() {
    let _ = PackedTokens::new(&[1, 2], &[0], &[0, 2]);
}
