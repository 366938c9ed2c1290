//! A Vulkan driver for the wgpu tests: found, or on Debian and Ubuntu installed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::command;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Driver {
    Found,
    Missing,
}

/// Where the Vulkan loader looks for a driver's description.
const DRIVER_FOLDERS: [&str; 3] =
    ["/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/usr/share/vulkan/icd.d"];
/// Variables with which a user names drivers to the loader; the second is the older one.
const DRIVER_VARIABLES: [&str; 2] = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"];
/// The loader, and Mesa's drivers, one of which needs no GPU.
const PACKAGES: [&str; 2] = ["libvulkan1", "mesa-vulkan-drivers"];

/// Looks for a driver, and installs Mesa's where that can be done without asking. No driver is no
/// failure here: a line says so, and the wgpu suite then says that it was skipped.
pub(crate) fn ensure_driver() -> Driver {
    // Metal on macOS and DirectX 12 on Windows come with the system.
    if !cfg!(target_os = "linux") {
        return Driver::Found;
    }
    if look() == Driver::Missing {
        match installer() {
            Some(prefix) => install(&prefix),
            None => eprintln!(
                "no Vulkan driver: the wgpu tests need one (Debian, Ubuntu: apt-get install {})",
                PACKAGES.join(" ")
            ),
        }
    }
    look()
}

fn look() -> Driver {
    let named: Vec<PathBuf> = DRIVER_VARIABLES
        .iter()
        .filter_map(env::var_os)
        .flat_map(|list| env::split_paths(&list).collect::<Vec<_>>())
        .collect();
    find_driver(&named, &DRIVER_FOLDERS.map(Path::new))
}

/// A driver is a file that the user names, or a `.json` in one of the folders.
fn find_driver(named: &[PathBuf], folders: &[&Path]) -> Driver {
    let listed = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .any(|path| path.extension().is_some_and(|extension| extension == "json"));
    if listed || named.iter().any(|path| path.is_file()) { Driver::Found } else { Driver::Missing }
}

/// What to write before `apt-get`: nothing as root, sudo where it asks for no password.
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

fn install(prefix: &[&str]) {
    let install = ["install", "--yes", "--no-install-recommends"];
    for arguments in [&["update"][..], &[&install[..], &PACKAGES[..]].concat()] {
        let words: Vec<&str> = prefix
            .iter()
            .chain(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"])
            .chain(arguments)
            .copied()
            .collect();
        if let Err(error) = command::run(Command::new(words[0]).args(&words[1..])) {
            eprintln!("no Vulkan driver installed: {error:#}");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file and a folder of this crate stand in for a driver and a folder without one.
    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

    #[test]
    fn a_named_file_is_a_driver() {
        assert_eq!(find_driver(&[FILE.into()], &[]), Driver::Found);
    }

    #[test]
    fn a_folder_without_json_has_no_driver() {
        let missing = Path::new(FOLDER).join("missing");
        let folders = [Path::new(FOLDER), &missing];
        assert_eq!(find_driver(std::slice::from_ref(&missing), &folders), Driver::Missing);
    }
}
