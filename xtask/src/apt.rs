//! Installs Debian packages that tests need, if that is possible without prompting.

use std::path::Path;
use std::process::Command;

use crate::command;

/// Installs packages; if that is impossible, prints a line saying that `what` is missing.
pub(crate) fn install(what: &str, packages: &[&str]) {
    let Some(prefix) = installer() else {
        eprintln!(
            "no {what}: its tests need one (Debian, Ubuntu: apt-get install {})",
            packages.join(" ")
        );
        return;
    };
    let install = ["install", "--yes", "--no-install-recommends"];
    for arguments in [&["update"][..], &[&install[..], packages].concat()] {
        let words: Vec<&str> = prefix
            .iter()
            .chain(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"])
            .chain(arguments)
            .copied()
            .collect();
        if let Err(error) = command::run(Command::new(words[0]).args(&words[1..])) {
            eprintln!("no {what} installed: {error:#}");
            return;
        }
    }
}

/// Makes the packages of another architecture known, if that is possible without prompting.
pub(crate) fn add_architecture(name: &str) {
    let Some(prefix) = installer() else { return };
    let words = [&prefix[..], &["dpkg", "--add-architecture", name]].concat();
    if let Err(error) = command::run(Command::new(words[0]).args(&words[1..])) {
        eprintln!("no packages for {name}: {error:#}");
    }
}

/// The prefix for `apt-get`: empty as root, sudo if it needs no password.
fn installer() -> Option<Vec<&'static str>> {
    if !Path::new("/etc/debian_version").exists() || !answers("apt-get", &["--version"]) {
        return None;
    }
    let user = command::read(Command::new("id").arg("-u")).ok()?;
    if user.trim() == "0" {
        return Some(Vec::new());
    }
    answers("sudo", &["-n", "true"]).then(|| vec!["sudo", "-n"])
}

fn answers(program: &str, arguments: &[&str]) -> bool {
    command::read(Command::new(program).args(arguments)).is_ok()
}
