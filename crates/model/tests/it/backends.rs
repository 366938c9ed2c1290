//! The same suite, instantiated for each backend of this build.

use crate::suite::suite;

#[cfg(feature = "ndarray")]
suite!(ndarray: splade_model::NdArray, cases = 32, tolerance = 2e-5, available = || true);

#[cfg(feature = "flex")]
suite!(flex: splade_model::Flex, cases = 32, tolerance = 2e-5, available = || true);

// A software driver takes a tenth of a second per case, and compiles a shader for each shape.
#[cfg(feature = "wgpu")]
suite!(wgpu: splade_model::Wgpu, cases = 4, tolerance = 1e-4, available = wgpu_is_there);

/// Whether there is a GPU or a software driver; `SPLADE_TEST_WGPU=require` makes its absence a
/// failure.
#[cfg(feature = "wgpu")]
pub(crate) fn wgpu_is_there() -> bool {
    match splade_model::wgpu_adapters() {
        Ok(_) => true,
        Err(why) => {
            let required = std::env::var_os("SPLADE_TEST_WGPU").is_some_and(|v| v == "require");
            assert!(!required, "SPLADE_TEST_WGPU=require, but: {why}");
            eprintln!("skipped: {why}");
            false
        }
    }
}

#[cfg(feature = "cuda")]
suite!(cuda: splade_model::Cuda, cases = 32, tolerance = 1e-4, available = cuda_is_there);

/// Whether there is an NVIDIA card.
#[cfg(feature = "cuda")]
fn cuda_is_there() -> bool {
    let cards = splade_model::cuda_cards();
    cards.inspect_err(|why| eprintln!("skipped: {why}")).is_ok()
}
