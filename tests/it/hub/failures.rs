//! What a hub may refuse, lack or interrupt, and how it is reported.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;

use splade::hub::HubError;
use splade::hub::{HubOptions, fetch};

use super::server::Fault;
use super::{ID, Setup, add, contents_asked, plain, read_below, sharded};

/// The error and its causes in one line.
fn chain(error: &HubError) -> String {
    let mut line = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        line += &format!(": {cause}");
        source = cause.source();
    }
    line
}

macro_rules! assert_error {
    ($result:expr, $pattern:pat, $($part:expr),+) => {{
        let error = $result.unwrap_err();
        let line = chain(&error);
        assert!(matches!(error, $pattern), "{error:?}");
        $(assert!(line.contains($part), "`{line}` does not say `{}`", $part);)+
    }};
}

#[test]
fn a_private_model_asks_for_a_token() {
    let setup = Setup::new(plain());
    setup.hub.change(|hub| hub.refusal = Some((401, "", "Invalid username or password.")));
    assert_error!(
        setup.fetch(),
        HubError::ModelRefused { status: 401, .. },
        ID,
        "token",
        "Invalid username"
    );
}

#[test]
fn a_gated_model_says_where_to_accept() {
    let setup = Setup::new(plain());
    // The listing of a gated model is public, but its files are not.
    setup.hub.change(|hub| hub.gated = Some("GatedRepo"));
    let page = format!("{}/{ID}", setup.hub.endpoint());
    assert_error!(setup.fetch(), HubError::ModelGated { .. }, &page, "accept", "token");
}

#[test]
fn a_model_that_does_not_exist_is_named() {
    let setup = Setup::new(plain());
    assert_error!(
        fetch("owner/other", &setup.options()),
        HubError::ModelNotFound { .. },
        "owner/other",
        &setup.hub.endpoint()
    );
}

#[test]
fn a_revision_that_does_not_exist_is_named() {
    let setup = Setup::new(plain());
    let options = setup.options().with_revision("v9");
    assert_error!(fetch(ID, &options), HubError::RevisionNotFound { .. }, ID, "`v9`");
}

#[test]
fn a_repository_without_weights_is_refused_before_anything_large() {
    let mut files = plain();
    files.remove("model.safetensors");
    add(&mut files, &["model.gguf"]);
    let setup = Setup::new(files);
    assert_error!(setup.fetch(), HubError::NoWeightsOnHub { .. }, ID, "model.safetensors");
    assert!(contents_asked(&setup.hub.take_requests()).is_empty());
}

#[test]
fn a_shard_that_is_missing_is_named() {
    let mut files = sharded();
    files.remove("model-00002-of-00002.safetensors");
    let setup = Setup::new(files);
    assert_error!(setup.fetch(), HubError::ShardNotOnHub { .. }, ID, "model-00002-of-00002");
}

#[test]
fn an_index_cannot_name_files_outside() {
    let mut files = sharded();
    let index = br#"{"weight_map": {"w": "../../../escaped.safetensors"}}"#;
    files.insert("model.safetensors.index.json".to_owned(), index.to_vec());
    let setup = Setup::new(files);
    assert_error!(setup.fetch(), HubError::Path { .. }, ID, "index.json", "escaped");
}

#[test]
fn ids_and_options_that_cannot_be_ask_nothing() {
    let setup = Setup::new(plain());
    assert_error!(
        fetch("a/b/c", &setup.options()),
        HubError::InvalidModelId { .. },
        "a/b/c",
        "slash"
    );
    for options in [
        setup.options().with_revision("../main"),
        setup.options().with_token("hf_secret\n"),
        setup.options().with_endpoint("huggingface.co"),
    ] {
        let error = fetch(ID, &options).unwrap_err();
        assert!(matches!(error, HubError::InvalidOption { .. }), "{error:?}");
        assert!(!error.to_string().contains("secret"));
    }
    assert_eq!(setup.hub.take_requests(), []);
}

#[test]
fn a_hub_that_cannot_be_reached_is_named() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{address}");
    let options =
        HubOptions::default().with_endpoint(endpoint.clone()).with_cache_dir(cache.path());
    assert_error!(
        fetch(ID, &options),
        HubError::Unreachable { .. },
        ID,
        &endpoint,
        "offline",
        "refused"
    );
}

#[test]
fn a_connection_that_breaks_off_leaves_no_file_that_looks_whole() {
    let setup = Setup::new(plain());
    setup.hub.change(|hub| hub.faults.push_back(Fault::Broken));
    assert_error!(setup.fetch(), HubError::Download { .. }, ID, "model.safetensors", "try again");
    assert_error!(setup.find_offline(), HubError::ModelNotCached { .. }, ID);
    setup.hub.take_requests();

    assert_eq!(read_below(&setup.fetch().unwrap()), plain());
    let asked = contents_asked(&setup.hub.take_requests());
    assert_eq!(asked, BTreeSet::from(["model.safetensors".to_owned()]));
}

#[test]
fn a_file_of_the_wrong_size_is_asked_for_again() {
    for fault in [Fault::Cut, Fault::ErrorPage] {
        let setup = Setup::new(plain());
        setup.hub.change(|hub| hub.faults.push_back(fault));
        assert_eq!(read_below(&setup.fetch().unwrap()), plain(), "{fault:?}");
    }
}

#[test]
fn a_file_of_the_wrong_size_is_not_kept() {
    for fault in [Fault::Cut, Fault::ErrorPage] {
        let setup = Setup::new(plain());
        setup.hub.change(|hub| hub.faults.extend([fault; 2]));
        assert_error!(setup.fetch(), HubError::FileSize { .. }, ID, "model.safetensors");
        assert_error!(setup.find_offline(), HubError::ModelNotCached { .. }, ID);
        assert_eq!(read_below(&setup.fetch().unwrap()), plain(), "{fault:?}");
    }
}

#[test]
fn offline_says_what_is_not_in_the_cache() {
    let setup = Setup::new(sharded());
    assert_error!(setup.find_offline(), HubError::ModelNotCached { .. }, ID, "main");

    let folder = setup.fetch().unwrap();
    let other = setup.options().with_offline().with_revision("v9");
    assert_error!(fetch(ID, &other), HubError::ModelNotCached { .. }, ID, "v9");
    for file in ["model-00001-of-00002.safetensors", "model.safetensors.index.json", "config.json"]
    {
        let hidden = folder.join(format!("{file}.hidden"));
        fs::rename(folder.join(file), &hidden).unwrap();
        let said = if file == "model.safetensors.index.json" { "model.safetensors" } else { file };
        let said = format!("`{said}`");
        assert_error!(setup.find_offline(), HubError::FileNotCached { .. }, ID, &said);
        fs::rename(&hidden, folder.join(file)).unwrap();
    }
}
