//! `splade info`.

use crate::run::{fixture, splade, tiny};

#[test]
fn a_model_is_shown_with_modules_sizes_and_weights() {
    let ran = splade(&["info", &tiny()], b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for expected in
        ["bert, 2 layers x 128", "30,522", "512 tokens", "F32", "model.safetensors", "dot"]
    {
        assert!(ran.stdout.contains(expected), "no `{expected}` in\n{}", ran.stdout);
    }
}

#[test]
fn a_router_is_shown_by_its_routes() {
    let ran = splade(&["info", &fixture("layouts/router-prompts")], b"");
    for expected in ["Route query", "Route document, the default", "\"find: \"", "cosine"] {
        assert!(ran.stdout.contains(expected), "no `{expected}` in\n{}", ran.stdout);
    }
}

#[test]
fn it_is_json_where_that_is_asked_for() {
    let ran = splade(&["info", "--json", &fixture("layouts/csr-dense-tanh")], b"");
    let info: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(info["dimension"], 48);
    assert_eq!(info["max_active_dims"], 8);
    assert_eq!(info["routes"][0]["modules"][3]["class"], "SparseAutoEncoder");
}

#[test]
fn what_cannot_be_loaded_is_an_error() {
    let ran = splade(&["info", &fixture("random")], b"");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("config.json"), "{}", ran.stderr);
}
