//! Products on the matrix units of a Hopper card, by a kernel in CUDA C++ (`hopper/kernel.cu`) that
//! CubeCL compiles and launches like its own. CubeCL 0.10 does not know these units (`wgmma`), and
//! reaches a quarter of their speed.
//!
//! It is used only after a [`check`] on the card, and only where it was asked for: docs/gpu.md.

mod check;
mod launch;
mod schedule;
mod sizes;
mod text;
mod trials;

#[cfg(test)]
mod gelu;
#[cfg(test)]
mod pieces;
#[cfg(test)]
mod pipeline;

use std::num::NonZeroUsize;
use std::time::Duration;

use burn_cubecl::CubeRuntime;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_std::DType;
use cubecl::client::ComputeClient;
use cubecl::device::Device;
use cubecl::server::Handle;
use splade_kernels::Activation;

use self::check::Ledger;
use self::launch::{cuda_client, number_of};
use self::schedule::Schedule;
use self::sizes::{Epilogue, Number, Variant};
use crate::activate::add_bias;
use crate::cards::cuda::capability;
use crate::launch::{dims, empty_like, is_f32};
use crate::product::Verdict;

/// The only compute capability with these instructions: later ones have others in their place.
const CAPABILITY: (u32, u32) = (9, 0);
/// What a check may take: kernels may have to be compiled, on a machine that has other work.
const DEADLINE: Duration = Duration::from_secs(120);

/// What the checks of this process found, by card and type.
static LEDGER: Ledger<(u16, Number)> = Ledger::new();

/// Why a device cannot run the kernel in a type; `None` if it can.
fn unsupported<R: CubeRuntime>(device: &R::Device, dtype: DType) -> Option<String> {
    // Before a client is made, since that starts the device.
    if std::any::TypeId::of::<R>() != std::any::TypeId::of::<cubecl::cuda::CudaRuntime>() {
        return Some("it runs only on `cuda`".to_owned());
    }
    if number_of(dtype).is_none() {
        return Some("it multiplies only f16 and bf16: choose one of them as precision".to_owned());
    }
    match capability(device.to_id().index_id.into()) {
        Ok(CAPABILITY) => None,
        Ok((major, minor)) => Some(format!(
            "it runs only on cards of compute capability 9.0 (H100, H200), and this one has {major}.{minor}"
        )),
        Err(why) => Some(why),
    }
}

/// Computes each kind of product once by the kernel and once by CubeCL's, the first time in a
/// process, and says whether the results were the same. If a kernel hangs, it ends the process
/// after two minutes; `remedy` tells the user how to do without it.
///
/// # Errors
/// A sentence about why the device cannot run the kernel in this type.
pub fn check_hopper<R: CubeRuntime>(
    device: &R::Device,
    dtype: DType,
    remedy: &str,
) -> Result<Verdict, String> {
    if let Some(why) = unsupported::<R>(device, dtype) {
        return Err(why);
    }
    let number = number_of(dtype).expect("it is a supported type");
    let check = || {
        let trials = trials::all::<R>(device, dtype);
        check::check(&trials, DEADLINE, |trial| end_process(trial, remedy))
    };
    Ok(LEDGER.settle((device.to_id().index_id, number), check))
}

/// Refuses the kernel for the rest of the process: something outside of [`check_hopper`] failed
/// because of it.
pub fn refuse_hopper<R: CubeRuntime>(device: &R::Device, dtype: DType, why: String) {
    if let Some(number) = number_of(dtype) {
        LEDGER.refuse((device.to_id().index_id, number), why);
    }
}

/// Why the kernel is not used in this process, if a check failed.
pub fn hopper_refusal() -> Option<String> {
    LEDGER.refusal()
}

/// Tokens per pass that fill a card for which [`check_hopper`] was successful: full waves of tiles.
pub fn hopper_pass_tokens<R: CubeRuntime>(device: &R::Device) -> Option<NonZeroUsize> {
    let client = R::client(device);
    let multiprocessors = cuda_client(&client)?.properties().hardware.num_streaming_multiprocessors;
    NonZeroUsize::new(schedule::pass_tokens(multiprocessors? as usize))
}

/// A kernel that hangs cannot be stopped, and while it runs, ending a process in the usual way
/// waits for it.
fn end_process(trial: &str, remedy: &str) {
    eprintln!(
        "error: the check of the kernel for Hopper cards ({trial}) did not end within {} s, so this process \
         ends; {remedy}",
        DEADLINE.as_secs()
    );
    std::process::abort();
}

/// `activation(x · weightᵀ + bias)`; `None` where the kernel is not trusted, or does not support
/// the shapes or types.
///
/// # Shapes
/// See [`linear`](crate::linear).
pub(crate) fn layer<R: CubeRuntime>(
    x: &CubeTensor<R>,
    weight: &CubeTensor<R>,
    bias: Option<&CubeTensor<R>>,
    activation: Activation,
) -> Option<CubeTensor<R>> {
    if !LEDGER.is_trusted() || x.dtype != weight.dtype {
        return None;
    }
    layer_unchecked(x, weight, bias, activation)
}

/// [`layer`], whether or not the kernel is trusted.
fn layer_unchecked<R: CubeRuntime>(
    x: &CubeTensor<R>,
    weight: &CubeTensor<R>,
    bias: Option<&CubeTensor<R>>,
    activation: Activation,
) -> Option<CubeTensor<R>> {
    let client = x.client.clone();
    let (client, number) = (cuda_client(&client)?, number_of(x.dtype)?);
    let [tokens, depth] = dims(x);
    let out = weight.meta.shape()[0];
    assert_eq!(depth, weight.meta.shape()[1], "x and weight differ in width");
    assert!(bias.is_none_or(|bias| bias.meta.shape()[0] == out), "bias is not [out]");
    assert!(is_f32(bias), "bias is not f32");
    let schedule = Schedule::of_layer(tokens, out, depth)?;
    let (epilogue, rest) = match (bias, activation) {
        (None, activation) => (Epilogue::Plain, activation),
        (Some(_), Activation::Gelu) => (Epilogue::BiasGelu, Activation::Linear),
        (Some(_), activation) => (Epilogue::Bias, activation),
    };
    let (x, weight) = (into_contiguous(x.clone()), into_contiguous(weight.clone()));
    let bias = bias.cloned().map(into_contiguous);
    let y = empty_like(&x, [tokens, out], x.dtype);
    launch::layer(client, Variant { epilogue, number }, schedule, [&x, &weight, &y], bias.as_ref());
    Some(add_bias(y, None, rest))
}

/// Whether [`head`] runs on the kernel: it is trusted, and supports the shapes and types.
pub(crate) fn has_head<R: CubeRuntime>(x: &CubeTensor<R>, decoder: &CubeTensor<R>) -> bool {
    LEDGER.is_trusted() && head_schedule(x, decoder).is_some()
}

fn head_schedule<R: CubeRuntime>(
    x: &CubeTensor<R>,
    decoder: &CubeTensor<R>,
) -> Option<(Variant, Schedule)> {
    cuda_client(&x.client)?;
    let number = number_of(x.dtype).filter(|_| x.dtype == decoder.dtype)?;
    let ([tokens, depth], vocab) = (dims(x), decoder.meta.shape()[0]);
    let schedule = Schedule::of_head(vocab, tokens, depth)?;
    Some((Variant { epilogue: Epilogue::Head, number }, schedule))
}

/// Raises `largest[text * vocab + word]` to the bits of the largest logit above zero, or to those
/// of NaN. All tensors are contiguous.
///
/// # Shapes
/// `x` `[tokens, hidden]`, `decoder` `[vocab, hidden]`, `bias` `[vocab]` `f32`, `text_of`
/// `[tokens]`, `largest` `[texts * vocab]` `u32`.
///
/// # Panics
/// If the kernel does not support the shapes or types.
pub(crate) fn head<R: CubeRuntime>(
    x: &CubeTensor<R>,
    decoder: &CubeTensor<R>,
    bias: &CubeTensor<R>,
    text_of: Handle,
    largest: &CubeTensor<R>,
) {
    let (variant, schedule) = head_schedule(x, decoder).expect("the head has supported shapes");
    let client: &ComputeClient<_> = cuda_client(&x.client).expect("the head has CUDA's client");
    launch::head(client, variant, schedule, [x, decoder, bias, largest], text_of);
}

#[cfg(test)]
mod tests {
    use cubecl::cuda::CudaRuntime;

    use super::*;

    #[test]
    fn a_type_without_kernel_is_refused_before_the_card_is_asked() {
        let why = check_hopper::<CudaRuntime>(&burn_cuda::CudaDevice::new(0), DType::F32, "");
        assert!(why.is_err_and(|why| why.contains("only f16 and bf16")));
    }

    /// Where there is no such card, the check says so instead of panicking.
    #[test]
    fn a_card_passes_the_check_or_has_no_such_kernel() {
        for dtype in [DType::BF16, DType::F16] {
            let device = burn_cuda::CudaDevice::new(0);
            match check_hopper::<CudaRuntime>(&device, dtype, "run fewer tests") {
                Ok(verdict) => assert!(matches!(verdict, Verdict::Proven { .. }), "{verdict:?}"),
                Err(why) => eprintln!("skipped: {why}"),
            }
        }
    }
}
