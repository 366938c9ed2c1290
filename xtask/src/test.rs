//! `cargo xtask test`: all tests on all backends, from a fresh machine on.

use std::{env, fs};

use anyhow::{Context, Result, ensure};

use crate::backends::ALL_FEATURES;
use crate::vulkan::{self, Driver};
use crate::{command, workspace};

/// With the value `require`, the wgpu suite fails where it finds no adapter, instead of
/// printing that it was skipped.
const TEST_WGPU: &str = "SPLADE_TEST_WGPU";
const REQUIRE: &str = "require";

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let driver = vulkan::ensure_driver();
    let required = env::var(TEST_WGPU).is_ok_and(|value| value == REQUIRE);
    ensure!(
        driver == Driver::Found || !required,
        "{TEST_WGPU}={REQUIRE}, but there is no Vulkan driver on this machine and none could be installed"
    );

    let mut test = command::cargo();
    test.args(["test", "--workspace", "--features", ALL_FEATURES]).args(arguments);
    if driver == Driver::Found && env::var_os("CI").is_some() {
        test.env(TEST_WGPU, REQUIRE);
    }
    let target = workspace::target_folder(&workspace::load_metadata()?);
    // Mesa complains on every start without the one; the other is where GPU kernels are kept, which
    // tests have no business to leave with the user.
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
