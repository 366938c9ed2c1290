//! Finds a Vulkan driver for the wgpu tests, or on Debian and Ubuntu installs one.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::apt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Driver {
    Found,
    Missing,
}

/// Where the Vulkan loader looks for a driver's description.
const DRIVER_FOLDERS: [&str; 3] =
    ["/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/usr/share/vulkan/icd.d"];
/// Variables with which users name drivers to the loader; the second is the older one.
const DRIVER_VARIABLES: [&str; 2] = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"];
/// The loader, and Mesa's drivers, one of which needs no GPU.
const PACKAGES: [&str; 2] = ["libvulkan1", "mesa-vulkan-drivers"];

/// Looks for a driver, and installs Mesa's if that is possible without prompting. Having none is
/// not an error here: a line says so, and the wgpu suite then reports that it was skipped.
pub(crate) fn ensure_driver() -> Driver {
    // Metal on macOS and DirectX 12 on Windows come with the system.
    if !cfg!(target_os = "linux") {
        return Driver::Found;
    }
    if look() == Driver::Missing {
        apt::install("Vulkan driver", &PACKAGES);
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
