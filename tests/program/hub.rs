//! Models by id, as users of the program name them, from a hub on loopback.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use server::{Files, Hub};

#[path = "../it/hub/server.rs"]
#[allow(dead_code, reason = "the library's tests use more of it")]
mod server;

const ID: &str = "owner/tiny";

fn files() -> Files {
    let folder = crate::run::fixture("random/bert-gelu");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let content = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    entries.map(content).collect()
}

/// The program in an empty folder, with an environment that only knows this hub.
fn command(endpoint: &str, home: &TempDir) -> Command {
    let mut command = crate::run::command();
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HF_") {
            command.env_remove(name);
        }
    }
    command.envs([("HF_ENDPOINT", endpoint)]).env("HF_HOME", home.path()).current_dir(home.path());
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn encodes(output: &Output) {
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("264 dimensions"), "{}", text(&output.stdout));
}

#[test]
fn a_model_is_fetched_once_and_then_found_offline() {
    let (hub, home) = (Hub::start(ID, files()), tempfile::tempdir().unwrap());
    let endpoint = hub.endpoint();
    let args = ["encode", "--model", ID, "river stone"];
    encodes(&command(&endpoint, &home).args(args).output().unwrap());
    assert!(home.path().join("hub/models--owner--tiny/refs/main").is_file());
    assert!(!hub.take_requests().is_empty());

    encodes(&command(&endpoint, &home).args(args).arg("--offline").output().unwrap());
    encodes(&command(&endpoint, &home).args(args).env("HF_HUB_OFFLINE", "1").output().unwrap());
    assert_eq!(hub.take_requests(), []);

    let elsewhere = tempfile::tempdir().unwrap();
    let cache = elsewhere.path().to_str().unwrap();
    let output =
        command(&endpoint, &home).args(args).args(["--cache-dir", cache]).output().unwrap();
    encodes(&output);
    assert!(elsewhere.path().join("models--owner--tiny").is_dir());
}

#[test]
fn the_token_of_the_environment_is_sent() {
    let (hub, home) = (Hub::start(ID, files()), tempfile::tempdir().unwrap());
    let mut command = command(&hub.endpoint(), &home);
    encodes(
        &command.args(["encode", "--model", ID, "x"]).env("HF_TOKEN", "hf_me").output().unwrap(),
    );
    let requests = hub.take_requests();
    let own = requests.iter().filter(|request| !request.path.starts_with("/cdn/"));
    let mut tokens = own.map(|request| request.authorization.as_deref());
    assert!(tokens.all(|token| token == Some("Bearer hf_me")), "{requests:?}");
}

#[test]
fn a_folder_of_that_name_wins() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("owner/tiny");
    fs::create_dir_all(&folder).unwrap();
    for (name, content) in files() {
        fs::write(folder.join(name), content).unwrap();
    }
    // Nothing listens on this port.
    let mut command = command("http://127.0.0.1:1", &home);
    encodes(&command.args(["encode", "--model", ID, "x"]).output().unwrap());
}

#[test]
fn a_model_or_revision_that_the_hub_has_not_is_named() {
    let (hub, home) = (Hub::start(ID, files()), tempfile::tempdir().unwrap());
    let run = |args: &[&str]| {
        let output = command(&hub.endpoint(), &home).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr).to_owned()
    };
    let error = run(&["info", "owner/other"]);
    assert!(
        error.contains("no folder `owner/other`") && error.contains(&hub.endpoint()),
        "{error}"
    );
    let error = run(&["info", "--revision", "v9", ID]);
    assert!(error.contains("no revision `v9`"), "{error}");
    let error = run(&["info", "--offline", ID]);
    assert!(error.contains("not in the cache"), "{error}");
    assert!(!Path::new(home.path()).join("hub/models--owner--tiny/refs").exists());
}

#[test]
fn a_folder_needs_no_token_and_one_that_cannot_be_read_is_named() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("token")).unwrap();
    let nowhere = "http://127.0.0.1:9";
    let folder = crate::run::fixture("random/bert-gelu");
    for more in [&[][..], &["--offline"]] {
        let mut command = command(nowhere, &home);
        encodes(
            &command.args(["encode", "-m", &folder, "river stone"]).args(more).output().unwrap(),
        );
    }
    let fails = |more: &[&str]| {
        let mut command = command(nowhere, &home);
        let output = command.args(["encode", "-m", ID, "river stone"]).args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr).to_owned()
    };
    let error = fails(&[]);
    assert!(error.contains("cannot read the token in") && error.contains("HF_TOKEN"), "{error}");
    assert!(!error.contains("there is no folder"), "{error}");
    // Offline, nothing is requested, so no token is read: the model is not in the cache.
    let error = fails(&["--offline"]);
    assert!(!error.contains("token") && error.contains(ID), "{error}");
}
