//! A cancelled call ends between passes and returns nothing.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use splade::{CancelHandle, Device, EncodeOptions, SparseEncoder, SpladeError};

use crate::devices;
use crate::golden::fixture;
use crate::tokenized::KINDS;

fn texts(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("river stone market {i}")).collect()
}

fn cancelled() -> EncodeOptions {
    let handle = CancelHandle::new();
    handle.cancel();
    EncodeOptions::document().with_cancel(handle)
}

/// Options for passes of one text that cancel themselves after the third, and the number of passes
/// done.
fn cancels_itself() -> (EncodeOptions, Arc<AtomicUsize>) {
    let (handle, done) = (CancelHandle::new(), Arc::new(AtomicUsize::new(0)));
    let (cancel, counter) = (handle.clone(), Arc::clone(&done));
    let options = EncodeOptions::document()
        .with_max_batch_tokens(NonZeroUsize::MIN)
        .with_chunk_size(NonZeroUsize::new(10).unwrap())
        .with_cancel(handle)
        .with_progress(move |progress| {
            counter.store(progress.n_texts, Ordering::Relaxed);
            if progress.n_texts >= 3 {
                cancel.cancel();
            }
        });
    (options, done)
}

#[test]
fn every_call_looks_at_the_handle() {
    for checkpoint in KINDS {
        let encoder = SparseEncoder::load(fixture(checkpoint)).unwrap();
        let (texts, options) = (texts(3), cancelled());
        let tokens = encoder.tokenize(&texts, &EncodeOptions::document()).unwrap();
        let pool = encoder.start_pool(&[Device::Cpu, Device::Cpu]).unwrap();
        for ended in [
            encoder.encode_with(&texts, &options).map(drop),
            encoder.encode_tokenized(&tokens, &options).map(drop),
            encoder.tokenize(&texts, &options).map(drop),
            pool.encode_with(&texts, &options).map(drop),
            pool.encode_tokenized(&tokens, &options).map(drop),
        ] {
            assert!(matches!(ended, Err(SpladeError::Cancelled)), "{checkpoint}: {ended:?}");
        }
    }
}

#[test]
fn a_call_ends_between_passes() {
    for tested in devices::all() {
        let builder = SparseEncoder::builder().device(tested.device.clone());
        let encoder = builder.load(fixture("random/bert-gelu")).unwrap();
        let (options, done) = cancels_itself();
        let ended = encoder.encode_with(&texts(500), &options).map(drop);
        assert!(matches!(ended, Err(SpladeError::Cancelled)), "{}: {ended:?}", tested.device);
        let done = done.load(Ordering::Relaxed);
        assert!((3..100).contains(&done), "{}: {done} were done", tested.device);
    }
}

#[test]
fn a_pool_ends_between_passes() {
    let encoder = SparseEncoder::load(fixture("random/bert-gelu")).unwrap();
    let pool = encoder.start_pool(&[Device::Cpu, Device::Cpu]).unwrap();
    let (options, done) = cancels_itself();
    let ended = pool.encode_with(&texts(500), &options).map(drop);
    assert!(matches!(ended, Err(SpladeError::Cancelled)), "{ended:?}");
    assert!(done.load(Ordering::Relaxed) < 100);
    // The pool still serves other calls.
    assert_eq!(pool.encode(&texts(20)).unwrap().n_rows(), 20);
}

#[cfg(feature = "corpus")]
#[test]
fn a_stream_ends_with_cancelled() {
    use splade::corpus::{Windows, encode_stream};

    let encoder = SparseEncoder::load(fixture("random/bert-gelu")).unwrap();
    let texts = texts(3).into_iter().map(Ok::<_, SpladeError>);
    let ended = encode_stream(&encoder, &cancelled(), Windows::default(), texts, |_, _| Ok(()));
    assert!(matches!(ended, Err(SpladeError::Cancelled)), "{ended:?}");
}

#[test]
fn a_handle_that_nobody_cancels_changes_nothing() {
    let encoder = SparseEncoder::load(fixture("random/bert-gelu")).unwrap();
    let options = EncodeOptions::document().with_cancel(CancelHandle::new());
    let found = encoder.encode_with(&texts(9), &options).unwrap().embeddings;
    assert_eq!(found, encoder.encode_document(&texts(9)).unwrap());
}

#[test]
fn clones_are_one_handle() {
    let handle = CancelHandle::new();
    let clone = handle.clone();
    assert!(!clone.is_cancelled());
    handle.cancel();
    assert!(clone.is_cancelled());
}
