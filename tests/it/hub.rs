//! Models from the hub, through the real client, from a hub on loopback.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use safetensors::SafeTensors;
use splade::SparseEncoder;
use splade::hub::{DownloadProgress, HubError, HubOptions, fetch};
use tempfile::TempDir;

use crate::warnings::warnings;
use server::{Files, Hub, Request, commit};

mod failures;
mod server;

const ID: &str = "owner/tiny";

/// A hub with one model, and an empty cache.
struct Setup {
    hub: Hub,
    cache: TempDir,
}

impl Setup {
    fn new(files: Files) -> Self {
        Self { hub: Hub::start(ID, files), cache: tempfile::tempdir().unwrap() }
    }

    fn options(&self) -> HubOptions {
        HubOptions::default().with_endpoint(self.hub.endpoint()).with_cache_dir(self.cache.path())
    }

    fn fetch(&self) -> Result<PathBuf, HubError> {
        fetch(ID, &self.options())
    }

    fn find_offline(&self) -> Result<PathBuf, HubError> {
        fetch(ID, &self.options().with_offline())
    }
}

fn fixture(name: &str) -> Files {
    let folder = crate::golden::fixture(name);
    read_below(&folder)
}

fn read_below(folder: &Path) -> Files {
    let mut files = Files::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            let inner = read_below(&path);
            files.extend(
                inner.into_iter().map(|(file, content)| (format!("{name}/{file}"), content)),
            );
        } else {
            files.insert(name, fs::read(&path).unwrap());
        }
    }
    files
}

fn plain() -> Files {
    fixture("random/bert-gelu")
}

/// The plain model with its weights in two shards.
fn sharded() -> Files {
    let mut files = plain();
    let whole = files.remove("model.safetensors").unwrap();
    let tensors = SafeTensors::deserialize(&whole).unwrap().tensors();
    let (first, second) = tensors.split_at(tensors.len() / 2);
    let mut weight_map = serde_json::Map::new();
    for (i, part) in [first, second].into_iter().enumerate() {
        let file = format!("model-0000{}-of-00002.safetensors", i + 1);
        for (name, _) in part {
            weight_map.insert(name.clone(), file.clone().into());
        }
        files.insert(file, safetensors::serialize(part.to_vec(), None).unwrap());
    }
    let index = serde_json::json!({"metadata": {}, "weight_map": weight_map});
    files.insert("model.safetensors.index.json".to_owned(), index.to_string().into_bytes());
    files
}

fn add(files: &mut Files, names: &[&str]) {
    files.extend(names.iter().map(|name| ((*name).to_owned(), b"{}".to_vec())));
}

/// The files whose contents were requested.
fn contents_asked(requests: &[Request]) -> BTreeSet<String> {
    let resolve = format!("/{ID}/resolve/");
    requests
        .iter()
        .filter(|request| request.method == "GET")
        .filter_map(|request| request.path.strip_prefix(&resolve)?.split_once('/'))
        .map(|(_, file)| file.to_owned())
        .collect()
}

fn names(files: &Files) -> BTreeSet<String> {
    files.keys().cloned().collect()
}

#[test]
fn a_model_that_was_brought_can_be_loaded() {
    let setup = Setup::new(plain());
    let folder = setup.fetch().unwrap();
    assert_eq!(read_below(&folder), plain());
    let texts = ["a text"];
    let expected = SparseEncoder::load(crate::golden::fixture("random/bert-gelu")).unwrap();
    assert_eq!(
        SparseEncoder::load(folder).unwrap().encode(&texts).unwrap(),
        expected.encode(&texts).unwrap()
    );
}

#[test]
fn only_what_an_encoder_needs_is_asked_for() {
    let needed = fixture("random/st-max-log1p");
    let mut files = needed.clone();
    add(
        &mut files,
        &[
            ".gitattributes",
            "README.md",
            "pytorch_model.bin",
            "training_args.bin",
            "onnx/config.json",
            "onnx/model.onnx",
            "openvino/openvino_model.bin",
            "checkpoint-10/config.json",
            "checkpoint-10/model.safetensors",
            "1_SpladePooling/README.md",
        ],
    );
    let setup = Setup::new(files);
    let folder = setup.fetch().unwrap();
    assert_eq!(contents_asked(&setup.hub.take_requests()), names(&needed));
    assert_eq!(read_below(&folder), needed);
}

#[test]
fn shards_are_those_of_the_index() {
    let needed = sharded();
    let mut files = needed.clone();
    add(&mut files, &["model-00003-of-00003.safetensors", "pytorch_model.bin"]);
    let setup = Setup::new(files);
    let folder = setup.fetch().unwrap();
    assert_eq!(contents_asked(&setup.hub.take_requests()), names(&needed));
    assert_eq!(read_below(&folder), needed);
}

#[test]
fn a_bin_is_brought_where_there_is_no_safetensors() {
    let mut files = plain();
    let weights = files.remove("model.safetensors").unwrap();
    files.insert("pytorch_model.bin".to_owned(), weights);
    let setup = Setup::new(files.clone());
    assert_eq!(read_below(&setup.fetch().unwrap()), files);
}

#[test]
fn what_is_in_the_cache_is_not_brought_again() {
    let setup = Setup::new(plain());
    let first = setup.fetch().unwrap();
    setup.hub.take_requests();
    assert_eq!(setup.fetch().unwrap(), first);
    let again = setup.hub.take_requests();
    assert!(again.iter().all(|request| request.path.starts_with("/api/")), "{again:?}");
}

#[test]
fn a_revision_has_its_own_files() {
    let setup = Setup::new(plain());
    let mut other = plain();
    other.insert("config.json".to_owned(), b"{\"other\": 1}".to_vec());
    setup
        .hub
        .change(|hub| hub.revisions.push(("refs/pr/1".to_owned(), commit('b'), other.clone())));

    let main = setup.fetch().unwrap();
    setup.hub.take_requests();
    let branch = fetch(ID, &setup.options().with_revision("refs/pr/1")).unwrap();
    // Blobs that both revisions share are stored once.
    let asked = contents_asked(&setup.hub.take_requests());
    assert_eq!(asked, BTreeSet::from(["config.json".to_owned()]));
    let by_commit = fetch(ID, &setup.options().with_revision(commit('b'))).unwrap();
    assert_eq!((read_below(&main), read_below(&branch)), (plain(), other));
    assert_eq!(branch, by_commit);
    for (revision, folder) in [("main", &main), ("refs/pr/1", &branch), (&*commit('b'), &branch)] {
        let offline = setup.options().with_offline().with_revision(revision);
        assert_eq!(&fetch(ID, &offline).unwrap(), folder);
    }
}

#[test]
fn a_branch_that_moved_is_followed() {
    let setup = Setup::new(plain());
    let old = setup.fetch().unwrap();
    setup.hub.change(|hub| hub.revisions[0].1 = commit('c'));
    assert_eq!(setup.find_offline().unwrap(), old);
    let new = setup.fetch().unwrap();
    assert_ne!(new, old);
    assert_eq!(setup.find_offline().unwrap(), new);
}

#[test]
fn a_name_without_owner_is_looked_for_among_the_sparse_encoders() {
    let setup = Setup::new(plain());
    setup.hub.change(|hub| hub.id = "sparse-encoder/tiny".to_owned());
    fetch("tiny", &setup.options()).unwrap();
}

#[test]
fn the_token_goes_to_the_hub_and_not_where_it_redirects_to() {
    let setup = Setup::new(plain());
    fetch(ID, &setup.options().with_token("hf_secret")).unwrap();
    let requests = setup.hub.take_requests();
    let (cdn, hub): (Vec<_>, Vec<_>) =
        requests.into_iter().partition(|request| request.path.starts_with("/cdn/"));
    assert!(!cdn.is_empty() && cdn.iter().all(|request| request.authorization.is_none()));
    assert!(hub.iter().all(|r| r.authorization.as_deref() == Some("Bearer hf_secret")), "{hub:?}");
    assert!(!format!("{:?}", setup.options().with_token("hf_secret")).contains("secret"));
}

/// Runs itself again in an environment that would redirect it if it were read.
#[test]
fn the_environment_is_not_read() {
    const CHILD: &str = "SPLADE_TEST_HUB_CHILD";
    if std::env::var_os(CHILD).is_none() {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "hub::the_environment_is_not_read", "--nocapture"])
            .envs([(CHILD, "1"), ("HF_TOKEN", "hf_secret"), ("HF_ENDPOINT", "http://127.0.0.1:1")])
            .envs([("HF_HUB_CACHE", "/dev/null"), ("HF_HOME", "/dev/null")])
            .env("HF_HUB_USER_AGENT_ORIGIN", "elsewhere")
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && out.contains("1 passed"), "{out}");
        return;
    }
    let setup = Setup::new(plain());
    setup.fetch().unwrap();
    for request in setup.hub.take_requests() {
        assert_eq!(request.authorization, None, "{request:?}");
        let user_agent = request.user_agent.unwrap();
        assert!(user_agent.starts_with("splade/") && !user_agent.contains("elsewhere"));
    }
}

#[test]
fn a_file_that_was_cut_in_the_cache_is_brought_again() {
    let setup = Setup::new(plain());
    let weights = setup.fetch().unwrap().join("model.safetensors");
    let blob = fs::canonicalize(&weights).unwrap();
    for unlink in [false, true] {
        fs::write(&blob, b"half").unwrap();
        if unlink {
            fs::remove_file(&weights).unwrap();
        }
        assert_eq!(read_below(&setup.fetch().unwrap()), plain(), "unlink: {unlink}");
    }
}

#[test]
fn offline_finds_what_was_brought_and_asks_nothing() {
    let setup = Setup::new(sharded());
    let folder = setup.fetch().unwrap();
    setup.hub.take_requests();
    assert_eq!(setup.find_offline().unwrap(), folder);
    assert_eq!(setup.hub.take_requests(), []);
}

#[test]
fn offline_tells_what_a_snapshot_of_others_may_lack() {
    let mut files = plain();
    add(&mut files, &["special_tokens_map.json"]);
    let setup = Setup::new(files);
    let folder = setup.fetch().unwrap();
    let offline = || warnings(|| setup.find_offline().unwrap());
    assert_eq!(offline(), (Vec::new(), folder.clone()));

    // As an older version fetched it, without a record.
    fs::remove_file(folder.join("special_tokens_map.json")).unwrap();
    let records = folder.join("../../.no_exist").join(commit('a'));
    assert!(records.join("added_tokens.json").is_file());
    fs::remove_dir_all(folder.join("../../.no_exist")).unwrap();
    let (told, found) = offline();
    assert_eq!((told.len(), found), (1, folder.clone()));
    for file in ["special_tokens_map.json", "added_tokens.json", "adapter_config.json"] {
        assert!(told[0].contains(file), "{told:?}");
    }
    assert!(!told[0].contains("tokenizer_config.json"), "{told:?}");

    // As Python fetches it: as a whole, or file by file.
    fs::write(folder.join(".gitattributes"), "").unwrap();
    assert_eq!(offline().0, Vec::<String>::new());
    fs::remove_file(folder.join(".gitattributes")).unwrap();
    fs::create_dir_all(&records).unwrap();
    fs::write(records.join("added_tokens.json"), "").unwrap();
    assert!(!offline().0[0].contains("added_tokens.json"));

    // Once fetched online, nothing is reported.
    setup.fetch().unwrap();
    assert_eq!(offline().0, Vec::<String>::new());
    assert!(folder.join("special_tokens_map.json").is_file());
}

#[test]
fn progress_rises_to_the_bytes_of_all_files() {
    let files = fixture("random/st-max-log1p");
    let setup = Setup::new(files.clone());
    let seen: Arc<Mutex<Vec<DownloadProgress>>> = Arc::default();
    let options = setup.options().with_progress({
        let seen = Arc::clone(&seen);
        move |progress| seen.lock().unwrap().push(progress.clone())
    });
    fetch(ID, &options).unwrap();

    let first = std::mem::take(&mut *seen.lock().unwrap());
    assert!(first.is_sorted_by_key(|progress| progress.n_bytes));
    let last = first.last().unwrap();
    assert_eq!(last.file, "model.safetensors");
    assert_eq!(last.n_bytes, last.total_bytes);
    // modules.json has already been read to find out what else is needed.
    let total: usize = files
        .iter()
        .filter(|(file, _)| *file != "modules.json")
        .map(|(_, content)| content.len())
        .sum();
    assert_eq!(last.total_bytes, total as u64);

    fetch(ID, &options).unwrap();
    assert_eq!(*seen.lock().unwrap(), []);
}
