//! Finds a headless browser for the tests of pages, or on Debian and Ubuntu installs one.

use std::env;
use std::path::{Path, PathBuf};

use crate::apt;

/// Browsers that the tests can use, the fastest first.
const NAMES: [&str; 4] = ["chromium-headless-shell", "chromium", "google-chrome", "chrome"];
/// Names a browser that is not on the path.
const CHROME: &str = "CHROME";
/// 100 MB, compared with 124 MB for all of Chromium.
const PACKAGE: &str = "chromium-headless-shell";

/// Looks for a browser, and installs one if that is possible without prompting. Having none is not
/// an error here: the tests of pages then report that they were skipped.
pub(crate) fn ensure_browser() -> bool {
    if !is_there() && cfg!(target_os = "linux") {
        apt::install("browser", &[PACKAGE]);
    }
    is_there()
}

fn is_there() -> bool {
    let folders = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>());
    let named = env::var_os(CHROME).map(PathBuf::from);
    named.is_some_and(|path| path.is_file()) || is_in(&folders.unwrap_or_default())
}

fn is_in(folders: &[impl AsRef<Path>]) -> bool {
    folders.iter().any(|folder| NAMES.iter().any(|name| folder.as_ref().join(name).is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_browser_has_none() {
        assert!(!is_in(&[env!("CARGO_MANIFEST_DIR")]));
        assert!(!is_in(&[] as &[&str]));
    }
}
