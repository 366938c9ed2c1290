//! Every format of weight file gives the same model, and an incomplete folder gives an error.
#![cfg(any(feature = "ndarray", feature = "flex"))]

use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
#[cfg(not(feature = "ndarray"))]
use splade_model::Flex as Cpu;
#[cfg(feature = "ndarray")]
use splade_model::NdArray as Cpu;
use splade_model::{Checkpoint, ModelError, PackedTokens, Pooling, SpladeModel};
use tempfile::TempDir;

const SAFE_INDEX: &str = "model.safetensors.index.json";
const BIN_INDEX: &str = "pytorch_model.bin.index.json";

fn layout(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/layouts").join(name)
}

/// A copy of a layout, to break.
fn copy(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(layout(name)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

/// The layout with `from` in its index replaced by `to`.
fn with_index(name: &str, index: &str, from: &str, to: &str) -> TempDir {
    let folder = copy(name);
    let path = folder.path().join(index);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from));
    fs::write(&path, text.replace(from, to)).unwrap();
    folder
}

fn load(folder: &Path) -> Result<SpladeModel<Cpu>, ModelError> {
    SpladeModel::load(&Checkpoint::open(folder)?, &Default::default())
}

/// The rows of two texts, as bits.
fn rows(folder: &Path) -> Vec<u32> {
    let ids = [101, 17, 200, 263, 5, 102, 101, 33, 102];
    let tokens = PackedTokens::new(&ids, &[0, 0, 0, 1, 1, 1, 0, 0, 0], &[0, 6, 9]);
    let rows = load(folder).unwrap().forward_to_host(tokens, Pooling::default(), None).unwrap();
    rows.into_dense(264).into_iter().map(f32::to_bits).collect()
}

fn message(error: &ModelError) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[test]
fn every_form_gives_the_same_rows() {
    let expected = rows(&layout("plain"));
    assert!(expected.iter().any(|&bits| bits != 0));
    for name in ["plain-sharded", "plain-bin", "plain-bin-legacy", "plain-bin-sharded"] {
        assert_eq!(rows(&layout(name)), expected, "{name}");
    }
}

#[test]
fn the_files_of_an_index_are_its_shards() {
    let checkpoint = Checkpoint::open(&layout("plain-sharded")).unwrap();
    let names: Vec<_> =
        checkpoint.weight_files().iter().map(|file| file.file_name().unwrap()).collect();
    let expected = [1, 2, 3].map(|n| format!("model-0000{n}-of-00003.safetensors"));
    assert_eq!(names, expected.each_ref().map(AsRef::<std::ffi::OsStr>::as_ref));
}

#[test]
fn safetensors_go_before_pickles() {
    let folder = copy("plain");
    fs::write(folder.path().join("pytorch_model.bin"), "no such thing").unwrap();
    fs::write(folder.path().join(BIN_INDEX), "no such thing").unwrap();
    load(folder.path()).unwrap();

    let folder = copy("plain-sharded");
    fs::write(folder.path().join("pytorch_model.bin"), "no such thing").unwrap();
    load(folder.path()).unwrap();
}

#[test]
fn an_error_about_missing_weights_names_what_was_looked_for() {
    let folder = copy("plain");
    fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    let error = load(folder.path()).unwrap_err();
    assert!(matches!(error, ModelError::NoWeights { .. }));
    for name in ["model.safetensors,", SAFE_INDEX, "pytorch_model.bin ", BIN_INDEX] {
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_shard_outside_of_the_folder_is_refused() {
    let shard = "model-00002-of-00003.safetensors";
    for name in ["../x", "/etc/passwd", "a/b", "..", ""] {
        let folder = with_index("plain-sharded", SAFE_INDEX, shard, name);
        let error = load(folder.path()).unwrap_err();
        assert!(matches!(error, ModelError::ShardName { shard, .. } if shard == name));
    }
}

#[test]
fn a_missing_shard_is_named() {
    for (layout, shard) in [
        ("plain-sharded", "model-00002-of-00003.safetensors"),
        ("plain-bin-sharded", "pytorch_model-00002-of-00002.bin"),
    ] {
        let folder = copy(layout);
        fs::remove_file(folder.path().join(shard)).unwrap();
        let error = load(folder.path()).unwrap_err();
        assert!(message(&error).contains(shard), "{error}");
        assert!(matches!(error, ModelError::ShardMissing { .. }));
    }
}

#[test]
fn an_index_that_is_no_json_is_refused() {
    let folder = with_index("plain-sharded", SAFE_INDEX, "weight_map", "wait_map");
    assert!(matches!(load(folder.path()).unwrap_err(), ModelError::ParseIndex { .. }));
    fs::write(folder.path().join(SAFE_INDEX), "PK").unwrap();
    assert!(matches!(load(folder.path()).unwrap_err(), ModelError::ParseIndex { .. }));
}

#[test]
fn a_shard_has_exactly_the_weights_that_the_index_says() {
    let (name, bias) = ("bert.embeddings.LayerNorm.weight", "bert.embeddings.LayerNorm.bias");
    // Listed in a shard other than the one that has it.
    let line = |shard| format!("\"{name}\": \"pytorch_model-0000{shard}-of-00002.bin\"");
    let folder = with_index("plain-bin-sharded", BIN_INDEX, &line(2), &line(1));
    let error = load(folder.path()).unwrap_err();
    assert!(matches!(error, ModelError::ShardLacks { name: found, .. } if found == name));
    // Not listed at all.
    let line = format!("\"{bias}\": \"pytorch_model-00001-of-00002.bin\",");
    let folder = with_index("plain-bin-sharded", BIN_INDEX, &line, "");
    let error = load(folder.path()).unwrap_err();
    assert!(matches!(error, ModelError::ShardUnlisted { name: found, .. } if found == bias));
}

#[test]
fn a_file_that_would_run_code_is_refused_by_the_name_of_the_function() {
    let folder = copy("plain-bin");
    let path = folder.path().join("pytorch_model.bin");
    let mut file = fs::read(&path).unwrap();
    // The archive's pickle starts with PROTO 2 and may end anywhere.
    let call = b"cos\nsystem\nX\x02\0\0\0id\x85R.";
    let start = file.windows(4).position(|bytes| bytes == b"\x80\x02cc").unwrap() + 2;
    file[start..start + call.len()].copy_from_slice(call);
    fs::write(&path, file).unwrap();
    let text = message(&load(folder.path()).unwrap_err());
    assert!(text.ends_with("pickle global `os.system` is refused: it could run code"), "{text}");
}

#[test]
fn weight_files_that_are_cut_short_are_refused() {
    for (layout, name) in [
        ("plain", "model.safetensors"),
        ("plain-sharded", "model-00003-of-00003.safetensors"),
        ("plain-bin", "pytorch_model.bin"),
        ("plain-bin-legacy", "pytorch_model.bin"),
        ("plain-bin-sharded", "pytorch_model-00001-of-00002.bin"),
    ] {
        let folder = copy(layout);
        let path = folder.path().join(name);
        let file = fs::read(&path).unwrap();
        for length in [0, 1, 7, 8, 100, file.len() / 2, file.len() - 1] {
            fs::write(&path, &file[..length]).unwrap();
            assert!(load(folder.path()).is_err(), "{layout} cut to {length}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn changed_bytes_of_an_index_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        kept in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let folder = copy("plain-sharded");
        let path = folder.path().join(SAFE_INDEX);
        let mut index = fs::read(&path).unwrap();
        for (at, byte) in changes {
            let at = at.index(index.len());
            index[at] = byte;
        }
        if is_cut {
            index.truncate(kept.index(index.len()));
        }
        fs::write(&path, index).unwrap();
        let _ = load(folder.path());
    }
}
