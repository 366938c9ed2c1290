//! Every example runs, and prints what its documentation promises.

use std::path::PathBuf;
use std::process::Command;

/// The output of an example. `cargo test` builds the examples beside the tests.
fn output_of(example: &str) -> String {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.set_file_name("examples");
    path.push(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.is_file(),
        "{} is not built: `cargo test --workspace` builds it, `--test it` alone does not",
        path.display()
    );
    let output = Command::new(&path).output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    assert!(output.status.success(), "{example}: {}", err.unwrap());
    out.unwrap()
}

fn assert_prints(example: &str, expected: &[&str]) {
    let output = output_of(example);
    for part in expected {
        assert!(output.contains(part), "{example}: no `{part}` in\n{output}");
    }
}

#[test]
fn quickstart() {
    assert_prints("quickstart", &["3 x 30522", "39.7253", "7.1662", "\"today\"", "29.0 active"]);
}

#[test]
fn load() {
    let expected = ["dimension 30522", "cut to 256 tokens", "maximum", "f32", "no/such-model"];
    assert_prints("load", &expected);
}

#[test]
fn similarity() {
    assert_prints("similarity", &["dot", "7.1662", "cosine", "euclidean", "manhattan", "outside"]);
}

#[test]
fn limits() {
    let expected = ["tokens: Some(512)", "[\"[CLS]\", \"the\"", "limited: 32.0 active", "% less"];
    assert_prints("limits", &expected);
}

#[test]
fn many_devices() {
    assert_prints("many_devices", &["2 workers", "1000 of 1000", "1000 rows in order"]);
}

#[test]
fn threads_and_tokens() {
    let expected = [
        "cut to 16: 2 of 2",
        "pairs: [CLS] the weather is lovely today. [SEP] it's so sunny outside! [SEP]",
        "requests of 3 clients in one batch: [8, 4, 16] weights",
        "cancelled after",
        "\"weather\" is 4633 of 30522",
    ];
    assert_prints("threads_and_tokens", &expected);
}

#[test]
fn queries_and_documents() {
    assert_prints("queries_and_documents", &["bytes of documents", "1.8524  It's so sunny"]);
}

#[test]
fn conversions() {
    assert_prints("conversions", &["sprs", "triplet", "scipy", "\"indices\"", "\"today\""]);
}

#[test]
#[cfg(all(feature = "corpus", feature = "index", feature = "evaluate"))]
fn corpus_to_answers() {
    let expected = ["21 documents in 3 parts", "an index of", "for `", "nDCG@10 0.97"];
    assert_prints("corpus_to_answers", &expected);
}

#[test]
#[cfg(feature = "export")]
fn engines() {
    assert_prints("engines", &["qdrant: setup", "pgvector: setup", "a page of"]);
}

/// Each backend of this build that the machine supports.
#[test]
fn backends() {
    let expected = ["The weather is lovely today.", "\"today\", 2.5437", "\"sunny\""];
    if cfg!(feature = "ndarray") {
        assert_prints("backend_ndarray", &expected);
    }
    if cfg!(feature = "flex") {
        assert_prints("backend_flex", &expected);
    }
    if let Some(tested) = crate::devices::wgpu() {
        assert_prints("backend_wgpu", &expected[..1]);
        if cfg!(feature = "vulkan") {
            assert_prints("backend_vulkan", &expected[..1]);
        }
        eprintln!("ran on {}", tested.device);
    }
    if crate::devices::cuda().is_some() {
        assert_prints("backend_cuda", &expected[..1]);
    }
}
