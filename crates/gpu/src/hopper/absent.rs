//! Stands in for the kernel for Hopper cards in builds without CUDA.

use std::num::NonZeroUsize;

use burn_cubecl::CubeRuntime;
use burn_cubecl::tensor::CubeTensor;
use burn_std::DType;
use cubecl::server::Handle;
use splade_kernels::Activation;

use crate::product::Verdict;

/// Says that the kernel is not in this build.
///
/// # Errors
/// Always.
pub fn check_hopper<R: CubeRuntime>(
    _device: &R::Device,
    _dtype: DType,
    _remedy: &str,
) -> Result<Verdict, String> {
    Err("it runs only on `cuda`, which is not compiled in".to_owned())
}

/// Does nothing: there is nothing to refuse.
pub fn refuse_hopper<R: CubeRuntime>(_device: &R::Device, _dtype: DType, _why: String) {}

/// `None`: no check can fail.
pub fn hopper_refusal() -> Option<String> {
    None
}

/// `None`.
pub fn hopper_pass_tokens<R: CubeRuntime>(_device: &R::Device) -> Option<NonZeroUsize> {
    None
}

pub(crate) fn layer<R: CubeRuntime>(
    _x: &CubeTensor<R>,
    _weight: &CubeTensor<R>,
    _bias: Option<&CubeTensor<R>>,
    _activation: Activation,
) -> Option<CubeTensor<R>> {
    None
}

pub(crate) fn has_head<R: CubeRuntime>(_x: &CubeTensor<R>, _decoder: &CubeTensor<R>) -> bool {
    false
}

pub(crate) fn head<R: CubeRuntime>(
    _x: &CubeTensor<R>,
    _decoder: &CubeTensor<R>,
    _bias: &CubeTensor<R>,
    _text_of: Handle,
    _largest: &CubeTensor<R>,
) {
    // PROOF: `has_head` above is false, and callers ask it first.
    unreachable!();
}
