//! `cargo xtask test`: all tests on all backends, also on a fresh machine.

use std::{env, fs};

use anyhow::{Context, Result, ensure};

use crate::backends::ALL_FEATURES;
use crate::vulkan::{self, Driver};
use crate::{browser, command, workspace};

/// If set to `require`, the wgpu suite fails without an adapter instead of reporting that it was
/// skipped.
const TEST_WGPU: &str = "SPLADE_TEST_WGPU";
/// The same for the tests of pages in a browser.
const TEST_CHROMIUM: &str = "SPLADE_TEST_CHROMIUM";
const REQUIRE: &str = "require";

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let driver = vulkan::ensure_driver();
    ensure!(
        driver == Driver::Found || !is_required(TEST_WGPU),
        "{TEST_WGPU}={REQUIRE}, but there is no Vulkan driver on this machine and none could be installed"
    );

    let has_browser = browser::ensure_browser();
    ensure!(
        has_browser || !is_required(TEST_CHROMIUM),
        "{TEST_CHROMIUM}={REQUIRE}, but there is no Chromium on this machine and none could be installed"
    );

    let mut test = command::cargo();
    test.args(["test", "--workspace", "--features", ALL_FEATURES]).args(arguments);
    if driver == Driver::Found && env::var_os("CI").is_some() {
        test.env(TEST_WGPU, REQUIRE);
    }
    if has_browser && env::var_os("CI").is_some() {
        test.env(TEST_CHROMIUM, REQUIRE);
    }
    let target = workspace::target_folder(&workspace::load_metadata()?);
    // Without the first, Mesa complains on every start; the second is the folder of compiled GPU
    // kernels, which tests should not leave with the user.
    for (variable, name) in [("XDG_RUNTIME_DIR", "xdg-runtime"), ("XDG_CACHE_HOME", "xdg-cache")] {
        if env::var_os(variable).is_none() {
            let folder = target.join(name);
            fs::create_dir_all(&folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
            test.env(variable, folder);
        }
    }
    command::run(&mut test)
}

fn is_required(variable: &str) -> bool {
    env::var(variable).is_ok_and(|value| value == REQUIRE)
}
