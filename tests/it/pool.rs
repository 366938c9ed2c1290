//! Several devices that share the texts of a call give the vectors of one device.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use splade::{Device, EncodeOptions, EncodeProgress, SparseEncoder, SparseMatrix, SpladeError};

use crate::devices;
use crate::folder::{Folder, message};
use crate::golden::{self, assert_rows, text};

const CPUS: [Device; 2] = [Device::Cpu, Device::Cpu];

fn count(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("not 0")
}

fn load(fixture: &str) -> SparseEncoder {
    SparseEncoder::load(golden::fixture(fixture)).expect("a whole fixture")
}

fn chunks_of(chunk_size: usize) -> EncodeOptions {
    EncodeOptions::default().with_chunk_size(count(chunk_size))
}

/// Checks that rows are equal up to the order of sums: a worker has fewer threads than the encoder.
fn assert_close(found: &SparseMatrix, expected: &SparseMatrix, context: &str) {
    assert_eq!(found.indptr(), expected.indptr(), "{context}");
    assert_eq!(found.indices(), expected.indices(), "{context}");
    for (a, b) in found.values().iter().zip(expected.values()) {
        assert!((a - b).abs() <= 1e-5 * (1.0 + b.abs()), "{context}: {a}, {b}");
    }
}

#[test]
fn rows_of_every_pool_equal_the_reference() {
    let golden = golden::load("bert-gelu");
    let encoder = load(&golden.checkpoint);
    let texts: Vec<_> = golden.rows.iter().map(|row| text(&row.name)).collect();
    let mut pools = vec![vec![Device::Cpu], CPUS.to_vec(), vec![Device::Cpu; 5]];
    let mut tolerance = 1e-4;
    let cpus: Vec<Device> = devices::cpu().into_iter().map(|tested| tested.device).collect();
    pools.push(cpus);
    if let Some(tested) = devices::wgpu() {
        tolerance = tested.tolerance;
        pools.push(vec![tested.device.clone(), Device::Cpu]);
        pools.push(vec![tested.device.clone(), tested.device]);
    }
    for devices in pools {
        let pool = encoder.start_pool(&devices).unwrap();
        assert_eq!(pool.devices().count(), devices.len());
        for chunk_size in [1, 2, 7, 1000] {
            let context = format!("{devices:?}, chunks of {chunk_size}");
            let found = pool.encode_with(&texts, &chunks_of(chunk_size)).unwrap();
            assert_rows(&found.embeddings, &golden.rows, tolerance, &context);
        }
        assert_rows(&pool.encode(&texts).unwrap(), &golden.rows, tolerance, "default chunks");
    }
}

#[test]
fn a_list_of_devices_serves_one_call() {
    let golden = golden::load("bert-gelu");
    let encoder = load(&golden.checkpoint);
    let texts: Vec<_> = golden.rows.iter().map(|row| text(&row.name)).collect();
    let found = encoder.encode_on(&CPUS, &texts, &chunks_of(3)).unwrap();
    assert_rows(&found.embeddings, &golden.rows, 1e-4, "encode_on");
    let alone = encoder.encode_with(&texts, &EncodeOptions::default()).unwrap();
    assert_eq!(found.n_tokens, alone.n_tokens);
    assert_eq!(found.n_truncated, alone.n_truncated);
}

#[test]
fn tasks_prompts_and_limits_are_those_of_the_encoder() {
    for layout in ["router-prompts", "router-static", "prompts-default", "csr-exclude-prompt"] {
        let encoder = load(&format!("layouts/{layout}"));
        let pool = encoder.start_pool(&CPUS).unwrap();
        let texts = ["river stone", "the weather is lovely today", "garden", ""];
        let close = |found: Result<SparseMatrix, _>,
                     expected: Result<SparseMatrix, SpladeError>| {
            assert_close(&found.unwrap(), &expected.unwrap(), layout);
        };
        close(pool.encode(&texts), encoder.encode(&texts));
        close(pool.encode_query(&texts), encoder.encode_query(&texts));
        close(pool.encode_document(&texts), encoder.encode_document(&texts));
        let options = EncodeOptions::query().with_max_active_dims(count(4)).with_prompt("x ");
        let found = pool.encode_with(&texts, &options).unwrap().embeddings;
        let expected = encoder.encode_with(&texts, &options).unwrap().embeddings;
        assert_close(&found, &expected, layout);
    }
}

#[test]
fn no_text_and_one_text_are_calls_too() {
    let encoder = load("random/bert-gelu");
    let pool = encoder.start_pool(&CPUS).unwrap();
    let nothing = pool.encode::<&str>(&[]).unwrap();
    assert_eq!((nothing.n_rows(), nothing.dimension()), (0, encoder.dimension()));
    let (found, expected) = (pool.encode(&["river"]).unwrap(), encoder.encode(&["river"]).unwrap());
    assert_close(&found, &expected, "one text");
}

#[test]
fn a_pool_keeps_the_limits_that_it_was_started_with() {
    let encoder = load("random/bert-gelu");
    let text = "river stone market winter garden engine silver letter window doctor";
    let whole = encoder.encode(&[text]).unwrap();
    let before = encoder.start_pool(&CPUS).unwrap();
    let encoder = encoder.with_max_seq_length(4).unwrap();
    let cut = encoder.encode(&[text]).unwrap();
    let mut pools = vec![vec![Device::Cpu]];
    pools.extend(devices::cpu().into_iter().map(|tested| vec![tested.device]));
    for devices in pools {
        let after = encoder.start_pool(&devices).unwrap();
        let found = after.encode_with(&[text], &EncodeOptions::default()).unwrap();
        assert_eq!(found.n_truncated, 1, "{devices:?}");
        assert_eq!(found.embeddings.indices(), cut.indices(), "{devices:?}");
    }
    assert_close(&before.encode(&[text]).unwrap(), &whole, "the pool from before");
}

#[test]
fn a_pool_serves_several_threads_and_outlives_the_encoder() {
    let encoder = load("random/bert-gelu");
    let expected = encoder.encode(&["river stone", "garden"]).unwrap();
    let pool = encoder.start_pool(&CPUS).unwrap();
    drop(encoder);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let found = pool.encode(&["river stone", "garden"]).unwrap();
                    assert_eq!(found.indices(), expected.indices());
                }
            });
        }
    });
}

#[test]
fn progress_rises_to_the_texts_of_the_call() {
    let encoder = load("random/bert-gelu");
    let texts: Vec<String> = (0..40).map(|i| "river ".repeat(i % 7)).collect();
    let pool = encoder.start_pool(&CPUS).unwrap();
    for pooled in [false, true] {
        let seen: Arc<Mutex<Vec<EncodeProgress>>> = Arc::default();
        let options = chunks_of(5).with_batch_size(count(3)).with_progress({
            let seen = Arc::clone(&seen);
            move |progress| seen.lock().unwrap().push(*progress)
        });
        let encoded = match pooled {
            false => encoder.encode_with(&texts, &options).unwrap(),
            true => pool.encode_with(&texts, &options).unwrap(),
        };
        let seen = seen.lock().unwrap();
        assert!(seen.len() >= 14, "{} calls", seen.len());
        assert!(seen.is_sorted_by(|a, b| a.n_texts < b.n_texts));
        assert!(seen.iter().all(|progress| progress.total_texts == 40));
        let last = seen.last().unwrap();
        assert_eq!((last.n_texts, last.n_tokens), (40, encoded.n_tokens));
    }
}

#[test]
fn a_pool_without_devices_is_refused() {
    let error = load("random/bert-gelu").start_pool(&[]).unwrap_err();
    assert!(matches!(error, SpladeError::NoDevices), "{error:?}");
}

#[test]
fn an_unknown_device_is_named_with_the_known_ones() {
    let error = "tpu".parse::<Device>().unwrap_err();
    assert!(matches!(error, SpladeError::UnknownDevice { .. }), "{error:?}");
    for named in ["`tpu`", "cpu", "flex", "auto"] {
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[test]
fn an_unknown_prompt_or_task_of_a_call_is_an_error_of_the_call() {
    let encoder = load("layouts/router-no-default");
    let pool = encoder.start_pool(&CPUS).unwrap();
    let texts = ["river"; 20];
    let no_prompt = EncodeOptions::query().with_prompt_name("nonsense");
    let error = pool.encode_with(&texts, &no_prompt).unwrap_err();
    assert!(matches!(error, SpladeError::UnknownPrompt { .. }), "{error:?}");
    let no_task = EncodeOptions::default().with_task("nonsense");
    let error = pool.encode_with(&texts, &no_task).unwrap_err();
    assert!(message(&error).contains("`nonsense`"), "{error:?}");
}

/// A checkpoint whose arithmetic fails on texts with one particular token.
fn breaks_on_river() -> (Folder, &'static str) {
    let folder = Folder::copy_of("random/bert-gelu");
    let id = splade_tokenizer::Tokenizer::load(folder.path()).unwrap().token_to_id("today");
    let row = id.expect("a token of the fixture") as usize;
    let folder = folder.weights(|weights| {
        let words = weights.get_mut("bert.embeddings.word_embeddings.weight").unwrap();
        let width = words.shape[1];
        for number in words.bytes[4 * row * width..4 * (row + 1) * width].chunks_exact_mut(4) {
            number.copy_from_slice(&3e38_f32.to_le_bytes());
        }
    });
    (folder, "today")
}

#[test]
fn a_failed_worker_is_an_error_with_device_chunk_and_text() {
    let (folder, word) = breaks_on_river();
    let encoder = folder.load().unwrap();
    let mut texts = vec!["garden"; 50];
    texts[33] = word;
    for n_workers in [1, 3] {
        let pool = encoder.start_pool(&vec![Device::Cpu; n_workers]).unwrap();
        let error = pool.encode_with(&texts, &chunks_of(4)).unwrap_err();
        let SpladeError::Worker { device, chunk, texts, source, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!((*chunk, texts.clone()), (8, 32..36));
        assert!(matches!(**source, SpladeError::NotFinite { text: 33, .. }), "{source:?}");
        let said = message(&error);
        for named in [device.as_str(), "chunk 8", "32 to 35", "text 33"] {
            assert!(said.contains(named), "`{named}` is not in: {said}");
        }
        // The pool still works for other texts.
        let expected = encoder.encode(&["garden"]).unwrap();
        assert_close(&pool.encode(&["garden"]).unwrap(), &expected, "after a failure");
    }
}
