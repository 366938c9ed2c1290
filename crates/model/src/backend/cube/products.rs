//! Which kernels multiply in 16 bits on a card: CubeCL's, or our own after a check.

use std::num::NonZeroUsize;

use burn_cubecl::CubeRuntime;
use splade_gpu::{Products, Verdict, check_hopper, hopper_pass_tokens, refuse_hopper};

use super::dtype_of;
use crate::{GpuProducts, ModelError, Precision};

/// What a user can do if the check of a kernel hangs.
const REMEDY: &str = "choose cubecl: --gpu-products cubecl, or SparseEncoderBuilder::gpu_products";

/// See [`SpladeBackend::settle_products`](crate::SpladeBackend::settle_products).
pub(super) fn settle<R: CubeRuntime>(
    chosen: GpuProducts,
    precision: Precision,
    device: &R::Device,
) -> Result<GpuProducts, ModelError> {
    decide(chosen, || match dtype_of(precision) {
        Some(dtype) => check_hopper::<R>(device, dtype, REMEDY),
        None => Err(format!("GPUs do not multiply in {precision}")),
    })
}

/// What to use of a choice. `check` gives the kernel's verdict, or the reason why the device does
/// not support it; it is called only if the answer depends on it.
fn decide(
    chosen: GpuProducts,
    check: impl FnOnce() -> Result<Verdict, String>,
) -> Result<GpuProducts, ModelError> {
    if chosen == GpuProducts::CubeCl {
        return Ok(GpuProducts::CubeCl);
    }
    match check() {
        Ok(Verdict::Proven { seconds }) => {
            tracing::info!(
                seconds,
                "products by the kernel for Hopper cards, which passed its check"
            );
            Ok(GpuProducts::Hopper)
        }
        Ok(Verdict::Refused { why }) => {
            tracing::warn!(why, "products by CubeCL: the kernel for Hopper cards failed its check");
            Ok(GpuProducts::CubeCl)
        }
        Err(why) if chosen == GpuProducts::Hopper => {
            Err(ModelError::GpuProducts { products: chosen, why })
        }
        Err(why) => {
            tracing::debug!(why, "products by CubeCL");
            Ok(GpuProducts::CubeCl)
        }
    }
}

/// See [`SpladeBackend::refuse_products`](crate::SpladeBackend::refuse_products).
pub(super) fn refuse<R: CubeRuntime>(precision: Precision, device: &R::Device, why: String) {
    if let Some(dtype) = dtype_of(precision) {
        refuse_hopper::<R>(device, dtype, why);
    }
}

/// See [`SpladeBackend::pass_tokens`](crate::SpladeBackend::pass_tokens).
pub(super) fn pass_tokens<R: CubeRuntime>(
    products: GpuProducts,
    device: &R::Device,
) -> Option<NonZeroUsize> {
    match products_of(products) {
        Products::Hopper => hopper_pass_tokens::<R>(device),
        Products::CubeCl => None,
    }
}

/// The kernels of a settled choice.
pub(super) fn products_of(settled: GpuProducts) -> Products {
    match settled {
        GpuProducts::Hopper => Products::Hopper,
        GpuProducts::CubeCl | GpuProducts::Auto => Products::CubeCl,
    }
}

#[cfg(test)]
mod tests {
    use GpuProducts::{Auto, CubeCl, Hopper};

    use super::*;

    #[test]
    fn a_kernel_that_passed_is_used_where_it_was_asked_for() {
        for chosen in [Hopper, Auto] {
            let decided = decide(chosen, || Ok(Verdict::Proven { seconds: 0.5 }));
            assert_eq!(decided.unwrap(), Hopper);
        }
        assert_eq!(decide(CubeCl, || panic!("not asked for")).unwrap(), CubeCl);
    }

    #[test]
    fn a_kernel_that_failed_is_replaced() {
        for chosen in [Hopper, Auto] {
            let decided = decide(chosen, || Ok(Verdict::Refused { why: "wrong".to_owned() }));
            assert_eq!(decided.unwrap(), CubeCl);
        }
    }

    #[test]
    fn a_device_without_the_kernel_is_an_error_only_if_it_was_chosen() {
        let absent = || Err("this card has 8.0".to_owned());
        assert_eq!(decide(Auto, absent).unwrap(), CubeCl);
        let error = decide(Hopper, absent).unwrap_err().to_string();
        let expected = "hopper products are not available on this device: this card has 8.0; choose cubecl, or auto";
        assert_eq!(error, expected);
    }
}
